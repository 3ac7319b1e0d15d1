/**
 * LZ4 frames: one to a page in v2 and older v3 files, one round all pages in compressed v1 files.
 *
 * Little-endian: magic 04 22 4d 18; FLG (version 01, bit 5 blocks independent, 4 block checksums, 3 content size, 2 content
 * checksum, 0 dictionary); BD (bits 6-4: largest block, 64 KiB << 2 * (n - 4)); u64 content size if flagged; HC, the
 * second byte of the xxHash32 of FLG to before HC; blocks of u32 size (top bit: stored as it is) and data; u32 0; u32
 * xxHash32 of the content if flagged. Source: lz4/lz4 doc/lz4_Frame_format.md.
 *
 * What is written is what the Go library can read: it allows exactly 8 bytes behind a page's only block, so the content
 * checksum is always there. Read is every frame without a dictionary; every checksum in it is checked.
 */
import { CorruptError } from "../core/fs-error.ts";
import { getU64Le } from "../core/u64.ts";
import { ByteQueue } from "./byte-queue.ts";
import { compressBlock, decompressBlock, type Span, spanOf, type TargetSpan } from "./lz4-block.ts";
import { XxHash32 } from "./xxhash32.ts";

/** As a little-endian number. */
export const LZ4_FRAME_MAGIC = 0x184d_2204;
/** What a frame of one block has besides the block: magic, FLG, BD, HC, size, EndMark, checksum. */
export const LZ4_FRAME_OVERHEAD = 19;

const VERSION_MASK = 0xc0;
const VERSION = 0x40;
const FLG_INDEPENDENT = 0x20;
const FLG_BLOCK_CHECKSUM = 0x10;
const FLG_CONTENT_SIZE = 0x08;
const FLG_CONTENT_CHECKSUM = 0x04;
const FLG_RESERVED = 0x02;
const FLG_DICTIONARY = 0x01;
const BD_RESERVED = 0x8f;
const BD_SIZE_FIRST = 4;
const BLOCK_SIZE_FIRST: number = 64 * 1024;
/** Version 1, independent blocks, content checksum; blocks of at most 64 KiB; and the check byte of the two. */
const OUR_HEADER: Uint8Array = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x64, 0x40, 0xa7);
const OUR_DESCRIPTOR = 0x4064;
const OUR_CHECK_BYTE = 0xa7;
const RAW_BLOCK = 0x8000_0000;
const MAGIC_SIZE = 4;
/** FLG, BD, content size. */
const DESCRIPTOR_SIZE_MAX = 10;
const HASH_SIZE = 4;
/** How far back a block of a frame whose blocks depend on each other may refer. */
const HISTORY_SIZE: number = 64 * 1024;
/** Room for copies of whole words (lz4-block.ts). */
const COPY_SLACK = 8;
/** What OUR_HEADER says, and that of every real tool. */
const OUR_FRAME: FrameHeader = {
  size: OUR_HEADER.length,
  areBlocksIndependent: true,
  hasBlockChecksums: false,
  hasContentChecksum: true,
  contentSize: undefined,
  blockSizeMax: BLOCK_SIZE_FIRST,
};

interface FrameHeader {
  readonly size: number;
  readonly areBlocksIndependent: boolean;
  readonly hasBlockChecksums: boolean;
  readonly hasContentChecksum: boolean;
  readonly contentSize: number | undefined;
  readonly blockSizeMax: number;
}

/** One frame round at most 64 KiB, owned by the caller. */
export function encodeLz4Frame(plain: Uint8Array): Uint8Array {
  const compressed = compressBlock(plain);
  const isRaw = compressed.length >= plain.length;
  const block = isRaw ? plain : compressed;
  const frame = new Uint8Array(LZ4_FRAME_OVERHEAD + block.length);
  const view = new DataView(frame.buffer);
  frame.set(OUR_HEADER);
  const at = OUR_HEADER.length;
  view.setUint32(at, isRaw ? (RAW_BLOCK | block.length) >>> 0 : block.length, true);
  frame.set(block, at + 4);
  const hash = new XxHash32();
  const source = spanOf(plain);
  hash.update(source.view, 0, plain.length);
  view.setUint32(frame.length - HASH_SIZE, hash.digest(), true);
  return frame;
}

/** The length of the frame that begins at `source.at`, as far as its blocks' sizes say; undefined when more is needed. */
export function measureLz4Frame(source: Span): number | undefined {
  const header = decodeHeader(source);
  if (header === undefined) return undefined;
  let at = source.at + header.size;
  for (;;) {
    if (at + 4 > source.end) return undefined;
    const word = source.view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    at += blockLength(word, header) + (header.hasBlockChecksums ? HASH_SIZE : 0);
  }
  if (header.hasContentChecksum) at += HASH_SIZE;
  return at <= source.end ? at - source.at : undefined;
}

/** Decodes whole frames, one after the other, without allocating for each. */
export class Lz4FrameDecoder {
  readonly #hash = new XxHash32();

  /** Decodes the frame at `source.at` to `target.at`, and moves both cursors. CorruptError when it is none, or cut short. */
  decode(source: Span, target: TargetSpan): void {
    const header = decodeHeader(source);
    if (header === undefined) throw new CorruptError("an LZ4 frame is cut short");
    source.at += header.size;
    const begin = target.at;
    const frame = { header, hash: this.#hash, historyStart: begin };
    while (decodeFrameBlock(source, target, frame));
    if (header.contentSize !== undefined && header.contentSize !== target.at - begin) {
      throw new CorruptError("an LZ4 frame decodes to another length than it says");
    }
    if (!header.hasContentChecksum) return;
    this.#hash.reset();
    this.#hash.update(target.view, begin, target.at - begin);
    checkHash(source, this.#hash, "the content");
  }
}

/** Decodes one frame of any length as its bytes arrive. Memory is one block, its history, and what was fed too early. */
export class Lz4FrameStream {
  readonly #queue = new ByteQueue();
  readonly #hash = new XxHash32();
  readonly #blockHash = new XxHash32();
  #header: FrameHeader | undefined;
  #target: TargetSpan | undefined;
  #size = 0;
  #isDone = false;

  /** The frame has ended; what follows it is in `rest`. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** What was fed and is not decoded; behind the frame once it is done. */
  get rest(): Uint8Array {
    return this.#queue.bytes.subarray(this.#queue.at, this.#queue.end);
  }

  feed(chunk: Uint8Array): void {
    this.#queue.append(chunk);
  }

  /** Some decoded bytes, valid until the next call; undefined when more must be fed, or the frame is done. */
  next(): Uint8Array | undefined {
    if (this.#isDone) return undefined;
    const header = (this.#header ??= this.#readHeader());
    if (header === undefined || !this.#hasWholeBlock(header)) return undefined;
    const target = this.#roomForBlock(header);
    const begin = target.at;
    const historyStart = header.areBlocksIndependent ? begin : target.start;
    if (decodeFrameBlock(this.#queue, target, { header, hash: this.#blockHash, historyStart })) {
      this.#size += target.at - begin;
      if (header.hasContentChecksum) this.#hash.update(target.view, begin, target.at - begin);
      return target.bytes.subarray(begin, target.at);
    }
    if (header.contentSize !== undefined && header.contentSize !== this.#size) {
      throw new CorruptError("an LZ4 frame decodes to another length than it says");
    }
    if (header.hasContentChecksum) checkHash(this.#queue, this.#hash, "the content");
    this.#isDone = true;
    return undefined;
  }

  #readHeader(): FrameHeader | undefined {
    const header = decodeHeader(this.#queue);
    if (header !== undefined) this.#queue.at += header.size;
    return header;
  }

  /** Or the whole end of the frame. */
  #hasWholeBlock(header: FrameHeader): boolean {
    const queue = this.#queue;
    if (queue.length < 4) return false;
    const word = queue.view.getUint32(queue.at, true);
    if (word === 0) return queue.length >= 4 + (header.hasContentChecksum ? HASH_SIZE : 0);
    const checksumSize = header.hasBlockChecksums ? HASH_SIZE : 0;
    return queue.length >= 4 + blockLength(word, header) + checksumSize;
  }

  #roomForBlock(header: FrameHeader): TargetSpan {
    const size = HISTORY_SIZE + header.blockSizeMax;
    this.#target ??= { ...spanOf(new Uint8Array(size + COPY_SLACK)), start: 0 };
    const target = this.#target;
    const kept = Math.min(HISTORY_SIZE, target.at);
    target.bytes.copyWithin(0, target.at - kept, target.at);
    target.start = 0;
    target.at = kept;
    target.end = size;
    return target;
  }
}

/** False when it was the EndMark. Leaves `target.end` as it was. */
function decodeFrameBlock(
  source: Span,
  target: TargetSpan,
  frame: {
    readonly header: FrameHeader;
    readonly hash: XxHash32;
    readonly historyStart: number;
  },
): boolean {
  const { header, hash } = frame;
  if (source.at + 4 > source.end) throw new CorruptError("an LZ4 frame is cut short");
  const word = source.view.getUint32(source.at, true);
  source.at += 4;
  if (word === 0) return false;
  const { at } = source;
  const blockEnd = at + blockLength(word, header);
  if (blockEnd + (header.hasBlockChecksums ? HASH_SIZE : 0) > source.end) {
    throw new CorruptError("an LZ4 frame is cut short");
  }
  const { end: targetEnd, start: targetStart } = target;
  const sourceEnd = source.end;
  target.end = Math.min(targetEnd, target.at + header.blockSizeMax);
  target.start = header.areBlocksIndependent ? target.at : frame.historyStart;
  source.end = blockEnd;
  if (word >= RAW_BLOCK) copyRaw(source, target);
  else decompressBlock(source, target);
  source.end = sourceEnd;
  target.end = targetEnd;
  target.start = targetStart;
  if (header.hasBlockChecksums) {
    hash.reset();
    hash.update(source.view, at, blockEnd - at);
    checkHash(source, hash, "a block");
  }
  return true;
}

function copyRaw(source: Span, target: TargetSpan): void {
  const length = source.end - source.at;
  if (target.at + length > target.end) {
    throw new CorruptError("an LZ4 frame decodes to too many bytes");
  }
  target.bytes.set(source.bytes.subarray(source.at, source.end), target.at);
  target.at += length;
  source.at = source.end;
}

function checkHash(source: Span, hash: XxHash32, what: string): void {
  if (source.at + HASH_SIZE > source.end) throw new CorruptError("an LZ4 frame is cut short");
  const stored = source.view.getUint32(source.at, true);
  source.at += HASH_SIZE;
  if (stored !== hash.digest()) {
    throw new CorruptError(`the checksum of ${what} of an LZ4 frame is wrong`);
  }
}

function blockLength(word: number, header: FrameHeader): number {
  const length = word % RAW_BLOCK;
  if (length > header.blockSizeMax) {
    throw new CorruptError(`an LZ4 frame has a block of ${length} bytes, more than it says`);
  }
  return length;
}

/** undefined when more bytes are needed. */
function decodeHeader(source: Span): FrameHeader | undefined {
  const { view, at, end } = source;
  if (end - at < MAGIC_SIZE + 2) return undefined;
  if (view.getUint32(at, true) !== LZ4_FRAME_MAGIC) throw new CorruptError("not an LZ4 frame");
  const isOurs =
    end - at >= OUR_HEADER.length &&
    view.getUint16(at + MAGIC_SIZE, true) === OUR_DESCRIPTOR &&
    view.getUint8(at + 6) === OUR_CHECK_BYTE;
  return isOurs ? OUR_FRAME : decodeOtherHeader(source);
}

function decodeOtherHeader(source: Span): FrameHeader | undefined {
  const { view, at, end } = source;
  const flags = view.getUint8(at + 4);
  const blockDescriptor = view.getUint8(at + 5);
  if ((flags & VERSION_MASK) !== VERSION || (flags & (FLG_RESERVED | FLG_DICTIONARY)) !== 0) {
    throw new CorruptError(`an LZ4 frame has the unknown flags 0x${flags.toString(16)}`);
  }
  const sizeCode = blockDescriptor >> 4;
  if ((blockDescriptor & BD_RESERVED) !== 0 || sizeCode < BD_SIZE_FIRST) {
    throw new CorruptError("an LZ4 frame has an unknown block size");
  }
  const hasContentSize = (flags & FLG_CONTENT_SIZE) !== 0;
  const descriptorSize = hasContentSize ? DESCRIPTOR_SIZE_MAX : 2;
  const size = MAGIC_SIZE + descriptorSize + 1;
  if (end - at < size) return undefined;
  const hash = new XxHash32();
  hash.update(view, at + MAGIC_SIZE, descriptorSize);
  if (((hash.digest() >>> 8) & 0xff) !== view.getUint8(at + size - 1)) {
    throw new CorruptError("the checksum of an LZ4 frame's header is wrong");
  }
  return {
    size,
    areBlocksIndependent: (flags & FLG_INDEPENDENT) !== 0,
    hasBlockChecksums: (flags & FLG_BLOCK_CHECKSUM) !== 0,
    hasContentChecksum: (flags & FLG_CONTENT_CHECKSUM) !== 0,
    contentSize: hasContentSize ? getU64Le(view, at + 6) : undefined,
    blockSizeMax: BLOCK_SIZE_FIRST << (2 * (sizeCode - BD_SIZE_FIRST)),
  };
}
