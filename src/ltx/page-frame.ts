/**
 * How one page stands in a v2 or v3 file. Big-endian:
 *
 *   v3, LZ4 block   0 u32 page   4 u16 flags = 1   6 u32 length N   10 u8[N] LZ4 block
 *   v3, LZ4 frame   0 u32 page   4 u16 flags = 0   6 one LZ4 frame
 *   v2              0 u32 page   4 one LZ4 frame
 *
 * Zeros in place of a page's header end the pages. What always holds: a page decodes to exactly the page size, or is
 * refused; no more than a frame's worst case is ever waited for. Source: superfly/ltx encoder.go, decoder.go.
 */
import { CorruptError } from "../core/fs-error.ts";
import type { LtxGeneration, PageEncoding } from "./encoding.ts";
import {
  blockSizeMax,
  compressBlock,
  decompressBlock,
  type Span,
  type TargetSpan,
} from "./lz4-block.ts";
import {
  encodeLz4Frame,
  LZ4_FRAME_OVERHEAD,
  Lz4FrameDecoder,
  measureLz4Frame,
} from "./lz4-frame.ts";

const PAGE_FLAG_BLOCK = 1;
const PAGE_FLAGS_AT = 4;
const BLOCK_HEADER_SIZE = 10;
/** Of frames that others may write: a content size, a checksum a block. */
const FRAME_SLACK = 64;

/** The size of a page's header without the length of a block, which is also how many zeros end the pages. */
export function pageHeaderSize(generation: LtxGeneration): number {
  return generation === "v3" ? 6 : 4;
}

/** The most bytes that a page's frame takes, header included. */
export function pageFrameSizeMax(pageSize: number): number {
  return BLOCK_HEADER_SIZE + blockSizeMax(pageSize) + LZ4_FRAME_OVERHEAD + FRAME_SLACK;
}

/** A page's frame as v3 has it, owned by the caller. */
export function encodePageFrame(
  pgno: number,
  data: Uint8Array,
  encoding: PageEncoding,
): Uint8Array {
  const isBlock = encoding === "block";
  const payload = isBlock ? compressBlock(data) : encodeLz4Frame(data);
  const headerSize = isBlock ? BLOCK_HEADER_SIZE : pageHeaderSize("v3");
  const frame = new Uint8Array(headerSize + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, pgno);
  if (isBlock) {
    view.setUint16(PAGE_FLAGS_AT, PAGE_FLAG_BLOCK);
    view.setUint32(PAGE_FLAGS_AT + 2, payload.length);
  }
  frame.set(payload, headerSize);
  return frame;
}

/** Which pages a file may hold, in which order. */
export interface PageRules {
  readonly generation: LtxGeneration;
  readonly pageSize: number;
}

/** Decodes the frames of pages one after the other. */
export class PageFrameDecoder {
  readonly #rules: PageRules;
  readonly #lz4 = new Lz4FrameDecoder();
  readonly #headerSize: number;
  readonly #frameSizeMax: number;

  constructor(rules: PageRules) {
    this.#rules = rules;
    this.#headerSize = pageHeaderSize(rules.generation);
    this.#frameSizeMax = pageFrameSizeMax(rules.pageSize);
  }

  /** The length of the frame at `source.at`, header included; undefined when more bytes are needed. */
  measure(source: Span): number | undefined {
    const length = this.#measure(source);
    const tooLong = (length ?? source.end - source.at) > this.#frameSizeMax;
    if (tooLong) throw new CorruptError("a page's frame is longer than any page's can be");
    return length;
  }

  /**
   * Decodes the frame at `source.at`, which must be there whole, to `target.at`; moves both cursors. Returns how many bytes
   * of the frame stand before the compressed page: those are part of the file's checksum as they are.
   */
  decode(source: Span, target: TargetSpan): number {
    const { pageSize } = this.#rules;
    const begin = target.at;
    const end = target.end;
    if (end < begin + pageSize) throw new CorruptError("there is no room for a page");
    const isBlock = this.#isBlock(source);
    const headerSize = isBlock ? BLOCK_HEADER_SIZE : this.#headerSize;
    const sourceEnd = source.end;
    if (source.at + headerSize > sourceEnd) throw new CorruptError("a page is cut short");
    target.end = begin + pageSize;
    target.start = begin;
    if (isBlock) {
      const blockEnd = source.at + headerSize + source.view.getUint32(source.at + 6);
      if (blockEnd > sourceEnd) throw new CorruptError("a page is cut short");
      source.at += headerSize;
      source.end = blockEnd;
      decompressBlock(source, target);
      source.end = sourceEnd;
    } else {
      source.at += headerSize;
      this.#lz4.decode(source, target);
    }
    target.end = end;
    if (target.at !== begin + pageSize) {
      throw new CorruptError(`a page decodes to ${target.at - begin} bytes instead of ${pageSize}`);
    }
    return headerSize;
  }

  #measure(source: Span): number | undefined {
    const available = source.end - source.at;
    if (available < this.#headerSize) return undefined;
    if (this.#isBlock(source)) {
      if (available < BLOCK_HEADER_SIZE) return undefined;
      const length = source.view.getUint32(source.at + 6);
      if (length > blockSizeMax(this.#rules.pageSize)) {
        throw new CorruptError(`a page of ${length} bytes is longer than any page can be`);
      }
      return available >= BLOCK_HEADER_SIZE + length ? BLOCK_HEADER_SIZE + length : undefined;
    }
    source.at += this.#headerSize;
    const length = measureLz4Frame(source);
    source.at -= this.#headerSize;
    return length === undefined ? undefined : this.#headerSize + length;
  }

  #isBlock(source: Span): boolean {
    if (this.#rules.generation !== "v3") return false;
    const flags = source.view.getUint16(source.at + PAGE_FLAGS_AT);
    if ((flags & ~PAGE_FLAG_BLOCK) !== 0) {
      throw new CorruptError(`a page has the unknown flags 0x${flags.toString(16)}`);
    }
    return flags === PAGE_FLAG_BLOCK;
  }
}
