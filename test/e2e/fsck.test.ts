/** fsck of a volume that is mounted, while it is written, and of one whose processes are all gone. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MountFixture, runShoal, skipWithoutMount } from "../support/mount-fixture.ts";

const CHECK_COUNT = 4;

describe("fsck through a mount", skipWithoutMount(), () => {
  it("finds a volume clean while it is written, and does not disturb it", async () => {
    await using fixture = await MountFixture.mounted({ name: "fsck" });
    let isDone = false;
    const writing = (async (): Promise<number> => {
      let count = 0;
      for (; !isDone; count++) {
        const path = join(fixture.mountPoint, `f${count % 300}`);
        await writeFile(path, Buffer.alloc(20_000, count));
      }
      return count;
    })();
    try {
      for (let n = 0; n < CHECK_COUNT; n++) {
        const { code, stdout, stderr } = await runShoal(["fsck", fixture.mountPoint]);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stderr, /^journal$/mu);
      }
    } finally {
      isDone = true;
    }
    assert.ok((await writing) > 0);
    const { restarts } = (await fixture.call("status")) as { readonly restarts: number };
    assert.equal(restarts, 0);
    await fixture.umount();
    await fixture.demandClean();
  });

  it("finds the journal of a volume whose mount died, and counts its records", async () => {
    await using fixture = await MountFixture.mounted({ name: "fsck-dead" });
    for (let n = 0; n < 50; n++) writeFileSync(join(fixture.mountPoint, `f${n}`), `text ${n}`);
    fixture.killAll();
    const { code, stdout, stderr } = await runShoal(["fsck", fixture.volumeRoot]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /, [1-9]\d* journal records,/u);
  });
});
