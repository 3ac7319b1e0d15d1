/**
 * Which ranges of which files are newer than the slices, and where in the journal their bytes lie.
 *
 * Kept by file and by region of BLOCK_SIZE_MAX bytes (a block never crosses a region, and lists stay short).
 * What always holds: the pieces of a region are sorted, do not overlap and do not cross its end; a piece lies
 * inside one WRITE record's data. Empty right after every cut: the cut turns all pieces into planned blocks (K2).
 */
import { assert } from "../core/assert.ts";
import type { Ino } from "../core/ids.ts";
import { BLOCK_SIZE_MAX } from "../core/limits.ts";

/** Where the data of a WRITE record lies in the journal. */
export interface RecordData {
  readonly segment: number;
  /** Offset of the record's data in its segment, in bytes. */
  readonly dataAt: number;
  readonly dataLength: number;
  readonly dataCrc: number;
}

/** Bytes [start, end) of a file, found `skip` bytes into a record's data. */
export class DirtyPiece {
  start: number;
  end: number;
  readonly record: RecordData;
  skip: number;

  constructor(start: number, end: number, record: RecordData, skip: number) {
    this.start = start;
    this.end = end;
    this.record = record;
    this.skip = skip;
  }
}

export class DirtyFile {
  readonly ino: Ino;
  readonly regions: Map<number, DirtyPiece[]> = new Map();
  byteCount = 0;

  constructor(ino: Ino) {
    this.ino = ino;
  }
}

export class DirtyData {
  /** In order of their first dirty byte since the last cut. */
  readonly files: Map<Ino, DirtyFile> = new Map();
  byteCount = 0;
  pieceCount = 0;

  get(ino: Ino): DirtyFile | undefined {
    return this.files.get(ino);
  }

  /** `length` bytes at `start` of the file are now the record's data from `skip` on. */
  put(ino: Ino, start: number, length: number, record: RecordData, skip: number): void {
    let file = this.files.get(ino);
    if (file === undefined) {
      file = new DirtyFile(ino);
      this.files.set(ino, file);
    }
    let at = start;
    const end = start + length;
    while (at < end) {
      const region = Math.floor(at / BLOCK_SIZE_MAX);
      const stop = Math.min(end, (region + 1) * BLOCK_SIZE_MAX);
      this.#putInRegion(file, region, new DirtyPiece(at, stop, record, skip + (at - start)));
      at = stop;
    }
  }

  /** Forgets [start, end) of a file: it was truncated, punched or is about to be replaced. */
  cut(ino: Ino, start: number, end: number): void {
    const file = this.files.get(ino);
    if (file === undefined) return;
    for (const [region, pieces] of file.regions) {
      const regionStart = region * BLOCK_SIZE_MAX;
      if (regionStart >= end || regionStart + BLOCK_SIZE_MAX <= start) continue;
      this.#cutPieces(file, pieces, start, end);
      if (pieces.length === 0) file.regions.delete(region);
    }
    if (file.regions.size === 0) this.files.delete(ino);
  }

  /** Forgets everything of a file. */
  drop(ino: Ino): void {
    const file = this.files.get(ino);
    if (file === undefined) return;
    for (const pieces of file.regions.values()) this.pieceCount -= pieces.length;
    this.byteCount -= file.byteCount;
    this.files.delete(ino);
  }

  /** Everything was planned. */
  clear(): void {
    this.files.clear();
    this.byteCount = 0;
    this.pieceCount = 0;
  }

  /** Appends to `into` each piece that overlaps [start, end), in order. */
  overlapping(ino: Ino, start: number, end: number, into: DirtyPiece[]): void {
    const file = this.files.get(ino);
    if (file === undefined) return;
    const first = Math.floor(start / BLOCK_SIZE_MAX);
    const last = Math.floor((end - 1) / BLOCK_SIZE_MAX);
    if (last - first >= file.regions.size) {
      const regions = [...file.regions.keys()].filter((r) => r >= first && r <= last);
      regions.sort((a, b) => a - b);
      for (const region of regions) collect(file.regions.get(region)!, start, end, into);
      return;
    }
    for (let region = first; region <= last; region++) {
      const pieces = file.regions.get(region);
      if (pieces !== undefined) collect(pieces, start, end, into);
    }
  }

  #putInRegion(file: DirtyFile, region: number, piece: DirtyPiece): void {
    let pieces = file.regions.get(region);
    if (pieces === undefined) {
      pieces = [];
      file.regions.set(region, pieces);
    }
    const last = pieces[pieces.length - 1];
    if (last === undefined || last.end <= piece.start) {
      pieces.push(piece);
    } else {
      this.#cutPieces(file, pieces, piece.start, piece.end);
      pieces.splice(firstEndingAfter(pieces, piece.start), 0, piece);
    }
    this.pieceCount++;
    const size = piece.end - piece.start;
    file.byteCount += size;
    this.byteCount += size;
  }

  /** Removes [start, end) from sorted pieces: trims at the edges, splits a piece that reaches over both. */
  #cutPieces(file: DirtyFile, pieces: DirtyPiece[], start: number, end: number): void {
    let index = firstEndingAfter(pieces, start);
    let removed = 0;
    const first = pieces[index];
    if (first !== undefined && first.start < start && first.end > end) {
      const tail = new DirtyPiece(end, first.end, first.record, first.skip + (end - first.start));
      first.end = start;
      pieces.splice(index + 1, 0, tail);
      this.pieceCount++;
      removed = end - start;
    } else {
      if (first !== undefined && first.start < start) {
        removed += first.end - start;
        first.end = start;
        index++;
      }
      let stop = index;
      while (stop < pieces.length && pieces[stop]!.end <= end) {
        removed += pieces[stop]!.end - pieces[stop]!.start;
        stop++;
      }
      if (stop > index) {
        this.pieceCount -= stop - index;
        pieces.splice(index, stop - index);
      }
      const next = pieces[index];
      if (next !== undefined && next.start < end) {
        removed += end - next.start;
        next.skip += end - next.start;
        next.start = end;
      }
    }
    file.byteCount -= removed;
    this.byteCount -= removed;
    assert(file.byteCount >= 0, "a file's dirty bytes are never negative");
  }
}

/** Index of the first piece whose end lies after `position`; `pieces.length` when there is none. */
function firstEndingAfter(pieces: readonly DirtyPiece[], position: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (pieces[middle]!.end > position) high = middle;
    else low = middle + 1;
  }
  return low;
}

function collect(
  pieces: readonly DirtyPiece[],
  start: number,
  end: number,
  into: DirtyPiece[],
): void {
  for (let i = firstEndingAfter(pieces, start); i < pieces.length; i++) {
    const piece = pieces[i]!;
    if (piece.start >= end) break;
    into.push(piece);
  }
}
