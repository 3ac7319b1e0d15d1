import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { installHelpers, removeHelpers } from "./helper-scripts.ts";

describe("the helpers of mount(8)", () => {
  let prefix: string;
  beforeEach(() => {
    prefix = mkdtempSync(join(tmpdir(), "shoal-helpers-"));
  });
  afterEach(() => rmSync(prefix, { recursive: true, force: true }));

  it("are written executable and start this installation with their own name and the arguments", () => {
    const paths = installHelpers(prefix, ["/bin/echo", "it's here/main.ts"]);
    assert.deepEqual(paths, [
      join(prefix, "sbin/mount.fuse.shoal"),
      join(prefix, "sbin/umount.fuse.shoal"),
    ]);
    for (const path of paths) assert.equal(statSync(path).mode & 0o777, 0o755);
    const said = execFileSync(paths[0]!, ["/vol", "/mnt dir", "-o", "ro"], { encoding: "utf8" });
    assert.equal(said, "it's here/main.ts mount.fuse.shoal /vol /mnt dir -o ro\n");
  });

  it("are replaced by a second installation, and removed again", () => {
    installHelpers(prefix, ["/old/node"]);
    const paths = installHelpers(prefix, ["/new/node"]);
    assert.match(readFileSync(paths[1]!, "utf8"), /\/new\/node/u);
    assert.deepEqual(removeHelpers(prefix), paths);
    assert.deepEqual(removeHelpers(prefix), []);
  });

  it("are not written where there is nothing, nor where nothing can be made", () => {
    assert.throws(() => installHelpers(join(prefix, "typo"), ["/opt/node"]), {
      code: "ENOENT",
      message: /typo does not exist/u,
    });
    assert.throws(() => installHelpers("/proc", ["/opt/node"]), { message: /\/proc/u });
  });

  it("never replace or remove a file of somebody else, and write nothing when one is", () => {
    mkdirSync(join(prefix, "sbin"));
    const foreign = join(prefix, "sbin/umount.fuse.shoal");
    writeFileSync(foreign, "#!/bin/sh\n");
    assert.throws(() => installHelpers(prefix, ["/opt/node"]), { code: "EEXIST" });
    assert.throws(() => removeHelpers(prefix), { code: "EEXIST" });
    assert.equal(readFileSync(foreign, "utf8"), "#!/bin/sh\n");
    assert.throws(() => statSync(join(prefix, "sbin/mount.fuse.shoal")), { code: "ENOENT" });
  });
});
