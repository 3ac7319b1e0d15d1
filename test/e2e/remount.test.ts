/** `mount -o remount` as root: what the kernel, the engine and the next volume process make of it. */
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import {
  type CliResult,
  MountFixture,
  runShoal,
  skipWithoutMount,
} from "../support/mount-fixture.ts";

describe("a mount", skipWithoutMount(), () => {
  let fixture: MountFixture;

  beforeEach(async () => {
    fixture = await MountFixture.mounted({ name: "remount" });
  });
  afterEach(() => fixture?.remove());

  it("is made read-only and writable again by a remount, and stays so when its process dies", async () => {
    const remount = (options: string): Promise<CliResult> =>
      runShoal(["mount", "-o", `remount,${options}`, fixture.mountPoint]);
    const file = join(fixture.mountPoint, "f");
    writeFileSync(file, "one");
    const fd = openSync(file, "r+");
    const busy = await remount("ro");
    assert.equal(busy.code, 1);
    assert.match(busy.stderr, /has files that are open for writing\n.*process \d+ \(.*\): fd/u);
    closeSync(fd);
    // What is so already is no change: mount(8) repeats the line of /etc/fstab.
    assert.deepEqual(await remount("ro,nodev,relatime"), {
      code: 0,
      stdout: `${fixture.mountPoint} is remounted\n`,
      stderr: "",
    });
    await fixture.kill();
    assert.throws(() => writeFileSync(file, "two"), { code: "EROFS" });
    assert.throws(() => unlinkSync(file), { code: "EROFS" });
    assert.match((await runShoal(["status", fixture.mountPoint])).stdout, /serving, read-only/u);
    const refused = await remount("rw,noexec,durability=memory");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /remount cannot change durability, .*noexec/u);
    assert.equal((await remount("rw")).code, 0);
    writeFileSync(file, "two");
    await fixture.kill();
    writeFileSync(file, "three");
    assert.equal(readFileSync(file, "utf8"), "three");
    assert.match((await runShoal(["status", fixture.mountPoint])).stdout, /serving\n/u);
    await fixture.umount();
    await fixture.demandClean();
  });
});
