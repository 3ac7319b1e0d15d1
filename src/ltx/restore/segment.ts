/**
 * A run of page frames of one file, decoded, checked and written to the database that is being restored.
 *
 * Segments of a file are independent: each gives the CRC of its part of what the file checksum covers, and the parts are
 * joined afterwards (combineCrc64). That is what lets several threads restore one file.
 */
import { writeSync } from "node:fs";
import { CorruptError } from "../../core/fs-error.ts";
import { wrapSystemError } from "../../core/system-error.ts";
import { EMPTY_DATABASE_CHECKSUM, PageChecksum, togglePage } from "../checksum.ts";
import { Crc64 } from "../crc64.ts";
import type { LtxGeneration } from "../encoding.ts";
import { spanOf, type TargetSpan } from "../lz4-block.ts";
import { PageFrameDecoder } from "../page-frame.ts";
import { PageIndexCursor } from "../page-index.ts";

/** Decoded bytes of a segment: what a thread holds, and what is written at once. */
export const SEGMENT_PLAIN_SIZE_MAX: number = 4 * 1024 * 1024;
/** Room for copies of whole words (lz4-block.ts). */
const COPY_SLACK = 8;

export interface SegmentJob {
  readonly generation: LtxGeneration;
  readonly pageSize: number;
  /** How many pages there are: at most SEGMENT_PLAIN_SIZE_MAX bytes of them. */
  readonly pageCount: number;
  /** The last page of the database in the end: pages above it are checked and not written. */
  readonly pgnoMax: number;
  /** Whether the sum of the pages' checksums is wanted. */
  readonly sumsPages: boolean;
  /** The frames. */
  readonly bytes: Uint8Array;
  /** The entries of the page index for these frames. */
  readonly index: Uint8Array;
  /** The page before the first one in the file (0 if none), and where the frames begin in the file. */
  readonly after: { readonly pgno: number; readonly offset: number };
}

export interface SegmentResult {
  readonly crc: bigint;
  /** How many bytes the CRC covers. */
  readonly hashedSize: number;
  /** The pages' checksums, summed to those of an empty database; that of an empty one when not wanted. */
  readonly databaseChecksum: bigint;
}

export class SegmentDecoder {
  readonly #fd: number | undefined;
  readonly #crc = new Crc64();
  readonly #pageChecksum = new PageChecksum();
  #target: TargetSpan;
  /** Which pages are in the buffer. */
  readonly #pgnos: number[] = [];

  /** `fd` is the database's, left out when files are only checked. */
  constructor(fd: number | undefined) {
    this.#fd = fd;
    this.#target = { ...spanOf(new Uint8Array(COPY_SLACK)), start: 0 };
  }

  /** Throws CorruptError when frames and index are not what they must be; some pages may have been written then. */
  run(job: SegmentJob): SegmentResult {
    const { pageSize, pgnoMax } = job;
    const target = this.#roomFor(job.pageCount * pageSize);
    const frames = new PageFrameDecoder({ generation: job.generation, pageSize });
    const entries = new PageIndexCursor(job.index, job.after);
    const source = spanOf(job.bytes);
    let hashedSize = 0;
    let databaseChecksum = EMPTY_DATABASE_CHECKSUM;
    this.#crc.reset();
    this.#pgnos.length = 0;
    while (entries.at < job.index.length) {
      const frameAt = source.at;
      const length = entries.next();
      if (length === undefined || frameAt + length > source.bytes.length) {
        throw new CorruptError("the page index is cut short");
      }
      const { pgno } = entries;
      source.end = frameAt + length;
      if (length < 4 || source.view.getUint32(frameAt) !== pgno) {
        throw new CorruptError(`page ${pgno} is not where the page index says`);
      }
      const pageAt = target.at;
      const headerSize = frames.decode(source, target);
      if (source.at !== source.end) throw new CorruptError(`page ${pgno} ends before its frame`);
      this.#crc.update(source.view, frameAt, headerSize);
      this.#crc.update(target.view, pageAt, pageSize);
      hashedSize += headerSize + pageSize;
      if (job.sumsPages) {
        const range = { at: pageAt, size: pageSize };
        const checksum = this.#pageChecksum.of(pgno, target.view, range);
        databaseChecksum = togglePage(databaseChecksum, checksum);
      }
      if (pgno <= pgnoMax) this.#pgnos.push(pgno);
      else target.at = pageAt;
    }
    if (source.at !== source.bytes.length) throw new CorruptError("the page index is cut short");
    if (this.#fd !== undefined) this.#write(this.#fd, pageSize);
    return { crc: this.#crc.digest(), hashedSize, databaseChecksum };
  }

  #roomFor(size: number): TargetSpan {
    if (this.#target.bytes.length < size + COPY_SLACK) {
      this.#target = { ...spanOf(new Uint8Array(size + COPY_SLACK)), start: 0 };
    }
    this.#target.at = 0;
    this.#target.end = size;
    return this.#target;
  }

  /** Pages that stand one behind the other in the database are written at once. */
  #write(fd: number, pageSize: number): void {
    const pgnos = this.#pgnos;
    for (let begin = 0; begin < pgnos.length;) {
      let end = begin + 1;
      while (end < pgnos.length && pgnos[end] === pgnos[begin]! + (end - begin)) end++;
      const bytes = this.#target.bytes.subarray(begin * pageSize, end * pageSize);
      writeFully(fd, bytes, (pgnos[begin]! - 1) * pageSize);
      begin = end;
    }
  }
}

/** Throws what the write failed with, ENOSPC for one. */
export function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  try {
    for (let at = 0; at < bytes.length;) {
      at += writeSync(fd, bytes, at, bytes.length - at, position + at);
    }
  } catch (error) {
    throw wrapSystemError(error, "write the database");
  }
}
