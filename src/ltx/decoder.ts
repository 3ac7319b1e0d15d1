/**
 * Reads an LTX file of any generation as its bytes arrive: `feed` some, take pages with `next` until it has none, and so on;
 * `finish` at the end of the bytes.
 *
 * Memory is one page, one page's frame, and what was fed at once. What always holds: when `finish` has given the trailer, the
 * header, every page, the index and the checksums were as they must be; the file checksum covers them all. Before that
 * a page may come from a damaged file. Errors are CorruptErrors that begin with the file's name.
 * Source: superfly/ltx decoder.go, of which these checks are a superset: it takes pages of the wrong length, an index that
 * does not fit its pages, and snapshots that end too early.
 */
import { assert } from "../core/assert.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { getU64Be } from "../core/u64.ts";
import { ByteQueue } from "./byte-queue.ts";
import { CHECKSUM_FLAG, EMPTY_DATABASE_CHECKSUM, PageChecksum, togglePage } from "./checksum.ts";
import { Crc64 } from "./crc64.ts";
import { type LtxGeneration, SNIFF_SIZE, sniffGeneration } from "./encoding.ts";
import {
  decodeLtxHeader,
  decodeLtxTrailer,
  isSnapshot,
  LTX_HEADER_SIZE,
  LTX_TRAILER_SIZE,
  LtxFlag,
  type LtxHeader,
  type LtxTrailer,
  tracksChecksum,
} from "./header.ts";
import { spanOf, type TargetSpan } from "./lz4-block.ts";
import { Lz4FrameStream } from "./lz4-frame.ts";
import { PageFrameDecoder, pageHeaderSize } from "./page-frame.ts";
import { encodeIndexEntry, INDEX_ENTRY_SIZE_MAX, INDEX_SIZE_SIZE } from "./page-index.ts";
import { PageOrder } from "./page-order.ts";

/** Room for copies of whole words (lz4-block.ts). */
const COPY_SLACK = 8;

export interface LtxPage {
  readonly pgno: number;
  /** Valid until the next call of the decoder. */
  readonly data: Uint8Array;
}

export interface LtxDecoderOptions {
  /** For messages. */
  readonly name: string;
  /** Left out: found out (encoding.ts). */
  readonly generation?: LtxGeneration;
}

/** What is known once the header is. */
class Begun {
  readonly header: LtxHeader;
  readonly order: PageOrder;
  /** Of a page, and how many zeros end the pages. */
  readonly headerSize: number;
  readonly computesChecksum: boolean;
  /** Of v2 and v3. */
  readonly frames: PageFrameDecoder | undefined;
  /** Of compressed v1: the frame round all pages, and what came out of it. */
  readonly stream: Lz4FrameStream | undefined;
  readonly plain: ByteQueue | undefined;
  readonly target: TargetSpan;
  readonly data: Uint8Array;

  constructor(header: LtxHeader, generation: LtxGeneration) {
    const { pageSize } = header;
    this.header = header;
    this.order = new PageOrder(header);
    this.headerSize = pageHeaderSize(generation);
    this.computesChecksum = isSnapshot(header) && tracksChecksum(header) && header.commit > 0;
    const isV1 = generation === "v1";
    this.frames = isV1 ? undefined : new PageFrameDecoder({ generation, pageSize });
    const isCompressed = isV1 && (header.flags & LtxFlag.compressed) !== 0;
    this.stream = isCompressed ? new Lz4FrameStream() : undefined;
    this.plain = isCompressed ? new ByteQueue() : undefined;
    this.target = { ...spanOf(new Uint8Array(pageSize + COPY_SLACK)), start: 0 };
    this.target.end = pageSize;
    this.data = this.target.bytes.subarray(0, pageSize);
  }

  /** Decodes some more of the frame round all pages; false when that needs more bytes, or there is none. */
  pump(): boolean {
    const bytes = this.stream?.next();
    if (bytes === undefined) return false;
    this.plain!.append(bytes);
    return true;
  }
}

type State = "header" | "pages" | "index" | "trailer" | "done" | "failed";

export class LtxDecoder {
  readonly #name: string;
  readonly #queue = new ByteQueue();
  readonly #crc = new Crc64();
  readonly #indexCrc = new Crc64();
  readonly #entry = spanOf(new Uint8Array(INDEX_ENTRY_SIZE_MAX));
  readonly #pageChecksum = new PageChecksum();
  #generation: LtxGeneration | undefined;
  #state: State = "header";
  #begun: Begun | undefined;
  #trailer: LtxTrailer | undefined;
  /** Of the page that comes next, in the file. */
  #offset = LTX_HEADER_SIZE;
  #indexSize = 0;
  #indexRest = 0;
  #expectedIndexCrc = 0n;
  #pageCount = 0;
  #databaseChecksum = EMPTY_DATABASE_CHECKSUM;

  constructor(options: LtxDecoderOptions) {
    this.#name = options.name;
    this.#generation = options.generation;
  }

  /** undefined until the first bytes were fed and `next` was called. */
  get header(): LtxHeader | undefined {
    return this.#begun?.header;
  }

  get generation(): LtxGeneration | undefined {
    return this.#generation;
  }

  /** Pages given so far. */
  get pageCount(): number {
    return this.#pageCount;
  }

  /** Copies `chunk`. */
  feed(chunk: Uint8Array): void {
    const stream = this.#begun?.stream;
    if (this.#state === "pages" && stream !== undefined) stream.feed(chunk);
    else this.#queue.append(chunk);
  }

  /** The next page; undefined when more must be fed, or there are no more pages. */
  next(): LtxPage | undefined {
    try {
      return this.#next();
    } catch (error) {
      this.#state = "failed";
      throw this.#named(error);
    }
  }

  /** Called when all bytes were fed and `next` gave undefined: the trailer of a file that was whole and right. */
  finish(): LtxTrailer {
    if (this.#state === "failed") throw new FsError("EINVAL", `${this.#name}: was refused before`);
    if (this.#state !== "done") {
      const where = this.#state === "pages" ? "pages" : `its ${this.#state}`;
      this.#state = "failed";
      throw new CorruptError(`${this.#name}: the file is cut short in ${where}`);
    }
    assert(this.#trailer !== undefined, "a decoder that is done has read the trailer");
    return this.#trailer;
  }

  #next(): LtxPage | undefined {
    for (;;) {
      switch (this.#state) {
        case "header":
          if (!this.#readHeader()) return undefined;
          break;
        case "pages": {
          const page = this.#readPage();
          if (page !== undefined || this.#state === "pages") return page;
          break;
        }
        case "index":
          if (!this.#readIndex()) return undefined;
          break;
        case "trailer":
          if (!this.#readTrailer()) return undefined;
          break;
        case "done":
          if (this.#queue.length === 0) return undefined;
          throw new CorruptError("there are bytes behind the trailer");
        case "failed":
          throw new FsError("EINVAL", "was refused before");
      }
    }
  }

  #readHeader(): boolean {
    const queue = this.#queue;
    if (queue.length < SNIFF_SIZE) return false;
    const view = new DataView(queue.bytes.buffer, queue.at, queue.length);
    this.#generation ??= sniffGeneration(view);
    const header = decodeLtxHeader(view, 0, this.#generation);
    this.#crc.update(view, 0, LTX_HEADER_SIZE);
    queue.at += LTX_HEADER_SIZE;
    this.#begun = new Begun(header, this.#generation);
    const { stream } = this.#begun;
    if (stream !== undefined) {
      stream.feed(queue.bytes.subarray(queue.at, queue.end));
      queue.at = queue.end;
    }
    this.#state = "pages";
    return true;
  }

  /** A page; or undefined, with the state "pages" when more bytes are needed. */
  #readPage(): LtxPage | undefined {
    const begun = this.#begun!;
    const source = begun.plain ?? this.#queue;
    while (source.length < begun.headerSize) if (!begun.pump()) return undefined;
    const pgno = source.view.getUint32(source.at);
    if (pgno === 0) return this.#readTerminator(begun, source);
    const headerSize = begun.frames === undefined ? this.#rawPage() : this.#framedPage();
    if (headerSize === undefined) return undefined;
    const problem = begun.order.accept(pgno);
    if (problem !== undefined) throw new CorruptError(problem);
    const { target, header } = begun;
    this.#crc.update(target.view, 0, header.pageSize);
    if (begun.computesChecksum) {
      const range = { at: 0, size: header.pageSize };
      const checksum = this.#pageChecksum.of(pgno, target.view, range);
      this.#databaseChecksum = togglePage(this.#databaseChecksum, checksum);
    }
    this.#pageCount++;
    return { pgno, data: begun.data };
  }

  /** Decodes the next page of a v2 or v3 file; undefined when it is not there whole. */
  #framedPage(): number | undefined {
    const { frames, target } = this.#begun!;
    const queue = this.#queue;
    const length = frames!.measure(queue);
    if (length === undefined) return undefined;
    const { at } = queue;
    target.at = 0;
    const headerSize = frames!.decode(queue, target);
    if (queue.at - at !== length) throw new CorruptError("a page ends before its frame");
    this.#crc.update(queue.view, at, headerSize);
    const pgno = queue.view.getUint32(at);
    const entrySize = encodeIndexEntry(this.#entry.bytes, 0, {
      pgno,
      offset: this.#offset,
      length,
    });
    this.#indexCrc.update(this.#entry.view, 0, entrySize);
    this.#indexSize += entrySize;
    this.#offset += length;
    return headerSize;
  }

  /** Takes the next page of a v1 file; undefined when it is not there whole. */
  #rawPage(): number | undefined {
    const begun = this.#begun!;
    const source = begun.plain ?? this.#queue;
    const { headerSize, target } = begun;
    const { pageSize } = begun.header;
    while (source.length < headerSize + pageSize) if (!begun.pump()) return undefined;
    this.#crc.update(source.view, source.at, headerSize);
    source.at += headerSize;
    target.bytes.set(source.bytes.subarray(source.at, source.at + pageSize), 0);
    source.at += pageSize;
    return headerSize;
  }

  #readTerminator(begun: Begun, source: ByteQueue): undefined {
    for (let i = 0; i < begun.headerSize; i++) {
      if (source.bytes[source.at + i] === 0) continue;
      throw new CorruptError("page number 0 with flags");
    }
    if (!this.#isStreamAtEnd(begun, source)) return undefined;
    this.#crc.update(source.view, source.at, begun.headerSize);
    source.at += begun.headerSize;
    if (begun.stream !== undefined) this.#queue.append(begun.stream.rest);
    const problem = begun.order.finish();
    if (problem !== undefined) throw new CorruptError(problem);
    this.#indexRest = this.#indexSize;
    this.#expectedIndexCrc = this.#indexCrc.digest();
    this.#indexCrc.reset();
    this.#state = this.#generation === "v1" ? "trailer" : "index";
    return undefined;
  }

  /** Whether the one frame round a v1 file's pages, if there is one, has been read to its end. */
  #isStreamAtEnd(begun: Begun, source: ByteQueue): boolean {
    if (begun.stream === undefined) return true;
    while (begun.pump());
    if (source.length > begun.headerSize) {
      throw new CorruptError("there are bytes behind the last page, in its LZ4 frame");
    }
    return begun.stream.isDone;
  }

  /** What the index must be is known from the pages, so it is compared by checksum as it comes. */
  #readIndex(): boolean {
    const queue = this.#queue;
    const size = Math.min(queue.length, this.#indexRest);
    this.#indexCrc.update(queue.view, queue.at, size);
    this.#crc.update(queue.view, queue.at, size);
    queue.at += size;
    this.#indexRest -= size;
    if (this.#indexRest > 0 || queue.length < 1 + INDEX_SIZE_SIZE) return false;
    const isRight =
      this.#indexCrc.digest() === this.#expectedIndexCrc &&
      queue.bytes[queue.at] === 0 &&
      getU64Be(queue.view, queue.at + 1) === this.#indexSize + 1;
    if (!isRight) throw new CorruptError("the page index does not fit the pages");
    this.#crc.update(queue.view, queue.at, 1 + INDEX_SIZE_SIZE);
    queue.at += 1 + INDEX_SIZE_SIZE;
    this.#state = "trailer";
    return true;
  }

  #readTrailer(): boolean {
    const queue = this.#queue;
    if (queue.length < LTX_TRAILER_SIZE) return false;
    const begun = this.#begun!;
    this.#crc.update(queue.view, queue.at, 8);
    const trailer = decodeLtxTrailer(queue.view, queue.at, begun.header);
    queue.at += LTX_TRAILER_SIZE;
    if (trailer.fileChecksum !== (this.#crc.digest() | CHECKSUM_FLAG)) {
      throw new CorruptError("the file checksum is wrong");
    }
    if (begun.computesChecksum && trailer.postApplyChecksum !== this.#databaseChecksum) {
      throw new CorruptError("the checksum of the database is wrong");
    }
    this.#trailer = trailer;
    this.#state = "done";
    return true;
  }

  #named(error: unknown): unknown {
    if (!(error instanceof FsError)) return error;
    const message = `${this.#name}: ${error.message}`;
    return error instanceof CorruptError
      ? new CorruptError(message, { cause: error })
      : new FsError(error.code, message, { cause: error });
  }
}
