import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { makeCaller, MetaFixture } from "../../test/support/meta-fixture.ts";
import { ROOT_INO, toIno, type Ino } from "../core/ids.ts";
import { FileType } from "../meta/inode.ts";
import type { Caller } from "../meta/operation.ts";
import { rmdir } from "../meta/ops/rmdir.ts";
import { LastComponent, LINK_COUNT_MAX, PATH_SIZE_MAX, PathWalk } from "./path-walk.ts";

let tree: MetaFixture;
beforeEach(() => {
  tree = new MetaFixture();
  tree.makeDirectory("d");
  tree.makeDirectory("d/e");
  tree.make("d/f");
  link("toDirectory", "d");
  link("d/up", "../d/e");
  link("absolute", "/d/f");
  link("dangling", "d/missing");
});

function link(path: string, target: string): void {
  tree.make(path, { mode: FileType.SYMLINK | 0o777, target });
}

function walk(options: { from?: Ino; caller?: Caller; read?: number[] } = {}): PathWalk {
  const { from = ROOT_INO, caller = makeCaller(), read } = options;
  const onLinkRead = { onLinkRead: ({ ino }: { ino: number }) => void read?.push(ino) };
  return new PathWalk(tree.state, { caller, from, ...onLinkRead });
}

function find(path: string, from: Ino = ROOT_INO): number {
  return walk({ from }).inode(path, true).ino;
}

function noFollow(path: string): number {
  return walk().inode(path, false).ino;
}

function lastOf(path: string): number {
  return walk().parent(path).last;
}

function refuses(code: string, path: string, options: Parameters<typeof walk>[0] = {}): void {
  assert.throws(() => walk(options).inode(path, true), { code }, path);
}

describe("PathWalk", () => {
  it("begins at the root or at a directory, and an absolute path at the root", () => {
    assert.equal(find("d/f"), tree.ino("d/f"));
    assert.equal(find("f", tree.ino("d")), tree.ino("d/f"));
    assert.equal(find("/d/f", tree.ino("d/e")), tree.ino("d/f"));
    assert.equal(find("///"), ROOT_INO);
    refuses("ENOTDIR", "x", { from: tree.ino("d/f") });
  });

  it("walks dots and repeated slashes, and stays at the root above it", () => {
    assert.equal(find("./d//.///e/../../d/f"), tree.ino("d/f"));
    assert.equal(find("../../d"), tree.ino("d"));
    refuses("ENOTDIR", "d/f/.");
    refuses("ENOENT", "d/missing/..");
  });

  it("follows links on the way, from where they stand, and tells of each", () => {
    const read: number[] = [];
    const found = walk({ read }).inode("toDirectory/up/../f", true);
    assert.equal(found.ino, tree.ino("d/f"));
    assert.deepEqual(read, [tree.ino("toDirectory"), tree.ino("d/up")]);
    assert.equal(walk().inode("absolute", true).ino, tree.ino("d/f"));
  });

  it("follows a link at the end when asked, or when a slash stands behind it", () => {
    assert.equal(noFollow("toDirectory"), tree.ino("toDirectory"));
    assert.equal(noFollow("toDirectory/"), tree.ino("d"));
    assert.equal(noFollow("toDirectory/."), tree.ino("d"));
    assert.equal(find("toDirectory"), tree.ino("d"));
    assert.throws(() => noFollow("absolute/"), { code: "ENOTDIR" });
    refuses("ENOTDIR", "d/f/");
  });

  it("leads to the place of a missing name, behind dangling links too", () => {
    const place = walk().place("dangling", true);
    assert.deepEqual(
      [place.directory, place.name, place.inode, place.hasTrailingSlash],
      [tree.ino("d"), "missing", undefined, false],
    );
    assert.equal(walk().place("d/new/", false).hasTrailingSlash, true);
    refuses("ENOENT", "dangling");
    refuses("ENOENT", "dangling/x");
  });

  it("says what the last component is, without looking it up", () => {
    assert.deepEqual(["d/missing", "d/.", "d/..", "/", "d/e/"].map(lastOf), [
      LastComponent.NAME,
      LastComponent.DOT,
      LastComponent.DOT_DOT,
      LastComponent.ROOT,
      LastComponent.NAME,
    ]);
  });

  it(`follows ${LINK_COUNT_MAX} links in all and refuses one more with ELOOP`, () => {
    link("l0", "d");
    for (let i = 1; i <= LINK_COUNT_MAX; i++) link(`l${i}`, `l${i - 1}`);
    assert.equal(find(`l${LINK_COUNT_MAX - 1}/f`), tree.ino("d/f"));
    refuses("ELOOP", `l${LINK_COUNT_MAX}`);
    refuses("ELOOP", `l${LINK_COUNT_MAX - 1}/../l0`);
    link("self", "self");
    refuses("ELOOP", "self/x");
  });

  it("refuses paths and names that are too long, empty or hold a NUL", () => {
    const long = `${"./".repeat(PATH_SIZE_MAX / 2 - 1)}d`;
    assert.equal(find(long), tree.ino("d"));
    refuses("ENAMETOOLONG", `/${long}`);
    refuses("ENAMETOOLONG", "n".repeat(256));
    refuses("ENAMETOOLONG", `${"n".repeat(256)}/x`);
    refuses("ENOENT", "n".repeat(255));
    refuses("ENOENT", "");
    refuses("EINVAL", "d\0");
  });

  it("does not count a link's target to the path's length", () => {
    link("long", "d/".repeat(1) + "./".repeat(2000));
    assert.equal(find(`long/${"./".repeat(2000)}f`), tree.ino("d/f"));
  });

  it("searches every directory on the way on the caller's behalf, the last one too", () => {
    const caller = makeCaller({ uid: 7, gid: 7 });
    tree.makeDirectory("closed", 0o744);
    tree.make("closed/f");
    refuses("EACCES", "closed/f", { caller });
    refuses("EACCES", "closed/missing", { caller });
    refuses("EACCES", "closed/..", { caller });
    assert.throws(() => walk({ caller }).parent("closed/new"), { code: "EACCES" });
    assert.equal(walk({ caller }).inode("closed", true).ino, tree.ino("closed"));
    assert.equal(
      walk({ caller: { ...caller, checkAccess: false } }).inode("closed/f", true).ino,
      tree.ino("closed/f"),
    );
  });

  it("finds nothing in a directory that was removed but itself", () => {
    const gone = tree.makeDirectory("gone");
    tree.run(rmdir, { parent: ROOT_INO, name: "gone" });
    assert.equal(find(".", gone), gone);
    refuses("ENOENT", "x", { from: gone });
    refuses("ENOENT", "..", { from: gone });
    refuses("ESTALE", "x", { from: toIno(999) });
  });
});
