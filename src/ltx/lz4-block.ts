/**
 * LZ4 blocks. Compressing is lz4-napi's; decompressing is written here, since a call into native code and a buffer of
 * its own for each page cost as much as decoding the page, and a block may refer to what was decoded before it.
 *
 * A block is sequences of: token (literal length << 4 | match length - 4; 15 continues in bytes up to one below 255),
 * literals, u16 little-endian distance. The last sequence ends with its literals.
 * Source: lz4/lz4 doc/lz4_Block_format.md. No byte outside of what the caller allows is ever read into the result, and
 * every length and distance is checked before it is used.
 *
 * Copies go 8 bytes at a time and may therefore overwrite up to 7 bytes behind `target.end`, inside the target's buffer:
 * whoever fills a buffer from front to back loses nothing.
 */
import { compressSync } from "lz4-napi";
import { CorruptError } from "../core/fs-error.ts";

/** The plain length that lz4-napi puts in front of a block. */
const NAPI_PREFIX_SIZE = 4;
const WORD_SIZE = 8;
/** Up to here a loop is faster than a built-in copy. */
const SHORT_COPY_SIZE = 192;
const MATCH_SIZE_MIN = 4;
const LENGTH_CONTINUES = 15;

/** A stretch of a buffer, with a cursor. */
export interface Span {
  readonly bytes: Uint8Array;
  /** Of the same bytes as `bytes`. */
  readonly view: DataView;
  at: number;
  end: number;
}

/** What is decoded into; matches may reach back to `start`. */
export interface TargetSpan extends Span {
  start: number;
}

export function spanOf(bytes: Uint8Array): Span {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { bytes, view, at: 0, end: bytes.length };
}

/** The most bytes that a block of `plainSize` takes, literals and all. */
export function blockSizeMax(plainSize: number): number {
  return plainSize + Math.floor(plainSize / 255) + 16;
}

/** A block, owned by the caller. */
export function compressBlock(plain: Uint8Array): Uint8Array {
  const buffer = Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
  return compressSync(buffer).subarray(NAPI_PREFIX_SIZE);
}

/** Decodes the block that is all of `source` to `target.at`, and moves both cursors. CorruptError when it is none, or too long. */
export function decompressBlock(source: Span, target: TargetSpan): void {
  const { bytes, view, end } = source;
  const { view: into, start, end: intoEnd } = target;
  // Up to here whole words can be copied: the buffers go on for as long as the last one of them reaches.
  const fastEnd = bytes.length - WORD_SIZE;
  const fastIntoEnd = Math.min(intoEnd, target.bytes.length - WORD_SIZE);
  let from = source.at;
  let to = target.at;
  for (;;) {
    if (from >= end) throw new CorruptError("an LZ4 block does not end with literals");
    const token = bytes[from++]!;
    let length = token >>> 4;
    if (length === LENGTH_CONTINUES) {
      source.at = from;
      length = continueLength(source, length);
      from = source.at;
    }
    if (length <= SHORT_COPY_SIZE && from + length <= fastEnd && to + length <= fastIntoEnd) {
      for (let i = 0; i < length; i += WORD_SIZE) {
        into.setInt32(to + i, view.getInt32(from + i, true), true);
        into.setInt32(to + i + 4, view.getInt32(from + i + 4, true), true);
      }
    } else {
      copyLiterals(source, target, { from, to, length });
    }
    from += length;
    to += length;
    if (from >= end) break;
    if (from + 2 > end) throw new CorruptError("an LZ4 block's distance is cut short");
    const distance = view.getUint16(from, true);
    from += 2;
    if (distance === 0 || to - distance < start) {
      throw new CorruptError(`an LZ4 block refers ${distance} bytes back, past its beginning`);
    }
    length = token & 15;
    if (length === LENGTH_CONTINUES) {
      source.at = from;
      length = continueLength(source, length);
      from = source.at;
    }
    length += MATCH_SIZE_MIN;
    if (distance >= WORD_SIZE && length <= SHORT_COPY_SIZE && to + length <= fastIntoEnd) {
      const back = to - distance;
      for (let i = 0; i < length; i += WORD_SIZE) {
        into.setInt32(to + i, into.getInt32(back + i, true), true);
        into.setInt32(to + i + 4, into.getInt32(back + i + 4, true), true);
      }
    } else {
      copyMatch(target, { from: to - distance, to, length });
    }
    to += length;
  }
  if (from > end) throw new CorruptError("an LZ4 block's literals are cut short");
  source.at = from;
  target.at = to;
}

function continueLength(source: Span, first: number): number {
  let length = first;
  for (;;) {
    if (source.at >= source.end) throw new CorruptError("an LZ4 block's length is cut short");
    const byte = source.bytes[source.at++]!;
    length += byte;
    if (byte !== 255) return length;
  }
}

interface Copy {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

function copyLiterals(source: Span, target: TargetSpan, { from, to, length }: Copy): void {
  if (from + length > source.end) throw new CorruptError("an LZ4 block's literals are cut short");
  if (to + length > target.end) throw new CorruptError("an LZ4 block decodes to too many bytes");
  target.bytes.set(source.bytes.subarray(from, from + length), to);
}

/** A match may overlap what it makes: one byte back repeats that byte. */
function copyMatch(target: TargetSpan, { from, to, length }: Copy): void {
  if (to + length > target.end) throw new CorruptError("an LZ4 block decodes to too many bytes");
  const { bytes } = target;
  if (length <= SHORT_COPY_SIZE) {
    for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i]!;
    return;
  }
  // What lies between `from` and the end of the copy doubles with each step.
  for (let done = 0; done < length;) {
    const size = Math.min(to - from + done, length - done);
    bytes.copyWithin(to + done, from, from + size);
    done += size;
  }
}
