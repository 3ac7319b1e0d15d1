import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { makeSide, at } from "../../test/support/meta-fixture.ts";
import { AssertionFailure } from "../core/assert.ts";
import { ROOT_INO, toIno } from "../core/ids.ts";
import { FileType, InodeFlag, type Inode } from "./inode.ts";
import { Counter, MetaState, createRoot } from "./meta-state.ts";

const SMALL = { acl: true, inodeCacheGeneration: 16, dentryCacheGeneration: 2 };

function addFile(state: MetaState): Inode {
  const inode = state.addInode(toIno(state.nextIno));
  inode.mode = FileType.REGULAR | 0o644;
  inode.nlink = 1;
  return inode;
}

/** Pushes everything else out of the inode cache. */
function flood(state: MetaState): void {
  for (let i = 0; i < 40; i++) addFile(state);
}

describe("MetaState", () => {
  it("answers ESTALE, ENOTDIR and ENOENT for what is no directory", () => {
    const { state } = makeSide();
    const file = addFile(state);
    assert.throws(() => state.requireInode(toIno(99)), { code: "ESTALE" });
    assert.throws(() => state.requireDirectory(toIno(99)), { code: "ESTALE" });
    assert.throws(() => state.requireDirectory(file.ino), { code: "ENOTDIR" });
    file.mode = FileType.DIRECTORY;
    file.nlink = 0;
    assert.throws(() => state.requireDirectory(file.ino), { code: "ENOENT" });
  });

  it("gives out the changed inode after it left the cache, before and after it was written", () => {
    const { state } = makeSide(SMALL);
    const inode = addFile(state);
    state.flush();
    inode.size = 1;
    state.markDirty(inode);
    flood(state);
    assert.equal(state.getInode(inode.ino), inode);
    flood(state);
    state.flush();
    flood(state);
    assert.equal(state.getInode(inode.ino)?.size, 1);
  });

  it("gives out an inode that changed while it was out of the cache", () => {
    const { state } = makeSide(SMALL);
    const { ino } = addFile(state);
    state.flush();
    const held = state.requireInode(ino);
    flood(state);
    held.size = 5;
    state.markDirty(held);
    state.flush();
    assert.equal(state.getInode(ino), held);
  });

  it("takes a change of an inode that is held twice for a bug", () => {
    const { state } = makeSide(SMALL);
    const { ino } = addFile(state);
    state.flush();
    const stale = state.requireInode(ino);
    flood(state);
    const fresh = state.requireInode(ino);
    assert.notEqual(fresh, stale);
    stale.size = 5;
    assert.throws(() => state.markDirty(stale), AssertionFailure);
    fresh.size = 6;
    state.markDirty(fresh);
    assert.throws(() => state.markDirty(stale), AssertionFailure);
  });

  it("refuses a cache in which an operation's inodes do not fit", () => {
    assert.throws(() => makeSide({ inodeCacheGeneration: 15 }), AssertionFailure);
  });

  it("never gives out an inode number twice, over removal and restart", () => {
    const { state, tables } = makeSide();
    const first = addFile(state);
    assert.throws(() => state.addInode(first.ino), AssertionFailure);
    state.removeInode(first);
    assert.equal(addFile(state).ino, first.ino + 1);
    const pack = state.takePackId();
    state.flush();
    const again = new MetaState(tables, { acl: true });
    assert.equal(again.nextIno, first.ino + 2);
    assert.equal(again.takePackId(), pack + 1);
    assert.equal(again.inodeCount, 2);
  });

  it("removes an inode with all that belongs to it, and it stays removed", () => {
    const { state, tables } = makeSide();
    const inode = addFile(state);
    inode.mode = FileType.SYMLINK;
    inode.flags = InodeFlag.XATTR;
    tables.symlinks.put(inode.ino, "t");
    tables.xattrs.put(inode.ino, "trusted.x", new Uint8Array(1));
    state.flush();
    inode.size = 3;
    state.markDirty(inode);
    state.removeInode(inode);
    state.flush();
    assert.equal(state.getInode(inode.ino), undefined);
    assert.equal(tables.symlinks.get(inode.ino), undefined);
    assert.deepEqual(tables.xattrs.names(inode.ino), []);
    assert.equal(tables.inodes.count(), 1);
    assert.equal(tables.settings.getNumber(Counter.INODE_COUNT), 1);
  });

  it("remembers names, and that there are none, as they change", () => {
    const { state } = makeSide();
    const root = state.requireInode(ROOT_INO);
    assert.equal(state.lookup(ROOT_INO, "a"), undefined);
    const [one, two] = [addFile(state), addFile(state)];
    state.link(root, "a", one);
    const a = state.lookup(ROOT_INO, "a")!;
    assert.deepEqual([a.ino, a.type, a.cookie], [one.ino, 8, 3]);
    state.retarget(ROOT_INO, "a", a, two);
    assert.equal(state.lookup(ROOT_INO, "a")?.ino, two.ino);
    assert.equal(state.lookup(ROOT_INO, "b"), undefined);
    state.renameEntry(ROOT_INO, "a", "b", state.lookup(ROOT_INO, "a")!);
    assert.equal(state.lookup(ROOT_INO, "a"), undefined);
    assert.equal(state.lookup(ROOT_INO, "b")?.cookie, 3);
    state.unlink(ROOT_INO, "b", state.lookup(ROOT_INO, "b")!);
    assert.equal(state.lookup(ROOT_INO, "b"), undefined);
    state.link(root, "b", one);
    assert.equal(state.lookup(ROOT_INO, "b")?.cookie, 4, "a cookie is never used twice");
  });

  it("does not ask the tables again for a name that is missing", () => {
    const { state } = makeSide();
    let asked = 0;
    const { dentries } = state.tables;
    const get = dentries.get.bind(dentries);
    dentries.get = (parent, name) => {
      asked++;
      return get(parent, name);
    };
    for (let i = 0; i < 3; i++) assert.equal(state.lookup(ROOT_INO, "none"), undefined);
    assert.equal(asked, 1);
  });

  it("keeps orphans over a restart, and only those", () => {
    const { state, tables } = makeSide();
    for (const ino of [5, 6, 7]) state.addOrphan(toIno(ino));
    state.removeOrphan(toIno(6));
    state.flush();
    state.removeOrphan(toIno(7));
    state.addOrphan(toIno(8));
    state.addOrphan(toIno(9));
    state.removeOrphan(toIno(9));
    state.flush();
    assert.deepEqual([...new MetaState(tables, { acl: true }).orphans], [5, 8]);
  });

  it("writes a few inodes back with each operation while there are many", () => {
    const { state, tables } = makeSide({ dirtyInodeCountSoft: 5 });
    for (let i = 0; i < 10; i++) addFile(state);
    state.trickle();
    assert.equal(state.dirtyInodeCount, 7);
    assert.equal(tables.inodes.count(), 4);
    for (let i = 0; i < 5; i++) state.trickle();
    assert.equal(state.dirtyInodeCount, 4, "below the limit nothing is written");
    state.flush();
    assert.equal(state.dirtyInodeCount, 0);
    assert.equal(tables.inodes.count(), 11);
  });

  it("makes a root once", () => {
    const { state } = makeSide();
    const root = state.requireInode(ROOT_INO);
    assert.deepEqual([root.mode, root.nlink, root.parent], [0o040755, 2, ROOT_INO]);
    assert.throws(
      () => createRoot(state, { uid: 0, gid: 0, mode: 0o755, now: at(1) }),
      AssertionFailure,
    );
  });
});
