import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetaFixture, at, makeCaller } from "../../../test/support/meta-fixture.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { ROOT_INO, toIno } from "../../core/ids.ts";
import { InodeFlag } from "../inode.ts";
import { link } from "./link.ts";
import { rmdir } from "./rmdir.ts";
import { setInodeFlags } from "./set-inode-flags.ts";
import { unlink } from "./unlink.ts";

describe("unlink", () => {
  it("takes the name away; the inode stays as an orphan", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(unlink, { parent: ROOT_INO, name: "f" }, makeCaller({ now: at(3000) }));
    assert.equal(fixture.exists("f"), false);
    const inode = fixture.state.requireInode(ino);
    assert.deepEqual([inode.nlink, inode.ctimeSec, inode.mtimeSec], [0, 3000, 2000]);
    assert.equal(fixture.state.orphans.has(ino), true);
    const root = fixture.state.requireInode(ROOT_INO);
    assert.deepEqual([root.mtimeSec, root.ctimeSec], [3000, 3000]);
    fixture.check();
  });

  it("leaves an inode with another name where it is", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    fixture.run(link, { ino, parent: ROOT_INO, name: "g" });
    fixture.run(unlink, { parent: ROOT_INO, name: "f" });
    assert.equal(fixture.inode("g").nlink, 1);
    assert.equal(fixture.state.orphans.size, 0);
    fixture.check();
  });

  it("refuses with the errors of Linux", () => {
    const fixture = new MetaFixture();
    const stranger = makeCaller({ uid: 7 });
    const f = fixture.make("f");
    fixture.makeDirectory("d", 0o777);
    fixture.refuses(unlink, { parent: f, name: "f" }, "ENOTDIR");
    fixture.refuses(unlink, { parent: ROOT_INO, name: "none" }, "ENOENT");
    fixture.refuses(unlink, { parent: ROOT_INO, name: "d" }, "EISDIR");
    fixture.refuses(unlink, { parent: ROOT_INO, name: "d" }, "EACCES", stranger);
    fixture.run(setInodeFlags, { ino: f, flags: InodeFlag.APPEND, projid: 0 });
    fixture.refuses(unlink, { parent: ROOT_INO, name: "f" }, "EPERM");
    fixture.check();
  });

  it("finds corruption when a record does not fit the state", () => {
    const fixture = new MetaFixture();
    fixture.make("f");
    const args = { parent: ROOT_INO, name: "f" };
    assert.throws(
      () => unlink.apply(fixture.state, args, { ino: toIno(99), ...at(1) }),
      CorruptError,
    );
    fixture.inode("f").nlink = 0;
    const result = { ino: fixture.ino("f"), ...at(1) };
    assert.throws(() => unlink.apply(fixture.state, args, result), CorruptError);
  });
});

describe("rmdir", () => {
  it("takes an empty directory away; its inode stays as an orphan without links", () => {
    const fixture = new MetaFixture();
    const ino = fixture.makeDirectory("d");
    fixture.run(rmdir, { parent: ROOT_INO, name: "d" }, makeCaller({ now: at(3000) }));
    const inode = fixture.state.requireInode(ino);
    assert.deepEqual([inode.nlink, inode.parent, inode.ctimeSec], [0, 0, 3000]);
    const root = fixture.state.requireInode(ROOT_INO);
    assert.deepEqual([root.nlink, root.mtimeSec], [2, 3000]);
    assert.equal(fixture.state.orphans.has(ino), true);
    fixture.check();
  });

  it("refuses with the errors of Linux", () => {
    const fixture = new MetaFixture();
    const stranger = makeCaller({ uid: 7 });
    fixture.makeDirectory("d", 0o777);
    fixture.make("d/f");
    fixture.makeDirectory("sticky", 0o777);
    fixture.inode("sticky").mode |= 0o1000;
    fixture.makeDirectory("sticky/d", 0o777);
    const sticky = fixture.ino("sticky");
    fixture.refuses(rmdir, { parent: ROOT_INO, name: "d" }, "ENOTEMPTY");
    fixture.refuses(rmdir, { parent: ROOT_INO, name: "d" }, "EACCES", stranger);
    fixture.refuses(rmdir, { parent: ROOT_INO, name: "none" }, "ENOENT");
    fixture.refuses(rmdir, { parent: ROOT_INO, name: "." }, "EINVAL");
    fixture.refuses(rmdir, { parent: ROOT_INO, name: ".." }, "ENOTEMPTY");
    fixture.refuses(rmdir, { parent: fixture.ino("d"), name: "f" }, "ENOTDIR");
    fixture.refuses(rmdir, { parent: fixture.ino("d/f"), name: "f" }, "ENOTDIR");
    fixture.refuses(rmdir, { parent: sticky, name: "d" }, "EPERM", stranger);
    fixture.run(setInodeFlags, { ino: sticky, flags: InodeFlag.APPEND, projid: 0 });
    fixture.refuses(rmdir, { parent: sticky, name: "d" }, "EPERM");
  });

  it("finds corruption when a record does not fit the state", () => {
    const fixture = new MetaFixture();
    const ino = fixture.makeDirectory("d");
    fixture.inode("d").parent = 99;
    const args = { parent: ROOT_INO, name: "d" };
    assert.throws(() => rmdir.apply(fixture.state, args, { ino, ...at(1) }), CorruptError);
  });
});
