/**
 * Reads parts of blocks from a pack: only the frames that a read touches are read and decoded.
 *
 * What always holds: no byte is returned before the CRC-32 of its frame's stored bytes was checked, so a flipped bit is
 * a DamagedFrameError and never wrong data, and only the reads that touch that frame fail. Because of that check a part of a
 * raw frame costs reading the whole of it; a raw frame that is wanted whole is read straight to where it goes, without a copy.
 * After an error the destination's bytes mean nothing.
 */
import { closeSync, fstatSync, futimesSync, openSync, readSync } from "node:fs";
import { assert } from "../core/assert.ts";
import { crc32 } from "../core/crc.ts";
import { CorruptError } from "../core/fs-error.ts";
import { FRAME_SIZE } from "../core/limits.ts";
import { decompressFrame, FRAME_HEADROOM, type Codec } from "./codec.ts";
import type { FrameCache } from "./frame-cache.ts";
import {
  checkPackHeader,
  describePack,
  PACK_FOOTER_SIZE,
  PACK_HEADER_SIZE,
  type PackIdentity,
} from "./pack-format.ts";
import { decodePackTail, packTailLength, type PackIndex } from "./pack-index.ts";
import { toFsError } from "./system-error.ts";

/** The stored bytes of a pack that is on a local disk. */
export interface PackSource {
  /** Of the whole pack, in bytes. */
  readonly size: number;
  /** Fills `into` from `offset` on; fewer bytes only where the pack ends. Throws FsError. */
  readSync(offset: number, into: Uint8Array): number;
}

/** Read at once in the hope that it holds index and footer: enough for 5,000 small files. */
export const TAIL_READ_SIZE: number = 64 * 1024;

/** Stored bytes of one frame that are not what was written. The cache drops them and fetches them again. */
export class DamagedFrameError extends CorruptError {
  /** Where in the pack the frame is stored. */
  readonly storedOffset: number;
  readonly storedLength: number;

  constructor(index: PackIndex, block: number, frame: number, options?: ErrorOptions) {
    const inBlock = frame - index.firstFrames[block]!;
    const name = describePack(index.identity.timeline, index.identity.pack);
    const ino = index.inos[block]!;
    super(
      `${name}: block ${block}, frame ${inBlock} is damaged (written for inode ${ino})`,
      options,
    );
    this.storedOffset = index.frameOffsets[frame]!;
    this.storedLength = index.frameStoredLength(frame);
  }
}

export class PackReader {
  readonly index: PackIndex;
  readonly #source: PackSource;
  readonly #frames: FrameCache;
  readonly #key: number;

  /** `key` is from `frames.newReaderKey()`; the same key for the same pack finds frames that an earlier reader decoded. */
  constructor(index: PackIndex, source: PackSource, frames: FrameCache, key: number) {
    this.index = index;
    this.#source = source;
    this.#frames = frames;
    this.#key = key;
  }

  /** Fills `length` bytes of `into` at `at` with those of the block from `blockOffset` on, all of which exist. */
  readBlockSync(
    block: number,
    blockOffset: number,
    length: number,
    into: Uint8Array,
    at: number,
  ): void {
    checkBlockRange(this.index, block, blockOffset, length);
    assert(at >= 0 && at + length <= into.length, "the destination holds what is read");
    let offset = blockOffset;
    const end = blockOffset + length;
    while (offset < end) {
      const inBlock = Math.floor(offset / FRAME_SIZE);
      const frame = this.index.firstFrames[block]! + inBlock;
      const from = offset - inBlock * FRAME_SIZE;
      const plainLength = this.index.framePlainLength(block, frame);
      const count = Math.min(plainLength - from, end - offset);
      const to = at + offset - blockOffset;
      if (count === plainLength) this.#readWhole(block, frame, into, to);
      else into.set(this.#partial(block, frame).subarray(from, from + count), to);
      offset += count;
    }
  }

  #readWhole(block: number, frame: number, into: Uint8Array, to: number): void {
    const { index } = this;
    const plainLength = index.framePlainLength(block, frame);
    if (index.frameStoredLength(frame) === plainLength) {
      const stored = into.subarray(to, to + plainLength);
      this.#readStored(block, frame, stored);
      checkStoredFrame(index, block, frame, stored);
      return;
    }
    const plain = this.#frames.get(this.#key + frame) ?? this.#decode(block, frame);
    into.set(plain, to);
  }

  /** The whole plain frame, which belongs to the cache. */
  #partial(block: number, frame: number): Buffer {
    const key = this.#key + frame;
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const { index } = this;
    let plain: Buffer;
    if (index.frameStoredLength(frame) === index.framePlainLength(block, frame)) {
      plain = this.#frames.newBuffer(index.frameStoredLength(frame));
      this.#readStored(block, frame, plain);
      checkStoredFrame(index, block, frame, plain);
    } else {
      plain = this.#decode(block, frame);
    }
    this.#frames.set(key, plain);
    return plain;
  }

  #decode(block: number, frame: number): Buffer {
    const end = FRAME_HEADROOM + this.index.frameStoredLength(frame);
    this.#readStored(block, frame, this.#frames.scratch.subarray(FRAME_HEADROOM, end));
    return decodeStoredFrame(this.index, block, frame, this.#frames.scratch);
  }

  #readStored(block: number, frame: number, into: Uint8Array): void {
    const count = this.#source.readSync(this.index.frameOffsets[frame]!, into);
    if (count !== into.length) {
      const cause = new CorruptError(`only ${count} of its ${into.length} stored bytes are there`);
      throw new DamagedFrameError(this.index, block, frame, { cause });
    }
  }
}

/** Throws CorruptError when the pack has no such bytes: rows and pack disagree. */
export function checkBlockRange(
  index: PackIndex,
  block: number,
  blockOffset: number,
  length: number,
): void {
  const plainLength = index.plainLengths[block];
  if (
    plainLength === undefined ||
    blockOffset < 0 ||
    length < 0 ||
    blockOffset + length > plainLength
  ) {
    const name = describePack(index.identity.timeline, index.identity.pack);
    throw new CorruptError(
      `${name}: block ${block} has ${plainLength ?? "no"} bytes, ${length} at ${blockOffset} are asked for`,
    );
  }
}

/** Throws DamagedFrameError when `stored` is not what was written. */
export function checkStoredFrame(
  index: PackIndex,
  block: number,
  frame: number,
  stored: Uint8Array,
): void {
  if (crc32(stored) !== index.frameCrcs[frame]) throw new DamagedFrameError(index, block, frame);
}

/** Checks and decodes a compressed frame: `buffer` holds FRAME_HEADROOM bytes and then the stored ones. */
export function decodeStoredFrame(
  index: PackIndex,
  block: number,
  frame: number,
  buffer: Buffer,
): Buffer {
  const storedLength = index.frameStoredLength(frame);
  checkStoredFrame(
    index,
    block,
    frame,
    buffer.subarray(FRAME_HEADROOM, FRAME_HEADROOM + storedLength),
  );
  const plainLength = index.framePlainLength(block, frame);
  try {
    return decompressFrame(index.codecs[block]! as Codec, buffer, storedLength, plainLength);
  } catch (cause) {
    throw new DamagedFrameError(index, block, frame, { cause });
  }
}

/** Reads and checks header, footer and index. CorruptError when they are damaged or not of the pack `expected`. */
export function readPackIndexSync(source: PackSource, expected: PackIdentity): PackIndex {
  const what = describePack(expected.timeline, expected.pack);
  checkPackHeader(readExactly(source, 0, PACK_HEADER_SIZE, what), what);
  return readPackTailSync(source, expected);
}

/** As `readPackIndexSync`, for a source that may have the tail alone: the header is not looked at. */
export function readPackTailSync(source: PackSource, expected: PackIdentity): PackIndex {
  const what = describePack(expected.timeline, expected.pack);
  let length = Math.min(source.size, TAIL_READ_SIZE);
  if (length < PACK_FOOTER_SIZE) throw new CorruptError(`${what}: it has only ${length} bytes`);
  let tail = readExactly(source, source.size - length, length, what);
  length = packTailLength(tail, what);
  if (length > source.size) throw new CorruptError(`${what}: its index is larger than the pack`);
  if (length > tail.length) tail = readExactly(source, source.size - length, length, what);
  return decodePackTail(tail, source.size, expected);
}

/** A pack in a file, read in place. The file never changes its bytes, but it may be unlinked while it is open. */
export class FilePackSource implements PackSource, Disposable {
  readonly size: number;
  readonly path: string;
  #fd: number | undefined;

  /** Throws FsError with the system's code. */
  constructor(path: string) {
    this.path = path;
    try {
      this.#fd = openSync(path, "r");
      this.size = fstatSync(this.#fd).size;
    } catch (error) {
      this[Symbol.dispose]();
      throw toFsError(error, `cannot open the pack ${path}`);
    }
  }

  readSync(offset: number, into: Uint8Array): number {
    assert(this.#fd !== undefined, "the pack is still open");
    try {
      let count = readSync(this.#fd, into, 0, into.length, offset);
      while (count < into.length) {
        const more = readSync(this.#fd, into, count, into.length - count, offset + count);
        if (more === 0) break;
        count += more;
      }
      return count;
    } catch (error) {
      throw toFsError(error, `cannot read the pack ${this.path}`);
    }
  }

  /** Sets the file's times, by which the cache evicts. Throws FsError. */
  markUsed(nowMs: number): void {
    assert(this.#fd !== undefined, "the pack is still open");
    try {
      futimesSync(this.#fd, nowMs / 1000, nowMs / 1000);
    } catch (error) {
      throw toFsError(error, `cannot mark the pack ${this.path} as used`);
    }
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function readExactly(source: PackSource, offset: number, length: number, what: string): Uint8Array {
  const bytes = new Uint8Array(Math.min(length, source.size - offset));
  if (bytes.length < length || source.readSync(offset, bytes) !== length) {
    throw new CorruptError(`${what}: it is cut short at ${source.size} bytes`);
  }
  return bytes;
}
