/**
 * Reads a range of a file: dirty pieces from the journal, the rest from slices, the rest of that zeros.
 *
 * What always holds: the bytes are the file at one instant, the present one (the engine is one thread). Damage makes
 * this call fail with EIO and leaves all other ranges readable.
 */
import { CorruptError } from "../core/fs-error.ts";
import type { Inode } from "../meta/inode.ts";
import type { SliceRow } from "../meta/tables.ts";
import type { DirtyPiece } from "./dirty-data.ts";
import type { FileState } from "./file-state.ts";
import { ZERO_PACK } from "./pack-book.ts";
import { isBlockSource, type PlannedPack } from "./planned-pack.ts";

export class FileReader {
  readonly #state: FileState;
  readonly #pieces: DirtyPiece[] = [];

  constructor(state: FileState) {
    this.#state = state;
  }

  /** Fills `into` from `at` on with at most `length` bytes from `offset`; returns how many there were before the end. */
  read(
    inode: Inode,
    range: { readonly offset: number; readonly length: number },
    into: Uint8Array,
    at: number,
  ): number {
    const end = Math.min(inode.size, range.offset + range.length);
    if (end <= range.offset) return 0;
    const { ino } = inode;
    const pieces = this.#pieces;
    pieces.length = 0;
    this.#state.dirty.overlapping(ino, range.offset, end, pieces);
    const shift = at - range.offset;
    let position = range.offset;
    for (const piece of pieces) {
      const start = Math.max(piece.start, position);
      const stop = Math.min(piece.end, end);
      if (start > position) this.#readStored(inode, position, start, into, shift);
      const { record } = piece;
      this.#state.journal.readData(
        record.segment,
        record.dataAt + piece.skip + (start - piece.start),
        into,
        start + shift,
        stop - start,
      );
      position = stop;
    }
    if (position < end) this.#readStored(inode, position, end, into, shift);
    return end - range.offset;
  }

  /** [start, end) of what slices hold; holes are zeros. `shift` turns a file position into an index of `into`. */
  #readStored(inode: Inode, start: number, end: number, into: Uint8Array, shift: number): void {
    let position = start;
    const rows = this.#state.meta.tables.slices.overlapping(inode.ino, start, end);
    this.#state.noteSlices(inode.ino, start, rows.length);
    for (const row of rows) {
      const from = Math.max(row.pos, start);
      const to = Math.min(row.pos + row.length, end);
      if (from > position) into.fill(0, position + shift, from + shift);
      this.#readSlice(row, from, to, into, shift);
      position = to;
    }
    if (position < end) into.fill(0, position + shift, end + shift);
  }

  #readSlice(row: SliceRow, from: number, to: number, into: Uint8Array, shift: number): void {
    if (row.pack === ZERO_PACK) {
      into.fill(0, from + shift, to + shift);
      return;
    }
    const range = {
      pack: row.pack,
      index: row.index,
      offset: row.offset + (from - row.pos),
      length: to - from,
    };
    readBlockRange(this.#state, range, into, from + shift);
  }
}

/** Plain bytes of a block, wherever it is now: in its pack, or still where its plan says. */
export function readBlockRange(
  state: FileState,
  range: { pack: SliceRow["pack"]; index: number; offset: number; length: number },
  into: Uint8Array,
  at: number,
): void {
  const planned = state.pending.get(range.pack);
  if (planned === undefined) {
    state.blocks.readBlock(range, into, at);
    return;
  }
  readPlanned(state, planned, range, into, at);
}

function readPlanned(
  state: FileState,
  planned: PlannedPack,
  range: { index: number; offset: number; length: number },
  into: Uint8Array,
  at: number,
): void {
  const block = planned.blocks[range.index];
  if (block === undefined || range.offset + range.length > block.length) {
    throw new CorruptError(
      `the plan of pack ${planned.id} has no ${range.length} bytes at ${range.offset} of block ${range.index}`,
    );
  }
  const end = range.offset + range.length;
  let position = 0;
  for (const piece of block.pieces) {
    const start = Math.max(range.offset, position);
    const stop = Math.min(end, position + piece.length);
    if (start < stop) {
      const skip = piece.skip + (start - position);
      const target = at + (start - range.offset);
      if (isBlockSource(piece.source)) {
        const { pack, index } = piece.source;
        readBlockRange(state, { pack, index, offset: skip, length: stop - start }, into, target);
      } else {
        const { segment, dataAt } = piece.source;
        state.journal.readData(segment, dataAt + skip, into, target, stop - start);
      }
    }
    position += piece.length;
    if (position >= end) break;
  }
}
