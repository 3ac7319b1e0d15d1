/**
 * Single pages of an LTX file that is read in ranges, wherever it is: the header, the page index at the end, one page.
 *
 * The file checksum covers the whole file, so it is not checked here; what a page index or a page's own checksum (LZ4
 * frames have one, blocks do not) can show is. Opening costs two reads, three when the index is larger than 32 KiB.
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import { getU64Be } from "../core/u64.ts";
import { type LtxGeneration, SNIFF_SIZE, sniffGeneration } from "./encoding.ts";
import {
  decodeLtxHeader,
  decodeLtxTrailer,
  LTX_HEADER_SIZE,
  LTX_TRAILER_SIZE,
  type LtxHeader,
  type LtxTrailer,
} from "./header.ts";
import { spanOf } from "./lz4-block.ts";
import { PageFrameDecoder, pageHeaderSize } from "./page-frame.ts";
import { INDEX_SIZE_SIZE, PageIndex, type PageIndexEntry } from "./page-index.ts";

/** Read at once from the end. */
const TAIL_SIZE: number = 32 * 1024;
/** Room for copies of whole words (lz4-block.ts). */
const COPY_SLACK = 8;

export interface RangedSource {
  /** For messages. */
  readonly name: string;
  /** Of the file. */
  readonly size: number;
  /** Exactly `length` bytes from `offset` on, both inside the file. Owned by the caller. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The beginning and the end of a file, all but its pages. */
export interface LtxEnds {
  readonly generation: LtxGeneration;
  readonly header: LtxHeader;
  readonly trailer: LtxTrailer;
  /** Where the page index begins and how long it is, its size behind it included; without length in v1. */
  readonly indexOffset: number;
  readonly indexLength: number;
}

/** Reads the header, the trailer, and where the index is. CorruptError when they cannot be a file's. */
export async function readLtxEnds(source: RangedSource): Promise<LtxEnds> {
  return (await readEnds(source)).ends;
}

export class RangedLtxFile {
  readonly header: LtxHeader;
  readonly index: PageIndex;
  readonly #source: RangedSource;
  readonly #decoder: PageFrameDecoder;

  private constructor(source: RangedSource, ends: LtxEnds, index: PageIndex) {
    const { generation, header } = ends;
    this.header = header;
    this.index = index;
    this.#source = source;
    this.#decoder = new PageFrameDecoder({ generation, pageSize: header.pageSize });
  }

  /** Throws EOPNOTSUPP for a v1 file, which has no page index, CorruptError for one that is damaged. */
  static async open(source: RangedSource): Promise<RangedLtxFile> {
    const { ends, tail, tailOffset } = await readEnds(source);
    const { generation, indexOffset, indexLength } = ends;
    if (generation === "v1") {
      throw new FsError("EOPNOTSUPP", `${source.name}: an LTX file of this age has no page index`);
    }
    const bytes =
      indexOffset >= tailOffset
        ? tail.subarray(indexOffset - tailOffset, indexOffset - tailOffset + indexLength)
        : await source.read(indexOffset, indexLength);
    const index = named(source, () =>
      PageIndex.decode(bytes, indexOffset - pageHeaderSize(generation)),
    );
    return new RangedLtxFile(source, ends, index);
  }

  /** The page, owned by the caller; undefined when the file does not hold it. */
  async readPage(pgno: number): Promise<Uint8Array | undefined> {
    const entry = this.index.find(pgno);
    if (entry === undefined) return undefined;
    return this.decodePage(entry, await this.#source.read(entry.offset, entry.length));
  }

  /** The page in `frame`, the bytes that `entry` tells of; for who reads several frames at once. Owned by the caller. */
  decodePage(entry: PageIndexEntry, frame: Uint8Array): Uint8Array {
    const { pageSize } = this.header;
    return named(this.#source, () => {
      const from = spanOf(frame);
      const target = { ...spanOf(new Uint8Array(pageSize + COPY_SLACK)), start: 0 };
      target.end = pageSize;
      if (from.end < 4 || from.view.getUint32(0) !== entry.pgno) {
        throw new CorruptError(`page ${entry.pgno} is not where the page index says`);
      }
      this.#decoder.decode(from, target);
      if (from.at !== from.end) throw new CorruptError(`page ${entry.pgno} ends before its frame`);
      return target.bytes.subarray(0, pageSize);
    });
  }
}

interface ReadEnds {
  readonly ends: LtxEnds;
  readonly tail: Uint8Array;
  readonly tailOffset: number;
}

async function readEnds(source: RangedSource): Promise<ReadEnds> {
  const { size } = source;
  if (size < SNIFF_SIZE) {
    throw new CorruptError(`${source.name}: ${size} bytes are too few for an LTX file`);
  }
  const tailOffset = Math.max(0, size - TAIL_SIZE);
  const [head, tail] = await Promise.all([
    source.read(0, SNIFF_SIZE),
    source.read(tailOffset, size - tailOffset),
  ]);
  const ends = named(source, () => decodeEnds(size, spanOf(head).view, spanOf(tail).view));
  return { ends, tail, tailOffset };
}

function decodeEnds(size: number, head: DataView, tail: DataView): LtxEnds {
  const generation = sniffGeneration(head);
  const header = decodeLtxHeader(head, 0, generation);
  const trailerAt = tail.byteLength - LTX_TRAILER_SIZE;
  const trailer = decodeLtxTrailer(tail, trailerAt, header);
  const indexEnd = size - LTX_TRAILER_SIZE;
  if (generation === "v1") {
    return { generation, header, trailer, indexOffset: indexEnd, indexLength: 0 };
  }
  const indexLength = getU64Be(tail, trailerAt - INDEX_SIZE_SIZE) + INDEX_SIZE_SIZE;
  const indexOffset = indexEnd - indexLength;
  if (indexOffset < LTX_HEADER_SIZE + pageHeaderSize(generation)) {
    throw new CorruptError(`a page index of ${indexLength} bytes is larger than its file`);
  }
  return { generation, header, trailer, indexOffset, indexLength };
}

function named<T>(source: RangedSource, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    throw new CorruptError(`${source.name}: ${error.message}`, { cause: error });
  }
}
