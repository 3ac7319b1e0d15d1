/** A volume, a state directory and a mount point whose names hold what URLs, shells and tables of mounts escape. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MountFixture, runShoal, skipWithoutMount } from "../support/mount-fixture.ts";

describe("a mount below a path with odd characters", skipWithoutMount(), () => {
  it("mounts, survives a kill, is found by its names, and unmounts", async () => {
    await using fixture = await MountFixture.mounted({ name: `a b\n%41#?'",;ü` });
    const file = join(fixture.mountPoint, "f");
    writeFileSync(file, "one");
    await fixture.kill();
    assert.equal(readFileSync(file, "utf8"), "one");
    for (const target of [fixture.mountPoint, fixture.volumeRoot, file]) {
      const { code, stdout } = await runShoal(["status", "--json", target]);
      assert.equal(code, 0, target);
      const { volumes } = JSON.parse(stdout) as { volumes: Record<string, unknown>[] };
      assert.equal(volumes[0]?.["mountPoint"], fixture.mountPoint);
    }
    const { code, stderr } = await runShoal(["mount", fixture.volumeRoot, fixture.base]);
    assert.equal(code, 1);
    assert.ok(stderr.includes("lies under the mount point"), stderr);
    const state = join(fixture.base, "back\\slash");
    const refused = await runShoal(["mount", "--state-dir", state, "/nowhere", fixture.base]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /has a backslash in its path/u);
    await fixture.umount();
    await fixture.demandClean();
  });
});
