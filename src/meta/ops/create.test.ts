import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aclValue } from "../../../test/support/acl-values.ts";
import { MetaFixture, makeCaller } from "../../../test/support/meta-fixture.ts";
import { ROOT_INO, toIno } from "../../core/ids.ts";
import { ACCESS_ACL_NAME, DEFAULT_ACL_NAME } from "../acl.ts";
import { FileType, InodeFlag } from "../inode.ts";
import { create, type CreateArgs } from "./create.ts";
import { setInodeFlags } from "./set-inode-flags.ts";
import { setxattr } from "./setxattr.ts";
import { rmdir } from "./rmdir.ts";

const FILE: CreateArgs = {
  parent: ROOT_INO,
  name: "f",
  mode: FileType.REGULAR | 0o666,
  rdev: 0,
};

function setAcl(fixture: MetaFixture, path: string, name: string, text: string): void {
  const value = aclValue(text);
  fixture.run(setxattr, { ino: fixture.ino(path), name, value, flags: 0, killSgid: false });
}

describe("create", () => {
  it("makes a file with the caller's ids, the umask taken off, all times now", () => {
    const fixture = new MetaFixture();
    const caller = makeCaller({ uid: 7, gid: 8, umask: 0o027, privileged: true });
    fixture.make("f", { mode: FileType.REGULAR | 0o4777 }, caller);
    const { mode, uid, gid, nlink, size, atimeSec, btimeSec, ctimeNsec } = fixture.inode("f");
    assert.deepEqual(
      { mode, uid, gid, nlink, size, atimeSec, btimeSec, ctimeNsec },
      {
        mode: 0o104750,
        uid: 7,
        gid: 8,
        nlink: 1,
        size: 0,
        atimeSec: 2000,
        btimeSec: 2000,
        ctimeNsec: 5,
      },
    );
    const root = fixture.state.requireInode(ROOT_INO);
    assert.deepEqual([root.mtimeSec, root.ctimeSec, root.nlink], [2000, 2000, 2]);
    fixture.check();
  });

  it("makes a directory with two links and one more in its parent", () => {
    const fixture = new MetaFixture();
    const ino = fixture.makeDirectory("d", 0o6777);
    const inode = fixture.inode("d");
    assert.deepEqual([inode.nlink, inode.parent, inode.mode], [2, ROOT_INO, 0o040777]);
    assert.equal(fixture.state.requireInode(ROOT_INO).nlink, 3);
    assert.equal(ino, 2);
    fixture.check();
  });

  it("makes symlinks and devices", () => {
    const fixture = new MetaFixture();
    const caller = makeCaller({ umask: 0o077 });
    fixture.make("l", { mode: FileType.SYMLINK, target: "x/y" }, caller);
    fixture.make("c", { mode: FileType.CHARACTER | 0o600, rdev: 259 });
    assert.deepEqual([fixture.inode("l").mode, fixture.inode("l").size], [0o120777, 3]);
    assert.equal(fixture.state.tables.symlinks.get(fixture.ino("l")), "x/y");
    assert.equal(fixture.inode("c").rdev, 259);
    fixture.check();
  });

  it("makes a file without a name, an orphan", () => {
    const fixture = new MetaFixture();
    const { ino } = fixture.run(create, { ...FILE, name: undefined });
    assert.equal(fixture.state.requireInode(ino).nlink, 0);
    assert.deepEqual([...fixture.state.orphans], [ino]);
    assert.deepEqual(fixture.names(), []);
    fixture.check();
  });

  it("takes group and set-gid from a set-gid directory", () => {
    const fixture = new MetaFixture();
    const d = fixture.makeDirectory("d", 0o777);
    fixture.inode("d").mode |= 0o2000;
    fixture.inode("d").gid = 50;
    const outsider = makeCaller({ uid: 7, gid: 8 });
    const member = makeCaller({ uid: 7, gid: 8, groups: [50] });
    const make = (mode: number, caller = outsider): { mode: number; gid: number } =>
      create.prepare(fixture.state, caller, { ...FILE, parent: d, mode });
    assert.deepEqual([make(0o040755).mode, make(0o040755).gid], [0o042755, 50]);
    assert.deepEqual([make(0o100755).mode, make(0o100755).gid], [0o100755, 50]);
    assert.equal(make(0o102755).mode, 0o100755, "not set-gid in another's group");
    assert.equal(make(0o102745).mode, 0o102745, "without execution it means nothing");
    assert.equal(make(0o102755, member).mode, 0o102755);
    assert.equal(make(0o102755, makeCaller()).mode, 0o102755);
    assert.equal(make(0o102755, { ...outsider, checkAccess: false }).mode, 0o102755);
    assert.equal(make(0o102755, { ...outsider, umask: 0o010 }).mode, 0o100745, "before the umask");
  });

  it("goes by the default ACL and not by the umask, where ACLs are on", () => {
    const fixture = new MetaFixture();
    fixture.makeDirectory("d");
    const text = "u::rwx,u:7:rwx,g::rx,m::rwx,o::";
    setAcl(fixture, "d", DEFAULT_ACL_NAME, text);
    const caller = makeCaller({ umask: 0o077 });
    fixture.make("d/f", { mode: 0o100664 }, caller);
    fixture.make("d/sub", { mode: 0o040775 }, caller);
    fixture.make("d/l", { mode: FileType.SYMLINK, target: "t" }, caller);
    const { xattrs } = fixture.state.tables;
    assert.equal(fixture.inode("d/f").mode, 0o100660);
    assert.deepEqual(
      xattrs.get(fixture.ino("d/f"), ACCESS_ACL_NAME),
      aclValue("u::rw,u:7:rwx,g::rx,m::rw,o::"),
    );
    assert.equal(fixture.inode("d/f").has(InodeFlag.DEFAULT_ACL), false);
    assert.equal(fixture.inode("d/sub").mode, 0o040770);
    assert.deepEqual(xattrs.get(fixture.ino("d/sub"), DEFAULT_ACL_NAME), aclValue(text));
    assert.equal(fixture.inode("d/l").has(InodeFlag.XATTR), false);
    fixture.check();
  });

  it("hands on chattr flags and the project, as far as the type may have them", () => {
    const fixture = new MetaFixture();
    const d = fixture.makeDirectory("d");
    const { NODUMP, NOATIME, SYNC, DIRSYNC, PROJINHERIT, APPEND } = InodeFlag;
    const flags = NODUMP | NOATIME | SYNC | DIRSYNC | PROJINHERIT | APPEND;
    fixture.run(setInodeFlags, { ino: d, flags, projid: 9 });
    fixture.makeDirectory("d/sub");
    fixture.make("d/f");
    fixture.make("d/l", { mode: FileType.SYMLINK, target: "t" });
    assert.equal(fixture.inode("d/sub").flags, flags & ~APPEND);
    assert.equal(fixture.inode("d/f").flags, NODUMP | NOATIME | SYNC);
    assert.equal(fixture.inode("d/l").flags, NODUMP | NOATIME);
    assert.equal(fixture.inode("d/f").projid, 9);
    fixture.check();
  });

  it("refuses with the errors of Linux, in their order", () => {
    const fixture = new MetaFixture();
    const stranger = makeCaller({ uid: 7 });
    fixture.make("f");
    fixture.makeDirectory("closed", 0o700);
    fixture.make("closed/known");
    const closed = fixture.ino("closed");
    fixture.refuses(create, { ...FILE, parent: toIno(99) }, "ESTALE");
    fixture.refuses(create, { ...FILE, parent: fixture.ino("f") }, "ENOTDIR");
    fixture.refuses(create, FILE, "EEXIST", stranger);
    fixture.refuses(create, { ...FILE, name: "new" }, "EACCES", stranger);
    fixture.refuses(create, { ...FILE, name: undefined }, "EACCES", stranger);
    fixture.refuses(create, { ...FILE, parent: closed, name: "known" }, "EACCES", stranger);
    fixture.refuses(create, { ...FILE, name: "x".repeat(256) }, "ENAMETOOLONG");
    fixture.refuses(create, { ...FILE, name: "" }, "ENOENT");
    fixture.refuses(create, { ...FILE, name: ".." }, "EEXIST");
    fixture.refuses(create, { ...FILE, name: "a/b" }, "EINVAL");
    fixture.refuses(create, { ...FILE, name: "g", mode: 0o644 }, "EINVAL");
    const symlink = { ...FILE, name: "l", mode: FileType.SYMLINK };
    fixture.refuses(create, symlink, "ENOENT");
    fixture.refuses(create, { ...symlink, target: "x".repeat(4096) }, "ENAMETOOLONG");
    fixture.run(setInodeFlags, { ino: closed, flags: InodeFlag.IMMUTABLE, projid: 0 });
    fixture.refuses(create, { ...FILE, parent: closed, name: "g" }, "EPERM");
    fixture.refuses(create, { ...FILE, parent: closed, name: undefined }, "EPERM");
    const gone = fixture.makeDirectory("gone");
    fixture.run(rmdir, { parent: ROOT_INO, name: "gone" });
    fixture.refuses(create, { ...FILE, parent: gone }, "ENOENT");
    fixture.check();
  });
});
