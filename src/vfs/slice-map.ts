/**
 * Edits where a file's ranges are stored, keeping three sums exact: the inode's allocated bytes, the volume's, and
 * the packs' references. Rows of a file never overlap: whatever is placed first cuts away what it covers.
 */
import type { Inode } from "../meta/inode.ts";
import type { SliceRow } from "../meta/tables.ts";
import type { FileState } from "./file-state.ts";
import { ZERO_PACK } from "./pack-book.ts";

/** Makes [start, end) a hole. */
export function cutSlices(state: FileState, inode: Inode, start: number, end: number): void {
  if (end <= start) return;
  const { slices } = state.meta.tables;
  for (const row of slices.overlapping(inode.ino, start, end)) {
    removeRow(state, inode, row);
    if (row.pos < start) insertRow(state, inode, { ...row, length: start - row.pos });
    const rowEnd = row.pos + row.length;
    if (rowEnd > end) {
      insertRow(state, inode, {
        pos: end,
        length: rowEnd - end,
        pack: row.pack,
        index: row.index,
        offset: row.pack === ZERO_PACK ? 0 : row.offset + (end - row.pos),
      });
    }
  }
}

/** Stores a range at `row`; what was there before is cut away. */
export function placeSlice(state: FileState, inode: Inode, row: SliceRow): void {
  cutSlices(state, inode, row.pos, row.pos + row.length);
  insertRow(state, inode, row);
}

/** Fills the holes of [start, end) with allocated zeros (fallocate). */
export function allocateHoles(state: FileState, inode: Inode, start: number, end: number): void {
  let at = start;
  for (const row of state.meta.tables.slices.overlapping(inode.ino, start, end)) {
    if (row.pos > at) insertZeros(state, inode, at, row.pos);
    at = Math.max(at, row.pos + row.length);
  }
  if (at < end) insertZeros(state, inode, at, end);
}

/** Moves every row at or behind `from` by `distance` bytes (negative: towards the start). The gap must be empty. */
export function shiftSlices(state: FileState, inode: Inode, from: number, distance: number): void {
  const { slices } = state.meta.tables;
  const rows = slices.overlapping(inode.ino, from, Number.MAX_SAFE_INTEGER);
  if (distance > 0) rows.reverse();
  for (const row of rows) {
    slices.remove(inode.ino, row.pos);
    slices.insert(inode.ino, { ...row, pos: row.pos + distance });
  }
}

function insertZeros(state: FileState, inode: Inode, start: number, end: number): void {
  insertRow(state, inode, {
    pos: start,
    length: end - start,
    pack: ZERO_PACK,
    index: 0,
    offset: 0,
  });
}

function insertRow(state: FileState, inode: Inode, row: SliceRow): void {
  state.meta.tables.slices.insert(inode.ino, row);
  state.packs.addReference(row.pack, row.length);
  inode.allocated += row.length;
  state.meta.byteCount += row.length;
  state.meta.markDirty(inode);
}

function removeRow(state: FileState, inode: Inode, row: SliceRow): void {
  state.meta.tables.slices.remove(inode.ino, row.pos);
  state.packs.dropReference(row.pack, row.length);
  inode.allocated -= row.length;
  state.meta.byteCount -= row.length;
  state.meta.markDirty(inode);
}
