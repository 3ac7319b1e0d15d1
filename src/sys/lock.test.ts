import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { geteuid } from "node:process";
import { after, describe, it } from "node:test";
import { handleOf, openHandle } from "./handle.ts";
import { LockKind, tryLockFile, tryLockRange, unlockFile } from "./lock.ts";
import { filesystemMagic, FilesystemMagic, unmountFilesystem } from "./mount.ts";
import { setThreadName, usableCpuCount } from "./process.ts";
import { getXattr, getXattrSize, listXattrs, removeXattr, setXattr, XattrFlag } from "./xattr.ts";

const directory = mkdtempSync(join(tmpdir(), "shoal-sys-"));
after(() => rmSync(directory, { recursive: true }));

describe("a lock", () => {
  it("on a file keeps other open files out, until unlocked or closed", () => {
    const path = join(directory, "lock");
    const one = openSync(path, "w");
    const other = openSync(path, "r");
    assert.equal(tryLockFile(one), true);
    assert.equal(tryLockFile(other), false);
    assert.equal(tryLockFile(other, { shared: true }), false);
    unlockFile(one);
    assert.equal(tryLockFile(other), true);
    closeSync(other);
    assert.equal(tryLockFile(one), true);
    closeSync(one);
  });

  it("on a range keeps others out of that range alone", () => {
    const path = join(directory, "range");
    const one = openSync(path, "w+");
    const other = openSync(path, "r+");
    assert.equal(tryLockRange(one, LockKind.WRITE, { start: 0, size: 10 }), true);
    assert.equal(tryLockRange(other, LockKind.READ, { start: 5, size: 1 }), false);
    assert.equal(tryLockRange(other, LockKind.WRITE, { start: 10, size: 0 }), true);
    assert.equal(tryLockRange(one, LockKind.UNLOCK, { start: 0, size: 10 }), true);
    assert.equal(tryLockRange(other, LockKind.READ, { start: 5, size: 1 }), true);
    closeSync(one);
    closeSync(other);
    assert.throws(() => tryLockFile(one), { code: "EBADF" });
  });
});

describe("an extended attribute", () => {
  it("is made, replaced, listed, read and removed", () => {
    const path = join(directory, "attributed");
    closeSync(openSync(path, "w"));
    setXattr(path, "user.one", Uint8Array.of(1, 0, 2), XattrFlag.CREATE);
    assert.throws(() => setXattr(path, "user.one", Uint8Array.of(1), XattrFlag.CREATE), {
      code: "EEXIST",
    });
    assert.deepEqual(getXattr(path, "user.one"), Uint8Array.of(1, 0, 2));
    assert.equal(getXattrSize(path, "user.one"), 3);
    assert.ok(listXattrs(path).includes("user.one"));
    setXattr(path, "user.empty", new Uint8Array(0));
    assert.equal(getXattr(path, "user.empty").length, 0);
    removeXattr(path, "user.one");
    assert.throws(() => getXattr(path, "user.one"), { code: "ENODATA" });
  });
});

describe("the system", () => {
  it("says of which kind a file system is", () => {
    assert.equal(filesystemMagic("/"), statfsSync("/").type);
    assert.equal(filesystemMagic("/proc"), 0x9fa0);
    assert.notEqual(filesystemMagic("/proc"), FilesystemMagic.TMPFS);
    assert.throws(() => filesystemMagic(join(directory, "absent")), { code: "ENOENT" });
  });

  it("says how many CPUs we may use, and takes a thread's name", () => {
    assert.ok(usableCpuCount() >= 1);
    setThreadName("shoal-sys-test");
    assert.equal(readFileSync("/proc/thread-self/comm", "utf8").trim(), "shoal-sys-test");
  });

  it("refuses to unmount what is not mounted", () => {
    const code = geteuid?.() === 0 ? "EINVAL" : "EPERM";
    assert.throws(() => unmountFilesystem(directory, 0), { code });
  });

  it("opens a file by its handle", { skip: geteuid?.() === 0 ? false : "wants root" }, (t) => {
    const path = join(directory, "handled");
    closeSync(openSync(path, "w"));
    const mount = openSync(directory, "r");
    try {
      const fd = openHandle(mount, handleOf(path), 0);
      closeSync(fd);
      const handle = handleOf(path);
      rmSync(path);
      assert.throws(() => openHandle(mount, handle, 0), { code: "ESTALE" });
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== "EPERM" && code !== "EOPNOTSUPP") throw error;
      t.skip(`this file system or container refuses handles: ${code}`);
    } finally {
      closeSync(mount);
    }
  });
});
