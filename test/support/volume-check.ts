/**
 * What must hold in every open volume, counted anew by SQL and by walking: rows against rows, counters against rows,
 * packs against slices, the store against the pack table; and the tree as one value to compare.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { FilePackSource } from "../../src/pack/reader.ts";
import { FrameCache } from "../../src/pack/frame-cache.ts";
import { verifyPack } from "../../src/pack/verify-pack.ts";
import { ROOT_INO, toIno, toPackId, type Ino, type PackId } from "../../src/core/ids.ts";
import { TYPE_MASK, type Inode } from "../../src/meta/inode.ts";
import { PackState } from "../../src/meta/tables.ts";
import type { SqliteTables } from "../../src/meta/sqlite/sqlite-tables.ts";
import type { FileReader } from "../../src/vfs/read.ts";
import type { FileState } from "../../src/vfs/file-state.ts";
import type { VolumeHarness } from "./volume-harness.ts";

/** A path, or `orphan <ino>`, to all that a user could see of it. */
export type TreeSnapshot = Map<string, string>;

const READ_SIZE = 1024 * 1024;

interface Readable {
  readonly state: FileState;
  readonly reader: FileReader;
}

/** The whole tree through MetaState and FileReader alone. `times`: with atime, mtime, ctime and btime. */
export function snapshot(volume: Readable, options: { readonly times: boolean }): TreeSnapshot {
  const tree: TreeSnapshot = new Map();
  const visit = (ino: Ino, path: string): void => {
    const inode = volume.state.meta.requireInode(ino);
    tree.set(path, describeInode(volume, inode, options));
    if (!inode.isDirectory()) return;
    for (const { name, ino: child } of volume.state.meta.tables.dentries.list(ino, 0, 1_000_000)) {
      visit(child, path === "" ? name : `${path}/${name}`);
    }
  };
  visit(ROOT_INO, "");
  for (const ino of [...volume.state.meta.orphans].sort((a, b) => a - b)) {
    const inode = volume.state.meta.requireInode(ino);
    tree.set(`orphan ${ino}`, describeInode(volume, inode, options));
  }
  return tree;
}

function describeInode(
  volume: Readable,
  inode: Inode,
  options: { readonly times: boolean },
): string {
  const { ino, mode, uid, gid, nlink, size, rdev } = inode;
  const parts = [`${ino} ${mode.toString(8)} ${uid}:${gid} n${nlink}`];
  if (inode.isRegular()) parts.push(`${size} ${contentHash(volume, inode)}`);
  if (inode.isSymlink()) parts.push(`-> ${volume.state.meta.tables.symlinks.get(ino)}`);
  if (rdev !== 0) parts.push(`rdev ${rdev}`);
  const { xattrs } = volume.state.meta.tables;
  for (const name of xattrs.names(ino)) {
    parts.push(`${name}=${Buffer.from(xattrs.get(ino, name)!).toString("hex")}`);
  }
  if (options.times) {
    parts.push(`a${inode.atimeSec}.${inode.atimeNsec} m${inode.mtimeSec}.${inode.mtimeNsec}`);
    parts.push(`c${inode.ctimeSec}.${inode.ctimeNsec} b${inode.btimeSec}.${inode.btimeNsec}`);
  }
  return parts.join(" ");
}

function contentHash({ reader }: Readable, inode: Inode): string {
  const into = Buffer.alloc(Math.min(READ_SIZE, inode.size));
  const hash = createHash("sha1");
  for (let offset = 0; offset < inode.size; offset += READ_SIZE) {
    into.fill(0xee);
    const count = reader.read(inode, { offset, length: READ_SIZE }, into, 0);
    hash.update(into.subarray(0, count));
  }
  return hash.digest("hex");
}

export function hashBytes(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}

export interface OpenTables {
  readonly state: FileState;
  readonly tables: SqliteTables;
}

/** Counts everything anew. Brings what is only in memory into the open transaction first; commits nothing. */
export function checkVolume({ state, tables }: OpenTables): void {
  state.meta.flush();
  checkSlices(state, tables);
  checkPacks(state, tables);
  checkCounts(state, tables);
  checkDirty(state);
  assert.deepEqual(tables.integrityProblems(), []);
}

/** Nothing waits: the store holds the live packs, whole, and nothing else; no plan, nothing staged. */
export function checkSettled(harness: VolumeHarness): void {
  checkVolume(harness);
  const { state } = harness;
  assert.equal(state.pending.size, 0, "no pack is pending");
  assert.deepEqual(state.meta.tables.plans.list(), [], "no plan is left");
  const rows = [...state.packs.values()].map((row) => row.id).sort((a, b) => a - b);
  assert.deepEqual(harness.storedPacks(), rows, "the store holds the packs that have rows");
  assert.deepEqual(harness.stagedPacks(), [], "nothing is staged");
  checkStoredPacks(harness);
}

/** Every object in the store is a whole pack of the size its row says. */
export function checkStoredPacks(harness: VolumeHarness): void {
  for (const pack of harness.storedPacks()) {
    using source = new FilePackSource(harness.packPath(pack));
    const row = harness.state.packs.get(pack);
    if (row?.state === PackState.STORED) assert.equal(source.size, row.storedSize);
    const { uuid: volume, timeline } = harness.config;
    const { damaged } = verifyPack(source, { volume, timeline, pack }, new FrameCache());
    assert.equal(damaged.length, 0, `pack ${pack} is whole`);
  }
}

interface SliceTuple {
  readonly ino: number;
  readonly pos: number;
  readonly length: number;
  readonly pack: number;
  readonly idx: number;
  readonly offset: number;
}

function allSlices(tables: SqliteTables): SliceTuple[] {
  const query = "SELECT ino, pos, length, pack, idx, offset FROM slice ORDER BY ino, pos";
  return tables.database.prepare(query).all() as unknown as SliceTuple[];
}

function checkSlices(state: FileState, tables: SqliteTables): void {
  const allocated = new Map<number, number>();
  let last: SliceTuple | undefined;
  for (const row of allSlices(tables)) {
    assert.ok(row.length > 0, `inode ${row.ino} has a slice of ${row.length} bytes`);
    if (last?.ino === row.ino) {
      assert.ok(last.pos + last.length <= row.pos, `slices of inode ${row.ino} overlap`);
    }
    last = row;
    allocated.set(row.ino, (allocated.get(row.ino) ?? 0) + row.length);
    checkSliceTarget(state, row);
  }
  let byteCount = 0;
  for (const { ino } of tables.database.prepare("SELECT ino FROM inode").all()) {
    const inode = state.meta.requireInode(toIno(ino as number));
    assert.equal(inode.allocated, allocated.get(inode.ino) ?? 0, `allocated of ${inode.ino}`);
    byteCount += inode.allocated;
    allocated.delete(inode.ino);
  }
  assert.equal(allocated.size, 0, "every slice belongs to an inode");
  assert.equal(state.meta.byteCount, byteCount, "the volume's byte count");
}

/** A slice of a pending pack lies inside its planned block. */
function checkSliceTarget(state: FileState, row: SliceTuple): void {
  if (row.pack === 0) {
    assert.equal(row.offset + row.idx, 0, "allocated zeros have no place in a block");
    return;
  }
  const planned = state.pending.get(toPackId(row.pack));
  if (planned === undefined) return;
  const block = planned.blocks[row.idx];
  assert.ok(block !== undefined, `pack ${row.pack} has no block ${row.idx}`);
  assert.ok(row.offset + row.length <= block.length, `a slice reaches over block ${row.idx}`);
}

function checkPacks(state: FileState, tables: SqliteTables): void {
  const counted = new Map<PackId, { refs: number; live: number }>();
  for (const row of allSlices(tables)) {
    if (row.pack === 0) continue;
    const pack = toPackId(row.pack);
    const sum = counted.get(pack) ?? { refs: 0, live: 0 };
    counted.set(pack, { refs: sum.refs + 1, live: sum.live + row.length });
  }
  let storedSize = 0;
  for (const row of state.packs.values()) {
    const { refs, live } = counted.get(row.id) ?? { refs: 0, live: 0 };
    assert.equal(row.refCount, refs, `references to pack ${row.id}`);
    assert.equal(row.liveSize, live, `live bytes of pack ${row.id}`);
    assert.equal(state.packs.dead.has(row.id), refs === 0, `pack ${row.id} is known dead`);
    assert.equal(row.state === PackState.PENDING, state.pending.has(row.id));
    storedSize += row.storedSize;
    counted.delete(row.id);
  }
  assert.equal(counted.size, 0, "every slice's pack has a row");
  assert.equal(state.packs.storedSize, storedSize);
  // The pack that takes blocks ahead of a cut has its plan written by the cut.
  const plans = new Set(tables.plans.list().map(({ pack }) => pack));
  const unplanned = [...state.pending.keys()].filter((pack) => !plans.delete(pack));
  assert.equal(plans.size, 0, "every plan belongs to a pending pack");
  assert.ok(unplanned.length <= 1, `packs ${unplanned.join(", ")} have no plan`);
}

function checkCounts(state: FileState, tables: SqliteTables): void {
  assert.equal(state.meta.inodeCount, tables.inodes.count(), "the volume's inode count");
  const named = new Map<number, number>();
  const directories = new Map<number, number>();
  const entries = tables.database.prepare("SELECT parent, target FROM dentry").all();
  for (const entry of entries as unknown as { parent: number; target: number }[]) {
    // The target's low bits are the type (see dentry-table.ts): the inode says it again.
    const ino = Math.floor(entry.target / 16);
    named.set(ino, (named.get(ino) ?? 0) + 1);
    const inode = state.meta.requireInode(toIno(ino));
    assert.equal((inode.mode & TYPE_MASK) >>> 12, entry.target % 16);
    if (!inode.isDirectory()) continue;
    directories.set(entry.parent, (directories.get(entry.parent) ?? 0) + 1);
  }
  for (const { ino } of tables.database.prepare("SELECT ino FROM inode").all()) {
    const inode = state.meta.requireInode(toIno(ino as number));
    const names = named.get(inode.ino) ?? 0;
    const isOrphan = names === 0 && inode.ino !== ROOT_INO;
    assert.equal(state.meta.orphans.has(inode.ino), isOrphan, `inode ${inode.ino} as an orphan`);
    if (isOrphan) assert.equal(inode.nlink, 0);
    else if (inode.isDirectory()) {
      assert.equal(inode.nlink, 2 + (directories.get(inode.ino) ?? 0), `nlink of ${inode.ino}`);
    } else assert.equal(inode.nlink, names, `nlink of ${inode.ino}`);
  }
}

function checkDirty(state: FileState): void {
  let byteCount = 0;
  let pieceCount = 0;
  for (const file of state.dirty.files.values()) {
    let inFile = 0;
    for (const pieces of file.regions.values()) {
      for (const piece of pieces) inFile += piece.end - piece.start;
      pieceCount += pieces.length;
    }
    assert.equal(file.byteCount, inFile, `dirty bytes of inode ${file.ino}`);
    byteCount += inFile;
  }
  assert.equal(state.dirty.byteCount, byteCount, "dirty bytes");
  assert.equal(state.dirty.pieceCount, pieceCount, "dirty pieces");
}
