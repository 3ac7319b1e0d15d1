import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MetaFixture, at, makeCaller } from "../../../test/support/meta-fixture.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { ROOT_INO, toIno } from "../../core/ids.ts";
import { LINK_COUNT_MAX } from "../../core/limits.ts";
import { FileType, InodeFlag } from "../inode.ts";
import { create } from "./create.ts";
import { link } from "./link.ts";
import { setInodeFlags } from "./set-inode-flags.ts";
import { unlink } from "./unlink.ts";

const NAMELESS = { parent: ROOT_INO, name: undefined, mode: FileType.REGULAR | 0o600, rdev: 0 };

describe("link", () => {
  it("gives an inode of any type but a directory another name", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    const symlink = fixture.make("l", { mode: FileType.SYMLINK, target: "f" });
    fixture.makeDirectory("d");
    const d = fixture.ino("d");
    fixture.run(link, { ino, parent: d, name: "g" }, makeCaller({ now: at(3000) }));
    fixture.run(link, { ino: symlink, parent: d, name: "l" });
    assert.equal(fixture.ino("d/g"), ino);
    const inode = fixture.inode("f");
    assert.deepEqual([inode.nlink, inode.ctimeSec, inode.mtimeSec], [2, 3000, 2000]);
    fixture.check();
  });

  it("gives a file made without a name its first one, and no second after that is gone", () => {
    const fixture = new MetaFixture();
    const { ino } = fixture.run(create, NAMELESS);
    fixture.check();
    fixture.run(link, { ino, parent: ROOT_INO, name: "f" });
    assert.equal(fixture.inode("f").nlink, 1);
    assert.equal(fixture.inode("f").flags, 0);
    assert.equal(fixture.state.orphans.size, 0);
    fixture.check();
    fixture.run(unlink, { parent: ROOT_INO, name: "f" });
    fixture.refuses(link, { ino, parent: ROOT_INO, name: "g" }, "ENOENT");
    fixture.check();
  });

  it("refuses with the errors of Linux", () => {
    const fixture = new MetaFixture();
    const stranger = makeCaller({ uid: 7 });
    const ino = fixture.make("f");
    const d = fixture.makeDirectory("d", 0o700);
    fixture.refuses(link, { ino: toIno(99), parent: ROOT_INO, name: "g" }, "ESTALE");
    fixture.refuses(link, { ino, parent: ino, name: "g" }, "ENOTDIR");
    fixture.refuses(link, { ino, parent: ROOT_INO, name: "f" }, "EEXIST");
    fixture.refuses(link, { ino, parent: ROOT_INO, name: "." }, "EEXIST");
    fixture.refuses(link, { ino, parent: ROOT_INO, name: "g" }, "EACCES", stranger);
    fixture.refuses(link, { ino, parent: d, name: "g" }, "EACCES", stranger);
    fixture.refuses(link, { ino: d, parent: ROOT_INO, name: "g" }, "EPERM");
    fixture.inode("f").nlink = LINK_COUNT_MAX;
    fixture.refuses(link, { ino, parent: ROOT_INO, name: "g" }, "EMLINK");
    fixture.inode("f").nlink = LINK_COUNT_MAX - 1;
    link.prepare(fixture.state, makeCaller(), { ino, parent: ROOT_INO, name: "g" });
    fixture.run(setInodeFlags, { ino: d, flags: InodeFlag.PROJINHERIT, projid: 5 });
    fixture.refuses(link, { ino, parent: d, name: "g" }, "EXDEV");
    for (const flags of [InodeFlag.IMMUTABLE, InodeFlag.APPEND]) {
      fixture.run(setInodeFlags, { ino, flags, projid: 0 });
      fixture.refuses(link, { ino, parent: ROOT_INO, name: "g" }, "EPERM");
    }
  });

  it("finds corruption when a record does not fit the state", () => {
    const fixture = new MetaFixture();
    const ino = fixture.make("f");
    const apply = (changes: object): void =>
      link.apply(fixture.state, { ino, parent: ROOT_INO, name: "g", ...changes }, at(1));
    assert.throws(() => apply({ name: "f" }), CorruptError);
    assert.throws(() => apply({ ino: toIno(99) }), CorruptError);
  });
});
