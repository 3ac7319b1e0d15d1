import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetaFixture, at, makeCaller } from "../../../test/support/meta-fixture.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { ROOT_INO, toIno } from "../../core/ids.ts";
import { CHATTR_FLAGS, FileType, InodeFlag } from "../inode.ts";
import { atime, isAtimeDue } from "./atime.ts";
import { create } from "./create.ts";
import { setInodeFlags } from "./set-inode-flags.ts";
import { setxattr } from "./setxattr.ts";

const LATER = makeCaller({ now: at(3000) });
const OWNER = makeCaller({ uid: 7, gid: 7 });

describe("set-inode-flags", () => {
  it("sets flags and project, and leaves what the engine remembers in the same field", () => {
    const fixture = new MetaFixture();
    const d = fixture.makeDirectory("d");
    const value = Buffer.from("v");
    fixture.run(setxattr, { ino: d, name: "user.x", value, flags: 0, killSgid: false });
    fixture.run(setInodeFlags, { ino: d, flags: CHATTR_FLAGS, projid: 0xffff_ffff }, LATER);
    const { flags, projid, ctimeSec, mtimeSec } = fixture.inode("d");
    assert.equal(flags, CHATTR_FLAGS | InodeFlag.XATTR);
    assert.deepEqual([projid, ctimeSec, mtimeSec], [0xffff_ffff, 3000, 2000]);
    fixture.run(setInodeFlags, { ino: d, flags: 0, projid: 0 });
    assert.equal(fixture.inode("d").flags, InodeFlag.XATTR);
    const { ino } = fixture.run(create, {
      parent: ROOT_INO,
      name: undefined,
      mode: FileType.REGULAR,
      rdev: 0,
    });
    fixture.run(setInodeFlags, { ino, flags: InodeFlag.NODUMP, projid: 0 });
    const nameless = fixture.state.requireInode(ino);
    assert.equal(nameless.flags, InodeFlag.NODUMP | InodeFlag.LINKABLE);
    fixture.check();
  });

  it("refuses with the errors of ext4", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f", {}, { ...OWNER, privileged: true });
    const l = fixture.make("l", { mode: FileType.SYMLINK, target: "f" });
    const set = (
      flags: number,
      projid = 0,
    ): { ino: typeof ino; flags: number; projid: number } => ({
      ino,
      flags,
      projid,
    });
    const { IMMUTABLE, APPEND, NODUMP, SYNC, DIRSYNC, PROJINHERIT, XATTR } = InodeFlag;
    fixture.refuses(setInodeFlags, { ...set(0), ino: toIno(99) }, "ESTALE");
    fixture.refuses(setInodeFlags, set(NODUMP), "EPERM", makeCaller({ uid: 8 }));
    fixture.refuses(setInodeFlags, set(IMMUTABLE), "EPERM", OWNER);
    fixture.refuses(setInodeFlags, set(APPEND), "EPERM", { ...OWNER, checkAccess: false });
    for (const flags of [DIRSYNC, PROJINHERIT, XATTR, 1 << 20]) {
      fixture.refuses(setInodeFlags, set(flags), "EOPNOTSUPP");
    }
    fixture.refuses(setInodeFlags, { ...set(SYNC), ino: l }, "EOPNOTSUPP");
    fixture.run(setInodeFlags, set(NODUMP, 5), OWNER);
    fixture.run(setInodeFlags, set(NODUMP | IMMUTABLE, 5));
    fixture.refuses(setInodeFlags, set(IMMUTABLE, 5), "EPERM");
    fixture.refuses(setInodeFlags, set(NODUMP | IMMUTABLE, 6), "EPERM");
    fixture.refuses(setInodeFlags, set(NODUMP, 5), "EPERM", OWNER);
    fixture.run(setInodeFlags, set(NODUMP | IMMUTABLE, 5));
    fixture.run(setInodeFlags, set(SYNC, 6));
    fixture.check();
  });

  it("finds corruption when its inode is missing", () => {
    const fixture = new MetaFixture();
    const args = { ino: toIno(99), flags: 0, projid: 0 };
    assert.throws(() => setInodeFlags.apply(fixture.state, args, at(1)), CorruptError);
    assert.throws(() => atime.apply(fixture.state, { ino: toIno(99) }, at(1)), CorruptError);
  });
});

describe("atime", () => {
  it("changes the atime alone", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(atime, { ino }, makeCaller({ now: at(3000, 7) }));
    const { atimeSec, atimeNsec, mtimeSec, ctimeSec } = fixture.inode("f");
    assert.deepEqual([atimeSec, atimeNsec, mtimeSec, ctimeSec], [3000, 7, 2000, 2000]);
    fixture.refuses(atime, { ino: toIno(99) }, "ESTALE");
    fixture.check();
  });

  it("is due when it is not after mtime and ctime, or a day old", () => {
    const fixture = new MetaFixture();
    fixture.make("f");
    const inode = fixture.inode("f");
    const isDue = (atimeSec: number, atimeNsec: number, now: number): boolean => {
      Object.assign(inode, { atimeSec, atimeNsec });
      return isAtimeDue(inode, at(now));
    };
    assert.equal(isDue(2000, 5, 2001), true, "as old as mtime");
    assert.equal(isDue(2000, 6, 2001), false);
    inode.ctimeSec = 2500;
    assert.equal(isDue(2400, 0, 2501), true, "before ctime");
    assert.equal(isDue(2501, 0, 2502), false);
    assert.equal(isDue(2501, 0, 2501 + 86_399), false);
    assert.equal(isDue(2501, 0, 2501 + 86_400), true, "a day old");
    inode.flags = InodeFlag.NOATIME;
    assert.equal(isDue(0, 0, 5000), false);
  });
});
