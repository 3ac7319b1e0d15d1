/** mount(8) and umount(8) with our helpers, in a mount namespace of their own where /sbin holds only those. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  type CliResult,
  MountFixture,
  runCommand,
  runShoal,
  skipWithoutMount,
} from "../support/mount-fixture.ts";

/** Runs shell lines in which `mount` and `umount` find the helpers that were installed below `prefix`. */
function runWithHelpers(prefix: string, lines: readonly string[]): Promise<CliResult> {
  const script = [`mount --bind '${join(prefix, "sbin")}' '${realpathSync("/sbin")}'`, ...lines];
  return runCommand(["unshare", "--mount", "sh", "-c", script.join("\n")]);
}

describe("the helpers that install-helpers writes", skipWithoutMount(), () => {
  it("mount, unmount, and are taken away again", async () => {
    await using fixture = await MountFixture.create({ name: "helpers" });
    const { base, volumeRoot, mountPoint, stateDirectory } = fixture;
    const installed = await runShoal(["install-helpers", "--prefix", base]);
    assert.equal(installed.code, 0, installed.stderr);
    const helper = (name: string): string => join(base, "sbin", name);
    const options = `rw,state_dir=${stateDirectory},nofail`;
    const mounted = await runCommand([
      helper("mount.fuse.shoal"),
      `file://${volumeRoot}`,
      mountPoint,
      "-o",
      options,
    ]);
    assert.equal(mounted.code, 0, mounted.stderr);
    writeFileSync(join(mountPoint, "f"), "through the helper");
    const unmounted = await runCommand([helper("umount.fuse.shoal"), mountPoint]);
    assert.equal(unmounted.code, 0, unmounted.stderr);
    await fixture.ended();
    await fixture.demandClean();
    const removed = await runShoal(["install-helpers", "--remove", "--prefix", base]);
    assert.equal(removed.code, 0, removed.stderr);
    assert.equal(existsSync(helper("mount.fuse.shoal")), false);
  });

  it("are found by mount(8) and umount(8), which drain and say who uses the mount", async () => {
    await using fixture = await MountFixture.create({ name: "helpers-found" });
    const { base, volumeRoot, mountPoint, stateDirectory } = fixture;
    await runShoal(["install-helpers", "--prefix", base]);
    const result = await runWithHelpers(base, [
      `mount -t fuse.shoal -o state_dir=${stateDirectory},noexec ${volumeRoot} ${mountPoint} || exit 10`,
      `echo acknowledged > ${mountPoint}/f`,
      `cd ${mountPoint} && umount ${mountPoint} && exit 11`,
      `cd / && umount ${mountPoint} || exit 12`,
      `grep -q " ${mountPoint} " /proc/self/mountinfo && exit 13`,
      "exit 0",
    ]);
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /^shoal: .* is in use\n {7}process \d+ \(sh\): cwd\n/mu);
    await fixture.demandClean();
    await fixture.mount();
    assert.equal(readFileSync(join(mountPoint, "f"), "utf8"), "acknowledged\n");
    await fixture.umount();
  });
});
