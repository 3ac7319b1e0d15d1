/**
 * Turns dirty ranges into planned blocks of new packs, and their slices (rule K2).
 *
 * Neighbouring pieces of one region become one block of at most BLOCK_SIZE_MAX; blocks fill packs in the order in which
 * files became dirty, so that what was written together lies together. Most of it happens a few files at a time
 * between cuts (`planOldest`), so that no cut has to plan many: until the COMMIT nothing of it counts, and after a
 * crash the ranges are dirty again. What is written after it was planned is simply newer.
 */
import { assert } from "../core/assert.ts";
import { CorruptError } from "../core/fs-error.ts";
import { PACK_BLOCK_COUNT_MAX, PACK_SIZE_TARGET } from "../core/limits.ts";
import type { PackId } from "../core/ids.ts";
import type { Inode } from "../meta/inode.ts";
import type { PackRow } from "../meta/tables.ts";
import type { DirtyFile, DirtyPiece } from "../vfs/dirty-data.ts";
import type { FileState } from "../vfs/file-state.ts";
import { encodePlan, type PlannedBlock, type PlannedPack } from "../vfs/planned-pack.ts";
import { placeSlice } from "../vfs/slice-map.ts";

/** Pieces of one block, and of one pack: a plan of 30 bytes a piece stays under 8 MiB, however small the writes were. */
const BLOCK_PIECE_COUNT_MAX: number = 64 * 1024;
const PACK_PIECE_COUNT_MAX: number = 256 * 1024;
/** This many files may be dirty before the oldest are planned ahead: those are likely to be written again. */
const DIRTY_FILE_COUNT_SOFT = 256;

/** Places every dirty range; returns the new packs, which are pending from now on. */
export function planDirty(state: FileState): PlannedPack[] {
  const planner = new DirtyPlanner(state);
  return planner.planAll();
}

export class DirtyPlanner {
  readonly #state: FileState;
  #packs: PlannedPack[] = [];
  #open: OpenPack | undefined;

  constructor(state: FileState) {
    this.#state = state;
  }

  /** Places every dirty range and closes the last pack; returns all packs since the last call. */
  planAll(): PlannedPack[] {
    for (const file of this.#state.dirty.files.values()) this.#addFile(file);
    this.#state.dirty.clear();
    this.#close();
    const packs = this.#packs;
    this.#packs = [];
    return packs;
  }

  /** Places up to `count` files that have been dirty for longest, when many are dirty. */
  planOldest(count: number): void {
    const { dirty } = this.#state;
    let left = Math.min(count, dirty.files.size - DIRTY_FILE_COUNT_SOFT);
    for (const file of dirty.files.values()) {
      if (left-- <= 0) return;
      this.#addFile(file);
      dirty.drop(file.ino);
    }
  }

  #addFile(file: DirtyFile): void {
    const inode = this.#state.meta.getInode(file.ino);
    if (inode === undefined) throw new CorruptError(`dirty inode ${file.ino} is missing`);
    const regions = [...file.regions.keys()].sort((a, b) => a - b);
    for (const region of regions) this.#addRegion(inode, file.regions.get(region)!);
  }

  #addRegion(inode: Inode, pieces: readonly DirtyPiece[]): void {
    this.#state.noteSlices(inode.ino, pieces[0]!.start, pieces.length);
    let first = 0;
    for (let i = 1; i <= pieces.length; i++) {
      const goesOn = i < pieces.length && pieces[i]!.start === pieces[i - 1]!.end;
      if (goesOn && i - first < BLOCK_PIECE_COUNT_MAX) continue;
      this.#addBlock(inode, pieces.slice(first, i));
      first = i;
    }
  }

  #addBlock(inode: Inode, pieces: readonly DirtyPiece[]): void {
    const pos = pieces[0]!.start;
    const length = pieces[pieces.length - 1]!.end - pos;
    assert(length > 0, "a block has bytes");
    if (this.#open?.hasRoomFor(length, pieces.length) === false) this.#close();
    this.#open ??= new OpenPack(this.#state);
    const block: PlannedBlock = {
      ino: inode.ino,
      pos,
      length,
      pieces: pieces.map((piece) => ({
        source: piece.record,
        skip: piece.skip,
        length: piece.end - piece.start,
      })),
    };
    const index = this.#open.add(block);
    placeSlice(this.#state, inode, { pos, length, pack: this.#open.id, index, offset: 0 });
  }

  #close(): void {
    if (this.#open === undefined) return;
    this.#open.close(this.#state);
    this.#packs.push(this.#open);
    this.#open = undefined;
  }
}

/** A pack that takes blocks: pending, and readable, from its first one on; its plan is stored when it is closed. */
class OpenPack implements PlannedPack {
  readonly id: PackId;
  readonly blocks: PlannedBlock[] = [];
  plainSize = 0;
  #pieceCount = 0;
  readonly #row: PackRow;

  constructor(state: FileState) {
    this.id = state.meta.takePackId();
    this.#row = state.packs.add(this.id, { plainSize: 0, bornCut: state.cut });
    state.pending.set(this.id, this);
  }

  hasRoomFor(length: number, pieceCount: number): boolean {
    return (
      this.blocks.length < PACK_BLOCK_COUNT_MAX &&
      this.plainSize + length <= PACK_SIZE_TARGET &&
      this.#pieceCount + pieceCount <= PACK_PIECE_COUNT_MAX
    );
  }

  /** Returns the block's index. */
  add(block: PlannedBlock): number {
    this.plainSize += block.length;
    this.#pieceCount += block.pieces.length;
    return this.blocks.push(block) - 1;
  }

  close(state: FileState): void {
    this.#row.plainSize = this.plainSize;
    state.meta.tables.plans.put(this.id, encodePlan(this));
  }
}
