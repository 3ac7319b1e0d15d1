import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aclValue } from "../../../test/support/acl-values.ts";
import { MetaFixture, at, makeCaller } from "../../../test/support/meta-fixture.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { ROOT_INO, toIno, type Ino } from "../../core/ids.ts";
import { XATTR_LIST_SIZE_MAX, XATTR_VALUE_SIZE_MAX } from "../../core/limits.ts";
import { ACCESS_ACL_NAME, DEFAULT_ACL_NAME } from "../acl.ts";
import { FileType, InodeFlag } from "../inode.ts";
import { getXattr, listXattrs, xattrListSize } from "../xattr-read.ts";
import { CAPABILITY_NAME } from "../xattr-store.ts";
import { removexattr } from "./removexattr.ts";
import { setInodeFlags } from "./set-inode-flags.ts";
import { setxattr, type SetxattrArgs } from "./setxattr.ts";

const LATER = makeCaller({ now: at(3000) });
const USER = makeCaller({ uid: 7, gid: 7 });
const STRANGER = makeCaller({ uid: 8, gid: 8 });

function argsOf(ino: Ino, name: string, value: string | Uint8Array, flags = 0): SetxattrArgs {
  return { ino, name, value: Buffer.from(value), flags, killSgid: false };
}

function read(fixture: MetaFixture, path: string, name: string): string | undefined {
  const value = getXattr(fixture.state, makeCaller(), fixture.inode(path), name);
  return value === undefined ? undefined : Buffer.from(value).toString("latin1");
}

describe("setxattr", () => {
  it("sets and replaces a value, an empty one too, and the ctime", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(setxattr, argsOf(ino, "user.x", "one"), LATER);
    assert.equal(read(fixture, "f", "user.x"), "one");
    assert.deepEqual([fixture.inode("f").ctimeSec, fixture.inode("f").mtimeSec], [3000, 2000]);
    fixture.run(setxattr, argsOf(ino, "user.x", "\0\xff"));
    assert.equal(read(fixture, "f", "user.x"), "\0\xc3\xbf");
    fixture.run(setxattr, argsOf(ino, "user.x", ""));
    assert.equal(read(fixture, "f", "user.x"), "");
    assert.equal(fixture.inode("f").flags, InodeFlag.XATTR);
    fixture.check();
  });

  it("keeps to CREATE and REPLACE", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.refuses(setxattr, argsOf(ino, "user.x", "v", 2), "ENODATA");
    fixture.run(setxattr, argsOf(ino, "user.x", "v", 1));
    fixture.refuses(setxattr, argsOf(ino, "user.x", "v", 1), "EEXIST");
    fixture.refuses(setxattr, argsOf(ino, "user.x", "v", 3), "EEXIST");
    fixture.refuses(setxattr, argsOf(ino, "user.y", "v", 3), "ENODATA");
    fixture.refuses(setxattr, argsOf(ino, "user.x", "v", 4), "EINVAL");
    fixture.run(setxattr, argsOf(ino, "user.x", "w", 2));
    assert.equal(read(fixture, "f", "user.x"), "w");
    fixture.check();
  });

  it("keeps to the limits of names, values and the list", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    const longest = `user.${"n".repeat(250)}`;
    fixture.run(setxattr, argsOf(ino, longest, new Uint8Array(XATTR_VALUE_SIZE_MAX)));
    fixture.refuses(setxattr, argsOf(ino, `${longest}n`, "v"), "ERANGE");
    fixture.refuses(setxattr, argsOf(ino, "", "v"), "ERANGE");
    fixture.refuses(setxattr, argsOf(ino, "user.", "v"), "EINVAL");
    const tooLong = new Uint8Array(XATTR_VALUE_SIZE_MAX + 1);
    fixture.refuses(setxattr, argsOf(ino, "user.x", tooLong), "E2BIG");
    let size = longest.length + 1;
    for (let i = 0; size + 256 <= XATTR_LIST_SIZE_MAX; i++, size += 256) {
      fixture.run(setxattr, argsOf(ino, `user.${String(i).padEnd(250, "n")}`, ""));
    }
    assert.equal(size, XATTR_LIST_SIZE_MAX);
    const names = listXattrs(fixture.state, makeCaller(), fixture.inode("f"));
    assert.equal(xattrListSize(names), XATTR_LIST_SIZE_MAX);
    fixture.refuses(setxattr, argsOf(ino, "user.x", "v"), "ENOSPC");
    const acl = aclValue("u::r,u:1:r,g::r,m::r,o::r");
    fixture.refuses(setxattr, argsOf(ino, ACCESS_ACL_NAME, acl), "ENOSPC");
    fixture.run(setxattr, argsOf(ino, longest, "replaced"));
    fixture.check();
  });

  it("knows whose each namespace is", () => {
    const fixture = new MetaFixture();
    const f = fixture.make("f", { mode: 0o100666 }, { ...USER, privileged: true });
    const l = fixture.make("l", { mode: FileType.SYMLINK, target: "f" });
    const closed = fixture.make("closed", { mode: 0o100644 });
    fixture.makeDirectory("sticky", 0o1777);
    const sticky = fixture.ino("sticky");
    fixture.run(setxattr, argsOf(f, "user.x", "v"), STRANGER);
    fixture.refuses(setxattr, argsOf(closed, "user.x", "v"), "EACCES", STRANGER);
    fixture.refuses(setxattr, argsOf(l, "user.x", "v"), "EPERM");
    fixture.refuses(setxattr, argsOf(sticky, "user.x", "v"), "EPERM", STRANGER);
    fixture.run(setxattr, argsOf(sticky, "user.x", "v"));
    for (const name of ["trusted.x", "security.x", CAPABILITY_NAME]) {
      fixture.refuses(setxattr, argsOf(f, name, "v"), "EPERM", USER);
      fixture.refuses(removexattr, { ino: f, name }, "EPERM", USER);
      fixture.run(setxattr, argsOf(f, name, "v"));
      fixture.run(setxattr, argsOf(l, name, "v"), { ...USER, checkAccess: false });
    }
    assert.ok(fixture.inode("f").has(InodeFlag.CAPABILITY));
    for (const name of ["system.x", "system.posix_acl", "x", "userx", "os2.x"]) {
      fixture.refuses(setxattr, argsOf(f, name, "v"), "EOPNOTSUPP");
      fixture.refuses(removexattr, { ino: f, name }, "EOPNOTSUPP");
    }
    fixture.check();
  });

  it("leaves alone what is immutable or append-only, and what does not exist", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(setxattr, argsOf(ino, "user.x", "v"));
    fixture.refuses(setxattr, argsOf(toIno(99), "user.x", "v"), "ESTALE");
    for (const flags of [InodeFlag.IMMUTABLE, InodeFlag.APPEND]) {
      fixture.run(setInodeFlags, { ino, flags, projid: 0 });
      const kernel = makeCaller({ checkAccess: false });
      fixture.refuses(setxattr, argsOf(ino, "user.x", "v"), "EPERM", kernel);
      fixture.refuses(setxattr, argsOf(ino, ACCESS_ACL_NAME, ""), "EPERM", kernel);
      fixture.refuses(removexattr, { ino, name: "user.x" }, "EPERM", kernel);
      fixture.run(setInodeFlags, { ino, flags: 0, projid: 0 });
    }
    const result = { value: undefined, mode: 0, ...at(1) };
    assert.throws(
      () => setxattr.apply(fixture.state, argsOf(toIno(99), "user.x", ""), result),
      CorruptError,
    );
  });
});

describe("an ACL that is set", () => {
  const full = "u::rw,u:5:rwx,g::r,m::rx,o::x";

  it("is stored and shows in the mode", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f", { mode: 0o104700 });
    fixture.run(setxattr, argsOf(ino, ACCESS_ACL_NAME, aclValue(full)), LATER);
    assert.equal(fixture.inode("f").mode, 0o104651);
    assert.equal(fixture.inode("f").ctimeSec, 3000);
    assert.deepEqual(
      getXattr(fixture.state, USER, fixture.inode("f"), ACCESS_ACL_NAME),
      aclValue(full),
    );
    fixture.check();
  });

  it("is only a mode when it says no more, and takes a stored one away", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(setxattr, argsOf(ino, ACCESS_ACL_NAME, aclValue(full)));
    fixture.run(setxattr, argsOf(ino, ACCESS_ACL_NAME, aclValue("u::rwx,g::,o::r")));
    assert.equal(fixture.inode("f").mode, 0o100704);
    assert.equal(fixture.inode("f").flags, 0);
    fixture.check();
  });

  it("without entries goes, and so it does when removed, twice too; the mode stays", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(setxattr, argsOf(ino, ACCESS_ACL_NAME, aclValue(full)));
    fixture.run(setxattr, argsOf(ino, ACCESS_ACL_NAME, aclValue("")));
    assert.deepEqual([fixture.inode("f").mode, fixture.inode("f").flags], [0o100651, 0]);
    fixture.run(setxattr, argsOf(ino, ACCESS_ACL_NAME, aclValue(full)));
    fixture.run(removexattr, { ino, name: ACCESS_ACL_NAME });
    fixture.run(removexattr, { ino, name: ACCESS_ACL_NAME }, LATER);
    assert.deepEqual([fixture.inode("f").mode, fixture.inode("f").flags], [0o100651, 0]);
    assert.equal(fixture.inode("f").ctimeSec, 2000, "nothing was removed");
    fixture.check();
  });

  it("takes set-gid away when the group is not the caller's", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f", { mode: 0o102755 }, { ...USER, gid: 9, privileged: true });
    const args = argsOf(ino, ACCESS_ACL_NAME, aclValue("u::rwx,g::rx,o::rx"));
    const modeFor = (caller: typeof USER, killSgid = false): number =>
      setxattr.prepare(fixture.state, caller, { ...args, killSgid }).mode;
    assert.equal(modeFor(USER), 0o100755);
    assert.equal(modeFor({ ...USER, groups: [9] }), 0o102755);
    assert.equal(modeFor(makeCaller()), 0o102755);
    assert.equal(modeFor({ ...USER, checkAccess: false }), 0o102755, "the kernel tells");
    assert.equal(modeFor({ ...USER, checkAccess: false }, true), 0o100755);
  });

  it("by default belongs to directories, and leaves the mode", () => {
    const fixture = new MetaFixture();
    const f = fixture.make("f");
    const d = fixture.makeDirectory("d");
    const args = argsOf(d, DEFAULT_ACL_NAME, aclValue("u::,g::,o::"));
    fixture.run(setxattr, args);
    assert.equal(fixture.inode("d").mode, 0o040755);
    assert.ok(fixture.inode("d").has(InodeFlag.DEFAULT_ACL), "a minimal default ACL is kept");
    fixture.refuses(setxattr, { ...args, ino: f }, "EACCES");
    fixture.run(setxattr, argsOf(f, DEFAULT_ACL_NAME, aclValue("")));
    fixture.run(removexattr, { ino: d, name: DEFAULT_ACL_NAME });
    assert.equal(fixture.inode("d").flags, 0);
    fixture.check();
  });

  it("is the owner's to set, must be valid, and exists only where ACLs are on", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    const l = fixture.make("l", { mode: FileType.SYMLINK, target: "f" });
    const args = argsOf(ino, ACCESS_ACL_NAME, aclValue(full));
    fixture.refuses(setxattr, args, "EPERM", USER);
    fixture.refuses(removexattr, { ino, name: ACCESS_ACL_NAME }, "EPERM", USER);
    fixture.refuses(setxattr, { ...args, value: aclValue("u::r") }, "EINVAL");
    fixture.refuses(setxattr, { ...args, value: new Uint8Array(4) }, "EOPNOTSUPP");
    fixture.refuses(setxattr, { ...args, ino: l }, "EOPNOTSUPP");
    const off = new MetaFixture({ acl: false });
    off.make("f");
    off.refuses(setxattr, argsOf(off.ino("f"), ACCESS_ACL_NAME, aclValue(full)), "EOPNOTSUPP");
    assert.throws(() => getXattr(off.state, USER, off.inode("f"), ACCESS_ACL_NAME), {
      code: "EOPNOTSUPP",
    });
  });
});

describe("removexattr", () => {
  it("removes a value, and with the last one the memory of having any", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(setxattr, argsOf(ino, "user.x", "v"));
    fixture.run(setxattr, argsOf(ino, CAPABILITY_NAME, "v"));
    fixture.run(removexattr, { ino, name: CAPABILITY_NAME }, LATER);
    assert.equal(fixture.inode("f").flags, InodeFlag.XATTR);
    assert.equal(fixture.inode("f").ctimeSec, 3000);
    fixture.run(removexattr, { ino, name: "user.x" });
    assert.equal(fixture.inode("f").flags, 0);
    assert.equal(read(fixture, "f", "user.x"), undefined);
    fixture.refuses(removexattr, { ino, name: "user.x" }, "ENODATA");
    fixture.check();
  });

  it("finds corruption when a record does not fit the state", () => {
    const fixture = new MetaFixture();
    const args = { ino: fixture.make("f"), name: "user.x" };
    const result = { existed: true, ...at(1) };
    assert.throws(() => removexattr.apply(fixture.state, args, result), CorruptError);
  });
});

describe("reading extended attributes", () => {
  it("shows each caller what is there for it", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f", { mode: 0o100600 });
    for (const name of ["user.b", "user.a", "trusted.t", "security.s"]) {
      fixture.run(setxattr, argsOf(ino, name, name));
    }
    const acl = aclValue("u::rw,u:9:r,g::,m::r,o::");
    fixture.run(setxattr, argsOf(ino, ACCESS_ACL_NAME, acl));
    const inode = fixture.inode("f");
    const common = ["security.s", ACCESS_ACL_NAME, "user.a", "user.b"];
    assert.deepEqual(listXattrs(fixture.state, USER, inode), common);
    assert.deepEqual(
      new Set(listXattrs(fixture.state, makeCaller(), inode)),
      new Set([...common, "trusted.t"]),
    );
    const get = (name: string, caller = USER): Uint8Array | undefined =>
      getXattr(fixture.state, caller, inode, name);
    assert.equal(get("trusted.t"), undefined);
    assert.equal(get("security.none"), undefined);
    assert.deepEqual(get("security.s"), new Uint8Array(Buffer.from("security.s")));
    assert.throws(() => get("user.a"), { code: "EACCES" });
    assert.ok(get("user.a", { ...USER, checkAccess: false }));
    assert.throws(() => get("system.x"), { code: "EOPNOTSUPP" });
    assert.throws(() => get("user."), { code: "EINVAL" });
  });

  it("does not ask the table when the inode knows that there is nothing", () => {
    const fixture = new MetaFixture();
    fixture.make("f");
    fixture.make("l", { mode: FileType.SYMLINK, target: "f" });
    fixture.state.tables.xattrs.get = () => assert.fail("asked");
    fixture.state.tables.xattrs.names = () => assert.fail("asked");
    const root = makeCaller();
    for (const path of ["f", "l"]) {
      const inode = fixture.inode(path);
      assert.equal(getXattr(fixture.state, root, inode, CAPABILITY_NAME), undefined);
      assert.equal(getXattr(fixture.state, root, inode, "user.x"), undefined);
      assert.deepEqual(listXattrs(fixture.state, root, inode), []);
    }
    fixture.inode("f").flags = InodeFlag.XATTR;
    assert.equal(getXattr(fixture.state, root, fixture.inode("f"), CAPABILITY_NAME), undefined);
    assert.equal(fixture.state.requireInode(ROOT_INO).flags, 0);
  });
});
