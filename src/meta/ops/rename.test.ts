import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetaFixture, at, makeCaller } from "../../../test/support/meta-fixture.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { ROOT_INO, toIno } from "../../core/ids.ts";
import { FileType, InodeFlag } from "../inode.ts";
import { link } from "./link.ts";
import { RenameFlag, rename, type RenameArgs } from "./rename.ts";
import { rmdir } from "./rmdir.ts";
import { setInodeFlags } from "./set-inode-flags.ts";

const LATER = makeCaller({ now: at(3000) });

function argsOf(fixture: MetaFixture, from: string, to: string, flags = 0): RenameArgs {
  const source = fixture.split(from);
  const target = fixture.split(to);
  return {
    parent: source.parent,
    name: source.name,
    newParent: target.parent,
    newName: target.name,
    flags,
  };
}

function move(fixture: MetaFixture, from: string, to: string, flags = 0): void {
  fixture.run(rename, argsOf(fixture, from, to, flags), LATER);
}

describe("rename", () => {
  it("gives a file another name in its directory, in the same place", () => {
    const fixture = new MetaFixture();
    for (const name of ["a", "b", "c"]) fixture.make(name);
    const ino = fixture.ino("a");
    move(fixture, "a", "z");
    assert.deepEqual(fixture.names(), ["z", "b", "c"]);
    assert.equal(fixture.ino("z"), ino);
    const inode = fixture.inode("z");
    assert.deepEqual([inode.ctimeSec, inode.mtimeSec, inode.nlink], [3000, 2000, 1]);
    assert.equal(fixture.state.requireInode(ROOT_INO).mtimeSec, 3000);
    fixture.check();
  });

  it("lets a reader that renames every entry it sees come to an end", () => {
    const fixture = new MetaFixture();
    for (let i = 0; i < 10; i++) fixture.make(`f${i}`);
    const { dentries } = fixture.state.tables;
    let seen = 0;
    for (let cookie = 0; ; seen++) {
      const [entry] = dentries.list(ROOT_INO, cookie, 1);
      if (entry === undefined) break;
      assert.ok(seen < 10, "every entry once");
      move(fixture, entry.name, `renamed-${entry.name}`);
      cookie = entry.cookie;
    }
    assert.equal(seen, 10);
    fixture.check();
  });

  it("replaces a file, which becomes an orphan, in the place of the replaced name", () => {
    const fixture = new MetaFixture();
    for (const name of ["a", "b", "c"]) fixture.make(name);
    const replaced = fixture.ino("b");
    const ino = fixture.ino("c");
    move(fixture, "c", "b");
    assert.deepEqual(fixture.names(), ["a", "b"]);
    assert.equal(fixture.ino("b"), ino);
    assert.deepEqual([...fixture.state.orphans], [replaced]);
    assert.equal(fixture.state.requireInode(replaced).ctimeSec, 3000);
    fixture.check();
  });

  it("takes one name from a replaced file that has more", () => {
    const fixture = new MetaFixture();
    fixture.make("a");
    const ino = fixture.make("b");
    fixture.run(link, { ino, parent: ROOT_INO, name: "c" });
    move(fixture, "a", "b");
    assert.equal(fixture.inode("c").nlink, 1);
    assert.equal(fixture.state.orphans.size, 0);
    fixture.check();
  });

  it("moves a directory: its parent, and the links of both parents", () => {
    const fixture = new MetaFixture();
    const from = fixture.makeDirectory("from");
    const to = fixture.makeDirectory("to");
    fixture.makeDirectory("from/d");
    fixture.make("from/d/f");
    move(fixture, "from/d", "to/e");
    assert.equal(fixture.state.requireInode(from).nlink, 2);
    assert.equal(fixture.state.requireInode(to).nlink, 3);
    assert.equal(fixture.inode("to/e").parent, to);
    assert.ok(fixture.exists("to/e/f"));
    fixture.check();
  });

  it("moves a directory over an empty one", () => {
    const fixture = new MetaFixture();
    fixture.makeDirectory("a");
    fixture.makeDirectory("a/d");
    fixture.makeDirectory("b");
    const replaced = fixture.makeDirectory("b/d");
    move(fixture, "a/d", "b/d");
    assert.equal(fixture.inode("a").nlink, 2);
    assert.equal(fixture.inode("b").nlink, 3);
    assert.deepEqual([...fixture.state.orphans], [replaced]);
    assert.equal(fixture.state.requireInode(replaced).parent, 0);
    move(fixture, "a", "b/d");
    assert.equal(fixture.state.requireInode(ROOT_INO).nlink, 3);
    fixture.check();
  });

  it("of one of two names of a file to the other does nothing, and says it worked", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("a");
    fixture.run(link, { ino, parent: ROOT_INO, name: "b" });
    for (const flags of [0, RenameFlag.EXCHANGE, RenameFlag.WHITEOUT]) {
      move(fixture, "a", "b", flags);
      move(fixture, "a", "a", flags);
    }
    assert.deepEqual(fixture.names(), ["a", "b"]);
    assert.equal(fixture.inode("a").ctimeSec, 2000);
    fixture.check();
  });

  it("exchanges two entries of any kind, each in the other's place", () => {
    const fixture = new MetaFixture();
    const x = fixture.makeDirectory("x");
    const y = fixture.makeDirectory("y");
    const file = fixture.make("x/f");
    const directory = fixture.makeDirectory("y/d");
    fixture.make("y/d/inside");
    fixture.make("y/last");
    move(fixture, "x/f", "y/d", RenameFlag.EXCHANGE);
    assert.equal(fixture.ino("x/f"), directory);
    assert.equal(fixture.ino("y/d"), file);
    assert.ok(fixture.exists("x/f/inside"));
    assert.deepEqual(fixture.names("y"), ["d", "last"]);
    assert.deepEqual([fixture.inode("x").nlink, fixture.inode("y").nlink], [3, 2]);
    assert.equal(fixture.inode("x/f").parent, x);
    assert.deepEqual([fixture.inode("x/f").ctimeSec, fixture.inode("y/d").ctimeSec], [3000, 3000]);
    move(fixture, "x", "y", RenameFlag.EXCHANGE);
    assert.equal(fixture.ino("x"), y);
    fixture.check();
  });

  it("leaves a whiteout in the old place", () => {
    const fixture = new MetaFixture();
    fixture.makeDirectory("d");
    fixture.make("d/a");
    fixture.make("d/b");
    fixture.makeDirectory("d/sub");
    move(fixture, "d/a", "d/z", RenameFlag.WHITEOUT);
    const whiteout = fixture.inode("d/a");
    assert.deepEqual([whiteout.mode, whiteout.rdev, whiteout.nlink], [FileType.CHARACTER, 0, 1]);
    assert.deepEqual(fixture.names("d"), ["a", "b", "sub", "z"]);
    move(fixture, "d/z", "d/b", RenameFlag.WHITEOUT);
    move(fixture, "d/sub", "s", RenameFlag.WHITEOUT);
    assert.equal(fixture.inode("d").nlink, 2);
    assert.equal(fixture.inode("d/z").type, FileType.CHARACTER);
    fixture.check();
  });

  it("never moves a directory below itself, at any depth", () => {
    const fixture = new MetaFixture({ inodeCacheGeneration: 16, dentryCacheGeneration: 16 });
    let deep = "d0";
    fixture.makeDirectory(deep);
    for (let i = 1; i < 100; i++) {
      deep += `/d${i}`;
      fixture.makeDirectory(deep);
    }
    const refuses = (from: string, to: string, code: string, flags = 0): void =>
      fixture.refuses(rename, argsOf(fixture, from, to, flags), code);
    refuses("d0", "d0/x", "EINVAL");
    refuses("d0", `${deep}/x`, "EINVAL");
    refuses("d0/d1", `${deep}/x`, "EINVAL");
    refuses(deep, "d0", "ENOTEMPTY");
    refuses(deep.slice(0, -4), "d0/d1", "ENOTEMPTY");
    refuses(deep, "d0", "EINVAL", RenameFlag.EXCHANGE);
    fixture.make(`${deep}/file`);
    refuses(`${deep}/file`, "d0", "ENOTEMPTY");
    move(fixture, deep, "d0/up");
    fixture.check();
  });

  it("refuses with the errors of Linux", () => {
    const fixture = new MetaFixture();
    fixture.make("f");
    fixture.make("g");
    fixture.makeDirectory("d");
    fixture.make("d/x");
    fixture.makeDirectory("e");
    const refuses = (from: string, to: string, code: string, flags = 0): void =>
      fixture.refuses(rename, argsOf(fixture, from, to, flags), code);
    refuses("none", "g", "ENOENT");
    refuses("f", "g", "EEXIST", RenameFlag.NOREPLACE);
    refuses("f", "f", "EEXIST", RenameFlag.NOREPLACE);
    refuses("f", "none", "ENOENT", RenameFlag.EXCHANGE);
    refuses("f", "g", "EINVAL", RenameFlag.EXCHANGE | RenameFlag.NOREPLACE);
    refuses("f", "g", "EINVAL", RenameFlag.EXCHANGE | RenameFlag.WHITEOUT);
    refuses("f", "g", "EINVAL", 8);
    refuses("f", "d", "EISDIR");
    refuses("d", "f", "ENOTDIR");
    refuses("e", "d", "ENOTEMPTY");
    refuses("f", ".", "EBUSY");
    refuses("..", "f", "EBUSY");
    refuses("f", "..", "EEXIST", RenameFlag.NOREPLACE);
    refuses("f", "x".repeat(256), "ENAMETOOLONG");
    const args = argsOf(fixture, "f", "d/y");
    fixture.refuses(rename, { ...args, newParent: toIno(999) }, "ESTALE");
    fixture.refuses(rename, { ...args, newParent: fixture.ino("g") }, "ENOTDIR");
    const gone = fixture.ino("e");
    fixture.run(rmdir, { parent: ROOT_INO, name: "e" });
    fixture.refuses(rename, { ...args, newParent: gone }, "ENOENT");
    fixture.check();
  });

  it("needs to write to both directories, and to a directory that changes its parent", () => {
    const fixture = new MetaFixture();
    const user = makeCaller({ uid: 7, gid: 7 });
    for (const name of ["open", "other"]) fixture.makeDirectory(name, 0o777);
    fixture.makeDirectory("closed", 0o755);
    fixture.makeDirectory("open/mine", 0o755, user);
    fixture.makeDirectory("open/roots", 0o755);
    fixture.make("open/f", {}, user);
    fixture.make("closed/f");
    const refuses = (from: string, to: string, code: string, flags = 0): void =>
      fixture.refuses(rename, argsOf(fixture, from, to, flags), code, user);
    refuses("open/f", "closed/g", "EACCES");
    refuses("closed/f", "open/g", "EACCES");
    refuses("open/roots", "other/roots", "EACCES");
    refuses("open/mine", "closed/f", "EACCES", RenameFlag.EXCHANGE);
    fixture.run(rename, argsOf(fixture, "open/roots", "open/renamed"), user);
    fixture.run(rename, argsOf(fixture, "open/mine", "other/mine"), user);
    fixture.check();
  });

  it("keeps to the sticky rule for what moves and for what is replaced", () => {
    const fixture = new MetaFixture();
    const user = makeCaller({ uid: 7, gid: 7 });
    fixture.makeDirectory("tmp", 0o1777);
    fixture.make("tmp/mine", {}, user);
    fixture.make("tmp/roots");
    const refuses = (from: string, to: string, flags = 0): void =>
      fixture.refuses(rename, argsOf(fixture, from, to, flags), "EPERM", user);
    refuses("tmp/roots", "tmp/x");
    refuses("tmp/mine", "tmp/roots");
    refuses("tmp/mine", "tmp/roots", RenameFlag.EXCHANGE);
    fixture.run(rename, argsOf(fixture, "tmp/mine", "tmp/x"), user);
    fixture.check();
  });

  it("leaves alone what is immutable or append-only, whoever asks", () => {
    const fixture = new MetaFixture();
    const kernel = makeCaller({ checkAccess: false });
    const protect = (path: string, flags: number): void => {
      fixture.run(setInodeFlags, { ino: fixture.ino(path), flags, projid: 0 });
    };
    for (const name of ["immutable", "append", "free"]) fixture.makeDirectory(name);
    for (const path of ["immutable/f", "append/f", "free/f", "free/kept"]) fixture.make(path);
    protect("immutable", InodeFlag.IMMUTABLE);
    protect("append", InodeFlag.APPEND);
    protect("free/kept", InodeFlag.APPEND);
    const refuses = (from: string, to: string, flags = 0): void =>
      fixture.refuses(rename, argsOf(fixture, from, to, flags), "EPERM", kernel);
    refuses("immutable/f", "free/x");
    refuses("append/f", "free/x");
    refuses("append/f", "append/x");
    refuses("free/f", "immutable/x");
    refuses("free/f", "append/f");
    refuses("free/kept", "free/x");
    refuses("free/f", "free/kept");
    refuses("free/f", "free/kept", RenameFlag.EXCHANGE);
    move(fixture, "free/f", "append/new");
    fixture.check();
  });

  it("takes nothing of another project into a project's directory", () => {
    const fixture = new MetaFixture();
    const project = fixture.makeDirectory("project");
    fixture.run(setInodeFlags, { ino: project, flags: InodeFlag.PROJINHERIT, projid: 5 });
    fixture.make("f");
    fixture.make("project/own");
    fixture.refuses(rename, argsOf(fixture, "f", "project/f"), "EXDEV");
    const exchange = argsOf(fixture, "project/own", "f", RenameFlag.EXCHANGE);
    fixture.refuses(rename, exchange, "EXDEV");
    move(fixture, "project/own", "out");
    move(fixture, "out", "project/back");
    fixture.check();
  });

  it("finds corruption: records that do not fit, parents that are missing or form a circle", () => {
    const fixture = new MetaFixture();
    const a = fixture.makeDirectory("a");
    const b = fixture.makeDirectory("b");
    fixture.makeDirectory("a/c");
    const args = argsOf(fixture, "a", "z");
    const result = { ino: b, otherIno: undefined, whiteout: undefined, ...at(1) };
    assert.throws(() => rename.apply(fixture.state, args, result), CorruptError);
    const target = { ...result, ino: a, otherIno: b };
    assert.throws(() => rename.apply(fixture.state, args, target), CorruptError);
    fixture.inode("a").parent = b;
    fixture.inode("b").parent = a;
    fixture.refuses(rename, argsOf(fixture, "a/c", "b/c"), "EIO");
    fixture.inode("b").parent = 99;
    fixture.refuses(rename, argsOf(fixture, "a/c", "b/c"), "EIO");
  });
});
