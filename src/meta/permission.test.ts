import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aclValue } from "../../test/support/acl-values.ts";
import { makeCaller, makeSide } from "../../test/support/meta-fixture.ts";
import { CorruptError } from "../core/fs-error.ts";
import { toIno } from "../core/ids.ts";
import { ACCESS_ACL_NAME } from "./acl.ts";
import { FileType, Inode, InodeFlag } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";
import type { Caller } from "./operation.ts";
import {
  checkAccess,
  checkMayChangeDirectory,
  checkMayRemove,
  checkMaySearch,
  hasAccess,
  isInGroup,
} from "./permission.ts";
import { putXattr } from "./xattr-store.ts";

const { state } = makeSide();
const OWNER = makeCaller({ uid: 100, gid: 200 });
const MEMBER = makeCaller({ uid: 101, gid: 1, groups: [5, 200] });
const STRANGER = makeCaller({ uid: 102, gid: 2 });
const ROOT = makeCaller();

function file(mode: number, flags = 0): Inode {
  const inode = new Inode(toIno(1000));
  Object.assign(inode, { mode: FileType.REGULAR | mode, uid: 100, gid: 200, flags });
  return inode;
}

function directory(mode: number, flags = 0, uid = 100): Inode {
  const inode = new Inode(toIno(1001));
  Object.assign(inode, { mode: FileType.DIRECTORY | mode, uid, gid: 200, nlink: 2, flags });
  return inode;
}

/** What of rwx the caller has, as the digit of a mode. */
function accessOf(caller: Caller, inode: Inode, of: MetaState = state): number {
  return [4, 2, 1].reduce((bits, bit) => bits | (hasAccess(of, caller, inode, bit) ? bit : 0), 0);
}

describe("access by mode", () => {
  it("goes by the first of owner, group and others that fits, even when a later one grants more", () => {
    const inode = file(0o421);
    assert.equal(accessOf(OWNER, inode), 4);
    assert.equal(accessOf(MEMBER, inode), 2);
    assert.equal(accessOf(STRANGER, inode), 1);
    assert.equal(accessOf(OWNER, file(0o077)), 0);
    assert.equal(accessOf(MEMBER, file(0o707)), 0);
  });

  it("needs all that is wanted", () => {
    assert.equal(hasAccess(state, OWNER, file(0o500), 7), false);
    assert.equal(hasAccess(state, OWNER, file(0o500), 5), true);
  });

  it("is whole for root, but a file executes only when someone may execute it", () => {
    assert.equal(accessOf(ROOT, file(0o000)), 6);
    assert.equal(accessOf(ROOT, file(0o001)), 7);
    assert.equal(accessOf(ROOT, directory(0o000)), 7);
  });

  it("counts the caller's own group and the supplementary ones", () => {
    assert.equal(isInGroup(MEMBER, 1), true);
    assert.equal(isInGroup(MEMBER, 200), true);
    assert.equal(isInGroup(MEMBER, 3), false);
  });
});

describe("access by ACL", () => {
  const acl = aclValue("u::,u:102:rw,g::x,m::rw,o::");

  it("goes by the ACL for all but the owner, while the mask is not empty", () => {
    const side = makeSide();
    const inode = side.state.addInode(toIno(side.state.nextIno));
    Object.assign(inode, { mode: FileType.REGULAR | 0o064, uid: 100, gid: 200 });
    putXattr(side.state, inode, ACCESS_ACL_NAME, acl);
    assert.equal(accessOf(OWNER, inode, side.state), 0);
    assert.equal(accessOf(STRANGER, inode, side.state), 6);
    assert.equal(accessOf(MEMBER, inode, side.state), 0, "the mask takes x away");
    inode.mode = FileType.REGULAR | 0o004;
    assert.equal(accessOf(STRANGER, inode, side.state), 4, "an empty mask leaves the mode");
  });

  it("goes by the mode where ACLs are off", () => {
    const side = makeSide({ acl: false });
    const inode = side.state.addInode(toIno(side.state.nextIno));
    Object.assign(inode, { mode: FileType.REGULAR | 0o064, uid: 100, gid: 200 });
    putXattr(side.state, inode, ACCESS_ACL_NAME, acl);
    assert.equal(accessOf(STRANGER, inode, side.state), 4);
  });

  it("is corruption when the ACL that the inode remembers is gone", () => {
    const flags = InodeFlag.XATTR | InodeFlag.ACCESS_ACL;
    assert.throws(() => hasAccess(state, STRANGER, file(0o070, flags), 4), CorruptError);
  });
});

describe("checks", () => {
  const unchecked: Caller = { ...STRANGER, checkAccess: false };
  const READ = 4;
  const WRITE = 2;

  it("of mode are the kernel's where it has made them", () => {
    assert.throws(() => checkAccess(state, STRANGER, file(0o600), READ), { code: "EACCES" });
    checkAccess(state, unchecked, file(0o600), READ);
    checkMaySearch(state, unchecked, directory(0o700));
    assert.throws(() => checkMaySearch(state, STRANGER, directory(0o700)), { code: "EACCES" });
    checkMaySearch(state, STRANGER, directory(0o701));
  });

  it("of immutable come first, for everyone", () => {
    const inode = file(0o000, InodeFlag.IMMUTABLE);
    for (const caller of [ROOT, STRANGER, unchecked]) {
      assert.throws(() => checkAccess(state, caller, inode, WRITE), { code: "EPERM" });
    }
    checkAccess(state, ROOT, inode, READ);
  });

  it("let names be added with write and search permission; append-only directories take them", () => {
    checkMayChangeDirectory(state, OWNER, directory(0o300, InodeFlag.APPEND));
    for (const mode of [0o200, 0o100, 0o077]) {
      const parent = directory(mode);
      assert.throws(() => checkMayChangeDirectory(state, OWNER, parent), { code: "EACCES" });
    }
    const immutable = directory(0o700, InodeFlag.IMMUTABLE);
    assert.throws(() => checkMayChangeDirectory(state, ROOT, immutable), { code: "EPERM" });
  });

  it("let names be removed from a sticky directory by its owner, the victim's owner and root", () => {
    const sticky = directory(0o1777, 0, 300);
    const victim = file(0o666);
    const directoryOwner = makeCaller({ uid: 300 });
    for (const caller of [OWNER, directoryOwner, ROOT, unchecked]) {
      checkMayRemove(state, caller, sticky, victim);
    }
    assert.throws(() => checkMayRemove(state, MEMBER, sticky, victim), { code: "EPERM" });
    checkMayRemove(state, STRANGER, directory(0o777), victim);
    assert.throws(() => checkMayRemove(state, STRANGER, directory(0o1775), victim), {
      code: "EACCES",
    });
  });

  it("keep names in append-only and immutable directories, and of append-only and immutable inodes", () => {
    for (const flag of [InodeFlag.IMMUTABLE, InodeFlag.APPEND]) {
      for (const caller of [ROOT, unchecked]) {
        assert.throws(() => checkMayRemove(state, caller, directory(0o777, flag), file(0o666)), {
          code: "EPERM",
        });
        assert.throws(() => checkMayRemove(state, caller, directory(0o777), file(0o666, flag)), {
          code: "EPERM",
        });
      }
    }
  });
});
