/**
 * Turns all dirty ranges into planned blocks of new packs, and their slices (rule K2).
 *
 * Neighbouring pieces of one region become one block of at most BLOCK_SIZE_MAX; blocks fill packs in the order in which
 * files became dirty, so that what was written together lies together. Afterwards nothing is dirty.
 */
import { assert } from "../core/assert.ts";
import { CorruptError } from "../core/fs-error.ts";
import { PACK_BLOCK_COUNT_MAX, PACK_SIZE_TARGET } from "../core/limits.ts";
import type { DirtyFile, DirtyPiece } from "../vfs/dirty-data.ts";
import type { FileState } from "../vfs/file-state.ts";
import type { Inode } from "../meta/inode.ts";
import { encodePlan, type PlannedBlock, type PlannedPack } from "../vfs/planned-pack.ts";
import { placeSlice } from "../vfs/slice-map.ts";

/** Places every dirty range; returns the new packs, which are pending from now on. */
export function planDirty(state: FileState): PlannedPack[] {
  const planner = new Planner(state);
  for (const file of state.dirty.files.values()) planner.addFile(file);
  planner.close();
  state.dirty.clear();
  return planner.packs;
}

class Planner {
  readonly packs: PlannedPack[] = [];
  readonly #state: FileState;
  #blocks: PlannedBlock[] = [];
  #plainSize = 0;
  /** Slices of the pack being filled; placed when it has its number and row. */
  #targets: Inode[] = [];

  constructor(state: FileState) {
    this.#state = state;
  }

  addFile(file: DirtyFile): void {
    const inode = this.#state.meta.getInode(file.ino);
    if (inode === undefined) throw new CorruptError(`dirty inode ${file.ino} is missing`);
    const regions = [...file.regions.keys()].sort((a, b) => a - b);
    for (const region of regions) this.#addRegion(inode, file.regions.get(region)!);
  }

  close(): void {
    if (this.#blocks.length === 0) return;
    const state = this.#state;
    const id = state.meta.takePackId();
    const pack: PlannedPack = { id, blocks: this.#blocks, plainSize: this.#plainSize };
    state.packs.add(id, { plainSize: pack.plainSize, bornCut: state.cut });
    for (const [index, block] of pack.blocks.entries()) {
      const { pos, length } = block;
      placeSlice(state, this.#targets[index]!, { pos, length, pack: id, index, offset: 0 });
    }
    state.pending.set(id, pack);
    state.meta.tables.plans.put(id, encodePlan(pack));
    this.packs.push(pack);
    this.#blocks = [];
    this.#targets = [];
    this.#plainSize = 0;
  }

  #addRegion(inode: Inode, pieces: readonly DirtyPiece[]): void {
    let first = 0;
    for (let i = 1; i <= pieces.length; i++) {
      if (i < pieces.length && pieces[i]!.start === pieces[i - 1]!.end) continue;
      this.#addBlock(inode, pieces.slice(first, i));
      first = i;
    }
  }

  #addBlock(inode: Inode, pieces: readonly DirtyPiece[]): void {
    const pos = pieces[0]!.start;
    const length = pieces[pieces.length - 1]!.end - pos;
    assert(length > 0, "a block has bytes");
    if (
      this.#blocks.length === PACK_BLOCK_COUNT_MAX ||
      (this.#blocks.length > 0 && this.#plainSize + length > PACK_SIZE_TARGET)
    ) {
      this.close();
    }
    this.#blocks.push({
      ino: inode.ino,
      pos,
      length,
      pieces: pieces.map((piece) => ({
        source: piece.record,
        skip: piece.skip,
        length: piece.end - piece.start,
      })),
    });
    this.#targets.push(inode);
    this.#plainSize += length;
  }
}
