/**
 * One LTX file, read in ranges and handed out in segments: every page checked and written, the page index checked on the
 * way, and the file checksum joined from the parts.
 *
 * Memory is a piece of the index and the segments under way, whatever the size of the file. When `applyLtxFile` returns,
 * the file was whole and right; when it throws, some of its pages may have been written.
 */
import { CorruptError } from "../../core/fs-error.ts";
import { CHECKSUM_FLAG, EMPTY_DATABASE_CHECKSUM, togglePage } from "../checksum.ts";
import { combineCrc64, Crc64 } from "../crc64.ts";
import { LtxDecoder } from "../decoder.ts";
import { isSnapshot, LTX_HEADER_SIZE, LTX_TRAILER_SIZE, tracksChecksum } from "../header.ts";
import { spanOf } from "../lz4-block.ts";
import { pageFrameSizeMax, pageHeaderSize } from "../page-frame.ts";
import { INDEX_ENTRY_SIZE_MAX, INDEX_SIZE_SIZE, PageIndexCursor } from "../page-index.ts";
import { PageOrder } from "../page-order.ts";
import type { LtxEnds, RangedSource } from "../ranged-file.ts";
import { SEGMENT_PLAIN_SIZE_MAX, type SegmentResult } from "./segment.ts";
import type { SegmentRunner } from "./segment-runner.ts";

/** Of the index, read at a time. */
const INDEX_PIECE_SIZE: number = 256 * 1024;
/** Of a v1 file, read at a time. */
const STREAM_PIECE_SIZE: number = 256 * 1024;
/** Compressed bytes of a segment: few enough that the threads share even a small file. */
const SEGMENT_SIZE: number = 512 * 1024;

export interface ApplyTarget {
  readonly runner: SegmentRunner;
  /** The last page of the database in the end. */
  readonly pgnoMax: number;
  /** Told of every page of the file. */
  readonly onPage: (pgno: number) => void;
  /** Writes a page that did not go through the runner (v1). */
  readonly writePage: (pgno: number, data: Uint8Array) => void;
  readonly signal: AbortSignal | undefined;
}

/** Checks all of the file and writes its pages. CorruptError when anything is wrong with it. */
export async function applyLtxFile(
  source: RangedSource,
  ends: LtxEnds,
  target: ApplyTarget,
): Promise<void> {
  if (ends.generation === "v1") await streamFile(source, ends, target);
  else await new FileApplier(source, ends, target).run();
}

/** A v1 file has no index: its pages come one after the other. */
async function streamFile(source: RangedSource, ends: LtxEnds, target: ApplyTarget): Promise<void> {
  const decoder = new LtxDecoder({ name: source.name, generation: ends.generation });
  for (let offset = 0; offset < source.size; offset += STREAM_PIECE_SIZE) {
    target.signal?.throwIfAborted();
    const length = Math.min(STREAM_PIECE_SIZE, source.size - offset);
    decoder.feed(await source.read(offset, length));
    for (let page = decoder.next(); page !== undefined; page = decoder.next()) {
      target.onPage(page.pgno);
      if (page.pgno <= target.pgnoMax) target.writePage(page.pgno, page.data);
    }
  }
  decoder.finish();
}

interface Segment {
  readonly offset: number;
  readonly length: number;
  readonly pageCount: number;
  readonly index: Uint8Array;
  /** The page before it in the file. */
  readonly pgnoBefore: number;
}

class FileApplier {
  readonly #source: RangedSource;
  readonly #ends: LtxEnds;
  readonly #target: ApplyTarget;
  readonly #order: PageOrder;
  readonly #sumsPages: boolean;
  /** Of the index and what is behind it, as the file checksum has them. */
  readonly #tailCrc = new Crc64();
  readonly #pending: Promise<SegmentResult>[] = [];
  #crc: bigint;
  #databaseChecksum = EMPTY_DATABASE_CHECKSUM;

  constructor(source: RangedSource, ends: LtxEnds, target: ApplyTarget) {
    this.#source = source;
    this.#ends = ends;
    this.#target = target;
    this.#order = new PageOrder(ends.header);
    this.#sumsPages = isSnapshot(ends.header) && tracksChecksum(ends.header);
    this.#crc = 0n;
  }

  async run(): Promise<void> {
    try {
      await this.#startChecksum();
      await this.#walkIndex();
      while (this.#pending.length > 0) await this.#join();
      await this.#checkTrailer();
    } catch (error) {
      await Promise.allSettled(this.#pending);
      if (!(error instanceof CorruptError)) throw error;
      const { name } = this.#source;
      const isNamed = error.message.startsWith(`${name}: `);
      throw isNamed ? error : new CorruptError(`${name}: ${error.message}`, { cause: error });
    }
  }

  async #startChecksum(): Promise<void> {
    const header = await this.#source.read(0, LTX_HEADER_SIZE);
    const crc = new Crc64();
    crc.update(spanOf(header).view, 0, header.length);
    this.#crc = crc.digest();
    const terminatorSize = pageHeaderSize(this.#ends.generation);
    const { indexOffset } = this.#ends;
    const terminator = await this.#source.read(indexOffset - terminatorSize, terminatorSize);
    if (terminator.some((byte) => byte !== 0)) {
      throw new CorruptError("there are no zeros between the pages and the page index");
    }
    this.#tailCrc.update(spanOf(terminator).view, 0, terminatorSize);
  }

  /** Reads the index piece by piece, and starts a segment whenever there is enough for one. */
  async #walkIndex(): Promise<void> {
    const { indexOffset, indexLength, generation } = this.#ends;
    const entriesEnd = indexOffset + indexLength - INDEX_SIZE_SIZE;
    let at = indexOffset;
    let after = { pgno: 0, offset: LTX_HEADER_SIZE };
    for (;;) {
      const pieceEnd = Math.min(entriesEnd, at + INDEX_PIECE_SIZE);
      const piece = await this.#source.read(at, pieceEnd - at);
      const isLast = pieceEnd === entriesEnd;
      const cursor = new PageIndexCursor(piece, after);
      const ended = await this.#walkPiece(piece, cursor, isLast);
      this.#tailCrc.update(spanOf(piece).view, 0, cursor.at);
      at += cursor.at;
      after = { pgno: cursor.pgno, offset: cursor.offset };
      if (ended) break;
    }
    if (at !== entriesEnd) throw new CorruptError("the page index ends before its size");
    if (after.offset !== indexOffset - pageHeaderSize(generation)) {
      throw new CorruptError("the page index does not fit the pages");
    }
    const problem = this.#order.finish();
    if (problem !== undefined) throw new CorruptError(problem);
    const size = await this.#source.read(entriesEnd, INDEX_SIZE_SIZE);
    this.#tailCrc.update(spanOf(size).view, 0, INDEX_SIZE_SIZE);
  }

  /** True when the index has ended. */
  async #walkPiece(piece: Uint8Array, cursor: PageIndexCursor, isLast: boolean): Promise<boolean> {
    const { pageSize } = this.#ends.header;
    const pageCountMax = SEGMENT_PLAIN_SIZE_MAX / pageSize;
    let hasEnded = false;
    while (!hasEnded) {
      const begin = { at: cursor.at, pgno: cursor.pgno, offset: cursor.offset };
      let pageCount = 0;
      let entriesEnd = begin.at;
      while (pageCount < pageCountMax && cursor.offset - begin.offset < SEGMENT_SIZE) {
        if (!isLast && cursor.at + INDEX_ENTRY_SIZE_MAX > piece.length) break;
        const length = cursor.next();
        hasEnded = length === undefined;
        if (length === undefined) break;
        this.#acceptPage(cursor.pgno, length);
        entriesEnd = cursor.at;
        pageCount++;
      }
      if (pageCount === 0) return hasEnded;
      await this.#start({
        offset: begin.offset,
        length: cursor.offset - begin.offset,
        pageCount,
        index: piece.slice(begin.at, entriesEnd),
        pgnoBefore: begin.pgno,
      });
    }
    return true;
  }

  #acceptPage(pgno: number, length: number): void {
    const problem = this.#order.accept(pgno);
    if (problem !== undefined) throw new CorruptError(problem);
    if (length > pageFrameSizeMax(this.#ends.header.pageSize)) {
      throw new CorruptError(`page ${pgno} has ${length} bytes, more than any page can`);
    }
    this.#target.onPage(pgno);
  }

  async #start(segment: Segment): Promise<void> {
    const { header, generation, indexOffset } = this.#ends;
    const { runner, pgnoMax, signal } = this.#target;
    signal?.throwIfAborted();
    if (segment.offset + segment.length > indexOffset) {
      throw new CorruptError("the page index does not fit the pages");
    }
    if (this.#pending.length >= runner.slotCount) await this.#join();
    const bytes = await this.#source.read(segment.offset, segment.length);
    const running = runner.run({
      generation,
      pageSize: header.pageSize,
      pageCount: segment.pageCount,
      pgnoMax,
      sumsPages: this.#sumsPages,
      bytes,
      index: segment.index,
      after: { pgno: segment.pgnoBefore, offset: segment.offset },
    });
    // It is awaited later; until then a failure is no unhandled rejection.
    running.catch(() => {});
    this.#pending.push(running);
  }

  /** Takes the result of the segment that was started first. */
  async #join(): Promise<void> {
    const { crc, hashedSize, databaseChecksum } = await this.#pending.shift()!;
    this.#crc = combineCrc64(this.#crc, crc, hashedSize);
    if (this.#sumsPages) {
      this.#databaseChecksum = togglePage(this.#databaseChecksum, databaseChecksum);
    }
  }

  async #checkTrailer(): Promise<void> {
    const { trailer, generation, indexLength } = this.#ends;
    const post = await this.#source.read(this.#source.size - LTX_TRAILER_SIZE, 8);
    this.#tailCrc.update(spanOf(post).view, 0, 8);
    const tailSize = pageHeaderSize(generation) + indexLength + 8;
    const crc = combineCrc64(this.#crc, this.#tailCrc.digest(), tailSize);
    if ((crc | CHECKSUM_FLAG) !== trailer.fileChecksum) {
      throw new CorruptError("the file checksum is wrong");
    }
    if (this.#sumsPages && trailer.postApplyChecksum !== this.#databaseChecksum) {
      throw new CorruptError("the checksum of the database is wrong");
    }
  }
}
