/**
 * What every metadata engine must do, whatever it is built on: the contract of meta/tables.ts. An engine's test calls
 * `metaTablesSuite` with a factory that opens the same database again each time it is called.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { toIno, toPackId } from "../../src/core/ids.ts";
import { FileType, Inode } from "../../src/meta/inode.ts";
import {
  PackState,
  type Dentry,
  type MetaTables,
  type PackRow,
  type SliceRow,
} from "../../src/meta/tables.ts";

export interface MetaTablesFactory {
  /** An empty database, open. */
  create(): MetaTables;
  /** The same one again, after `close`. */
  reopen(): MetaTables;
  /** Removes what `create` made. */
  destroy(): void;
}

const LARGE_INO = toIno(2 ** 48);
const DIRECTORY = toIno(5);
/** A name of every byte that may be in one. */
const ALL_BYTES: string = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
  .join("")
  .replace("/", "");

export function metaTablesSuite(name: string, makeFactory: () => MetaTablesFactory): void {
  describe(`${name}: tables`, () => {
    let factory: MetaTablesFactory;
    let tables: MetaTables;

    beforeEach(() => {
      factory = makeFactory();
      tables = factory.create();
      tables.begin();
    });

    afterEach(() => {
      tables.close();
      factory.destroy();
    });

    const commitAndReopen = (): void => {
      tables.commit();
      tables.close();
      tables = factory.reopen();
      tables.begin();
    };

    inodeTests(() => tables, commitAndReopen);
    dentryTests(() => tables);
    smallTableTests(() => tables);
    sliceTests(() => tables);
    packTests(() => tables, commitAndReopen);

    it("keep nothing of what was not committed", () => {
      tables.settings.putNumber("n", 1);
      tables.commit();
      tables.begin();
      tables.settings.putNumber("n", 2);
      tables.inodes.put(makeInode(7));
      assert.equal(tables.inTransaction(), true);
      tables.close();
      tables = factory.reopen();
      assert.equal(tables.inTransaction(), false);
      assert.equal(tables.settings.getNumber("n"), 1);
      assert.equal(tables.inodes.get(toIno(7)), undefined);
    });
  });
}

function entry(name: string, cookie: number): Dentry {
  return { name, ino: toIno(cookie * 10), type: 8, cookie };
}

const slice = (pos: number, length: number, pack = 1): SliceRow => ({
  pos,
  length,
  pack: toPackId(pack),
  index: pos % 100,
  offset: 2 ** 40,
});

const pack = (id: number): PackRow => ({
  id: toPackId(id),
  state: PackState.STORED,
  storedSize: 1,
  plainSize: 2,
  liveSize: 3,
  refCount: 4,
  bornCut: 5,
  diedCut: 2 ** 50,
});

type GetTables = () => MetaTables;

function makeInode(ino: number): Inode {
  const inode = new Inode(toIno(ino));
  inode.mode = FileType.REGULAR | 0o644;
  inode.nlink = 1;
  inode.size = ino * 3;
  inode.setAllTimes({ sec: -ino, nsec: 999_999_999 });
  return inode;
}

function inodeTests(get: GetTables, commitAndReopen: () => void): void {
  it("keep inodes: put inserts and replaces, remove forgets", () => {
    const { inodes } = get();
    assert.equal(inodes.get(toIno(7)), undefined);
    const inode = makeInode(7);
    inodes.put(inode);
    inodes.put(makeInode(LARGE_INO));
    assert.deepEqual(inodes.get(toIno(7)), inode);
    assert.deepEqual(inodes.get(LARGE_INO), makeInode(LARGE_INO));
    inode.size = 1;
    inodes.put(inode);
    assert.equal(inodes.get(toIno(7))?.size, 1);
    assert.notEqual(inodes.get(toIno(7)), inode, "an object of its own each time");
    assert.equal(inodes.count(), 2);
    inodes.remove(toIno(7));
    inodes.remove(toIno(8));
    assert.equal(inodes.get(toIno(7)), undefined);
    assert.equal(inodes.count(), 1);
  });

  it("keep inodes over a reopening", () => {
    get().inodes.put(makeInode(7));
    commitAndReopen();
    assert.deepEqual(get().inodes.get(toIno(7)), makeInode(7));
  });
}

function dentryTests(get: GetTables): void {
  it("keep entries under names of any bytes", () => {
    const { dentries } = get();
    const names = [ALL_BYTES.slice(0, 200), ALL_BYTES.slice(200), "A", "a", "\x80", "\xff", " a"];
    for (const [index, name] of names.entries()) {
      dentries.insert(DIRECTORY, entry(name, index + 3));
    }
    for (const [index, name] of names.entries()) {
      const { ino, type, cookie } = entry(name, index + 3);
      assert.deepEqual(dentries.get(DIRECTORY, name), { ino, type, cookie });
    }
    assert.equal(dentries.get(DIRECTORY, "b"), undefined);
    assert.equal(dentries.get(toIno(6), "a"), undefined);
    assert.deepEqual(
      dentries.list(DIRECTORY, 0, 100).map(({ name }) => name),
      names,
    );
  });

  it("keep the largest inode numbers in entries", () => {
    const { dentries } = get();
    dentries.insert(LARGE_INO, { name: "x", ino: LARGE_INO, type: 15, cookie: 3 });
    assert.deepEqual(dentries.get(LARGE_INO, "x"), { ino: LARGE_INO, type: 15, cookie: 3 });
    assert.deepEqual(dentries.list(LARGE_INO, 0, 1), [
      { name: "x", ino: LARGE_INO, type: 15, cookie: 3 },
    ]);
  });

  it("list a directory by cookie, from any place, while entries come and go", () => {
    const { dentries } = get();
    const names = ["d", "a", "c", "b"];
    for (const [index, name] of names.entries()) {
      dentries.insert(DIRECTORY, entry(name, (index + 1) * 5));
    }
    dentries.insert(toIno(4), entry("before", 1));
    dentries.insert(toIno(6), entry("after", 99));
    const list = (after: number, limit = 100): string[] =>
      dentries.list(DIRECTORY, after, limit).map(({ name }) => name);
    assert.deepEqual(list(0), names);
    assert.deepEqual(list(0, 2), ["d", "a"]);
    assert.deepEqual(list(5), ["a", "c", "b"]);
    assert.deepEqual(list(7), ["a", "c", "b"]);
    assert.deepEqual(list(20), []);
    dentries.remove(DIRECTORY, entry("a", 10));
    assert.deepEqual(list(5), ["c", "b"]);
    assert.deepEqual(list(10), ["c", "b"]);
    assert.equal(dentries.get(DIRECTORY, "a"), undefined);
  });

  it("point a name at another inode in its place", () => {
    const { dentries } = get();
    dentries.insert(DIRECTORY, entry("a", 3));
    dentries.insert(DIRECTORY, entry("b", 4));
    dentries.retarget(DIRECTORY, { name: "a", ino: toIno(77), type: 4, cookie: 3 });
    assert.deepEqual(dentries.get(DIRECTORY, "a"), { ino: toIno(77), type: 4, cookie: 3 });
    assert.deepEqual(dentries.list(DIRECTORY, 0, 1), [
      { name: "a", ino: toIno(77), type: 4, cookie: 3 },
    ]);
    assert.equal(dentries.get(DIRECTORY, "b")?.ino, 40);
  });

  it("know an empty directory", () => {
    const { dentries } = get();
    dentries.insert(toIno(4), entry("x", 3));
    dentries.insert(toIno(6), entry("x", 3));
    assert.equal(dentries.isEmpty(DIRECTORY), true);
    dentries.insert(DIRECTORY, entry("x", 3));
    assert.equal(dentries.isEmpty(DIRECTORY), false);
    dentries.remove(DIRECTORY, entry("x", 3));
    assert.equal(dentries.isEmpty(DIRECTORY), true);
  });

  it("refuse a second entry of the same name or cookie", () => {
    const { dentries } = get();
    dentries.insert(DIRECTORY, entry("a", 3));
    assert.throws(() => dentries.insert(DIRECTORY, entry("a", 4)));
    assert.throws(() => dentries.insert(DIRECTORY, entry("b", 3)));
  });
}

function smallTableTests(get: GetTables): void {
  it("keep symlinks' targets of any bytes", () => {
    const { symlinks } = get();
    assert.equal(symlinks.get(toIno(7)), undefined);
    symlinks.put(toIno(7), `/${ALL_BYTES}`);
    assert.equal(symlinks.get(toIno(7)), `/${ALL_BYTES}`);
    symlinks.remove(toIno(7));
    assert.equal(symlinks.get(toIno(7)), undefined);
  });

  it("keep extended attributes, empty ones too, each inode its own", () => {
    const { xattrs } = get();
    const [a, b] = [toIno(7), toIno(8)];
    xattrs.put(a, "user.b", new Uint8Array([1]));
    xattrs.put(a, "user.a\xff", new Uint8Array(0));
    xattrs.put(b, "user.c", new Uint8Array(65_536).fill(7));
    assert.deepEqual(xattrs.names(a), ["user.a\xff", "user.b"]);
    assert.deepEqual(xattrs.get(a, "user.a\xff"), new Uint8Array(0));
    assert.deepEqual(xattrs.get(b, "user.c"), new Uint8Array(65_536).fill(7));
    assert.equal(xattrs.get(a, "user.c"), undefined);
    xattrs.put(a, "user.b", new Uint8Array([2, 3]));
    assert.deepEqual(xattrs.get(a, "user.b"), new Uint8Array([2, 3]));
    xattrs.remove(a, "user.b");
    xattrs.remove(a, "user.none");
    assert.deepEqual(xattrs.names(a), ["user.a\xff"]);
    xattrs.removeAll(a);
    assert.deepEqual(xattrs.names(a), []);
    assert.deepEqual(xattrs.names(b), ["user.c"]);
  });

  it("copy a value when it is put", () => {
    const { xattrs } = get();
    const value = new Uint8Array([1, 2, 3]);
    xattrs.put(toIno(7), "user.x", value.subarray(1));
    value.fill(9);
    assert.deepEqual(xattrs.get(toIno(7), "user.x"), new Uint8Array([2, 3]));
  });

  it("keep orphans in order, each once", () => {
    const { orphans } = get();
    for (const ino of [9, 3, 9, 2 ** 48]) orphans.add(toIno(ino));
    assert.deepEqual(orphans.list(), [3, 9, 2 ** 48]);
    orphans.remove(toIno(9));
    orphans.remove(toIno(10));
    assert.deepEqual(orphans.list(), [3, 2 ** 48]);
  });

  it("keep settings: numbers and texts", () => {
    const { settings } = get();
    assert.equal(settings.getNumber("n"), undefined);
    settings.putNumber("n", Number.MAX_SAFE_INTEGER);
    settings.putText("t", "text \u{1f41f}");
    assert.equal(settings.getNumber("n"), Number.MAX_SAFE_INTEGER);
    assert.equal(settings.getText("t"), "text \u{1f41f}");
    assert.equal(settings.getText("n"), undefined);
    assert.equal(settings.getNumber("t"), undefined);
    settings.putNumber("n", 0);
    assert.equal(settings.getNumber("n"), 0);
  });
}

function sliceTests(get: GetTables): void {
  const INO = toIno(7);
  it("find the slices that overlap a range", () => {
    const { slices } = get();
    const rows = [slice(0, 10), slice(10, 5), slice(100, 50), slice(2 ** 50, 1)];
    for (const row of rows) slices.insert(INO, row);
    slices.insert(toIno(6), slice(20, 50));
    slices.insert(toIno(8), slice(20, 50));
    const found = (start: number, end: number): number[] =>
      slices
        .overlapping(INO, start, end)
        .map((row) => rows.findIndex(({ pos }) => pos === row.pos));
    assert.deepEqual(slices.overlapping(INO, 0, 2 ** 53 - 1), rows);
    assert.deepEqual(found(0, 1), [0]);
    assert.deepEqual(found(9, 10), [0]);
    assert.deepEqual(found(9, 11), [0, 1]);
    assert.deepEqual(found(10, 11), [1]);
    assert.deepEqual(found(15, 100), []);
    assert.deepEqual(found(15, 101), [2]);
    assert.deepEqual(found(120, 121), [2]);
    assert.deepEqual(found(150, 2 ** 50), []);
    assert.deepEqual(found(2 ** 50, 2 ** 51), [3]);
  });

  it("remove a slice by its position, and refuse two at one", () => {
    const { slices } = get();
    slices.insert(INO, slice(0, 10));
    slices.insert(INO, slice(10, 10));
    assert.throws(() => slices.insert(INO, slice(10, 1)));
    slices.remove(INO, 0);
    assert.deepEqual(slices.overlapping(INO, 0, 100), [slice(10, 10)]);
  });

  it("find who refers to a pack", () => {
    const { slices } = get();
    slices.insert(INO, slice(0, 10, 1));
    slices.insert(INO, slice(10, 10, 2));
    slices.insert(toIno(8), slice(5, 10, 1));
    assert.deepEqual(slices.referencing(toPackId(1)), [
      { ino: INO, row: slice(0, 10, 1) },
      { ino: toIno(8), row: slice(5, 10, 1) },
    ]);
    assert.deepEqual(slices.referencing(toPackId(3)), []);
  });
}

function packTests(get: GetTables, commitAndReopen: () => void): void {
  it("keep packs and plans over a reopening, in order", () => {
    const { packs, plans } = get();
    for (const id of [9, 3]) packs.put(pack(id));
    packs.put({ ...pack(3), liveSize: 0, state: PackState.PENDING });
    plans.put(toPackId(9), new Uint8Array([1, 2]));
    plans.put(toPackId(3), new Uint8Array(0));
    commitAndReopen();
    const again = get();
    assert.deepEqual(again.packs.list(), [
      { ...pack(3), liveSize: 0, state: PackState.PENDING },
      pack(9),
    ]);
    assert.deepEqual(again.packs.get(toPackId(9)), pack(9));
    assert.equal(again.packs.get(toPackId(4)), undefined);
    assert.deepEqual(again.plans.list(), [
      { pack: toPackId(3), plan: new Uint8Array(0) },
      { pack: toPackId(9), plan: new Uint8Array([1, 2]) },
    ]);
    again.packs.remove(toPackId(3));
    again.plans.remove(toPackId(3));
    assert.deepEqual(again.packs.list(), [pack(9)]);
    assert.equal(again.plans.list().length, 1);
  });
}
