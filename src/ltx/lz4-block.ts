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
/** From here on a built-in copy is faster than a loop. */
const LONG_COPY_SIZE = 192;
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
  const { end, bytes } = source;
  for (;;) {
    if (source.at >= end) throw new CorruptError("an LZ4 block does not end with literals");
    const token = bytes[source.at++]!;
    let length = token >>> 4;
    if (length === LENGTH_CONTINUES) length = continueLength(source, length);
    if (source.at + length > end) throw new CorruptError("an LZ4 block's literals are cut short");
    if (length > 0) copyLiterals(source, target, length);
    if (source.at === end) return;
    if (source.at + 2 > end) throw new CorruptError("an LZ4 block's distance is cut short");
    const distance = bytes[source.at]! | (bytes[source.at + 1]! << 8);
    source.at += 2;
    if (distance === 0 || target.at - distance < target.start) {
      throw new CorruptError(`an LZ4 block refers ${distance} bytes back, past its beginning`);
    }
    length = token & 15;
    if (length === LENGTH_CONTINUES) length = continueLength(source, length);
    copyMatch(target, distance, length + MATCH_SIZE_MIN);
  }
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

function copyLiterals(source: Span, target: TargetSpan, length: number): void {
  const from = source.at;
  const to = target.at;
  if (to + length > target.end) throw new CorruptError("an LZ4 block decodes to too many bytes");
  source.at = from + length;
  target.at = to + length;
  const isNearEnd =
    from + length + WORD_SIZE > source.bytes.length ||
    to + length + WORD_SIZE > target.bytes.length;
  if (length > LONG_COPY_SIZE || isNearEnd) {
    target.bytes.set(source.bytes.subarray(from, from + length), to);
    return;
  }
  for (let i = 0; i < length; i += WORD_SIZE) {
    target.view.setInt32(to + i, source.view.getInt32(from + i, true), true);
    target.view.setInt32(to + i + 4, source.view.getInt32(from + i + 4, true), true);
  }
}

/** A match may overlap what it makes: a distance of 1 repeats one byte. */
function copyMatch(target: TargetSpan, distance: number, length: number): void {
  const { bytes, view, at: to } = target;
  if (to + length > target.end) throw new CorruptError("an LZ4 block decodes to too many bytes");
  target.at = to + length;
  const from = to - distance;
  if (length > LONG_COPY_SIZE) {
    copyLongMatch(target, { from, to, length });
  } else if (to + length + WORD_SIZE > bytes.length || (distance < 4 && distance !== 1)) {
    for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i]!;
  } else if (distance >= WORD_SIZE) {
    for (let i = 0; i < length; i += WORD_SIZE) {
      view.setInt32(to + i, view.getInt32(from + i, true), true);
      view.setInt32(to + i + 4, view.getInt32(from + i + 4, true), true);
    }
  } else if (distance >= 4) {
    for (let i = 0; i < length; i += 4) view.setInt32(to + i, view.getInt32(from + i, true), true);
  } else {
    const word = Math.imul(bytes[from]!, 0x01010101);
    for (let i = 0; i < length; i += 4) view.setInt32(to + i, word, true);
  }
}

function copyLongMatch(
  target: TargetSpan,
  copy: { readonly from: number; readonly to: number; readonly length: number },
): void {
  const { bytes } = target;
  const { from, to, length } = copy;
  // What lies between `from` and the end of the copy doubles with each step.
  for (let done = 0; done < length;) {
    const size = Math.min(to - from + done, length - done);
    bytes.copyWithin(to + done, from, from + size);
    done += size;
  }
}
