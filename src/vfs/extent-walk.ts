/** Which ranges of a file hold data: for SEEK_DATA and SEEK_HOLE, st_blocks, and sharing by copy_file_range. */
import { FsError } from "../core/fs-error.ts";
import type { Inode } from "../meta/inode.ts";
import type { DirtyPiece } from "./dirty-data.ts";
import type { FileState } from "./file-state.ts";
import { ZERO_PACK } from "./pack-book.ts";

/** SEEK_HOLE looks this far ahead in one step, so that a huge file's rows are not all in memory. */
const STEP: number = 256 * 1024 * 1024;
/**
 * Data and holes begin and end at multiples of it, but for the end of the file, as in every block filesystem: programs
 * find out the size of a block by looking where a hole begins.
 */
const EXTENT_ALIGNMENT = 4096;

/** Position of the first data byte at or after `offset`. Throws ENXIO when there is none before the end. */
export function seekData(state: FileState, inode: Inode, offset: number): number {
  if (offset >= inode.size) throw new FsError("ENXIO", `offset ${offset} is past the end`);
  // Steps grow while nothing is found: a hole of 2^53 bytes takes 25 of them, not 33 million.
  let step = STEP;
  for (let at = offset; at < inode.size; step *= 2) {
    const end = Math.min(inode.size, at + step);
    const first = dataRanges(state, inode, at, end)[0];
    if (first !== undefined) return first.start;
    if (hasNothingAfter(state, inode, end)) break;
    at = end;
  }
  throw new FsError("ENXIO", `there is no data after offset ${offset}`);
}

/** Position of the first hole at or after `offset`; the end of the file counts as one. Throws ENXIO past the end. */
export function seekHole(state: FileState, inode: Inode, offset: number): number {
  if (offset >= inode.size) throw new FsError("ENXIO", `offset ${offset} is past the end`);
  let at = offset;
  while (at < inode.size) {
    const end = Math.min(inode.size, at + STEP);
    for (const range of dataRanges(state, inode, at, end)) {
      if (range.start > at) return at;
      at = range.end;
    }
    if (at < end) return at;
  }
  return inode.size;
}

/** Bytes that slices or dirty data cover: what st_blocks counts. */
export function allocatedBytes(state: FileState, inode: Inode): number {
  const file = state.dirty.get(inode.ino);
  if (file === undefined) return inode.allocated;
  if (inode.allocated === 0) return file.byteCount;
  let covered = 0;
  const { slices } = state.meta.tables;
  for (const pieces of file.regions.values()) {
    const first = pieces[0]!.start;
    const last = pieces[pieces.length - 1]!.end;
    let index = 0;
    for (const row of slices.overlapping(inode.ino, first, last)) {
      const rowEnd = row.pos + row.length;
      while (index < pieces.length && pieces[index]!.end <= row.pos) index++;
      for (let i = index; i < pieces.length && pieces[i]!.start < rowEnd; i++) {
        covered += Math.min(pieces[i]!.end, rowEnd) - Math.max(pieces[i]!.start, row.pos);
      }
    }
  }
  return inode.allocated + file.byteCount - covered;
}

/** Bytes of [start, end) that neither slices nor dirty data cover. */
export function uncoveredBytes(state: FileState, inode: Inode, start: number, end: number): number {
  const ranges: Range[] = [];
  for (const row of state.meta.tables.slices.overlapping(inode.ino, start, end)) {
    ranges.push({ start: row.pos, end: row.pos + row.length });
  }
  const pieces: DirtyPiece[] = [];
  state.dirty.overlapping(inode.ino, start, end, pieces);
  for (const piece of pieces) ranges.push({ start: piece.start, end: piece.end });
  ranges.sort((a, b) => a.start - b.start);
  let uncovered = 0;
  let at = start;
  for (const range of ranges) {
    if (range.start > at) uncovered += range.start - at;
    at = Math.max(at, range.end);
  }
  return uncovered + Math.max(0, end - at);
}

interface Range {
  start: number;
  end: number;
}

/**
 * Merged, sorted ranges of [start, end) with data, widened to whole blocks; allocated zeros count as holes, as ext4's
 * unwritten extents do.
 */
function dataRanges(state: FileState, inode: Inode, start: number, end: number): Range[] {
  const ranges: Range[] = [];
  const first = alignDown(start);
  const last = alignUp(end);
  for (const row of state.meta.tables.slices.overlapping(inode.ino, first, last)) {
    if (row.pack !== ZERO_PACK) ranges.push({ start: row.pos, end: row.pos + row.length });
  }
  const pieces: DirtyPiece[] = [];
  state.dirty.overlapping(inode.ino, first, last, pieces);
  for (const piece of pieces) ranges.push({ start: piece.start, end: piece.end });
  ranges.sort((a, b) => a.start - b.start);
  const merged: Range[] = [];
  for (const range of ranges) {
    const from = Math.max(start, alignDown(range.start));
    const to = Math.min(end, alignUp(range.end));
    const last = merged[merged.length - 1];
    if (last !== undefined && from <= last.end) last.end = Math.max(last.end, to);
    else merged.push({ start: from, end: to });
  }
  return merged;
}

function alignDown(position: number): number {
  return position - (position % EXTENT_ALIGNMENT);
}

function alignUp(position: number): number {
  return alignDown(position + EXTENT_ALIGNMENT - 1);
}

function hasNothingAfter(state: FileState, inode: Inode, position: number): boolean {
  const pieces: DirtyPiece[] = [];
  state.dirty.overlapping(inode.ino, position, inode.size, pieces);
  if (pieces.length > 0) return false;
  return !state.meta.tables.slices.anyFrom(inode.ino, position);
}
