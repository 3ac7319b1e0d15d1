/**
 * 64-bit integers as JavaScript numbers, little-endian as in our own files and big-endian as in those of others.
 *
 * What we assign or count with (ino, offset, JSN) is a number up to 2^53 - 1. Values beyond that are refused
 * (`getU64Le`) where they come from our own files and saturate (`getSaturatedU64Le`) where the kernel may send them.
 */
import { CorruptError } from "./fs-error.ts";

export const U64_SIZE = 8;
const TWO_32 = 0x1_0000_0000;

/** Throws CorruptError (EIO) when the value is above 2^53 - 1. */
export function getU64Le(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high > 0x1f_ffff) throw new CorruptError(`a 64-bit number at offset ${at} is above 2^53 - 1`);
  return high * TWO_32 + view.getUint32(at, true);
}

/** Number.MAX_SAFE_INTEGER for anything above it. */
export function getSaturatedU64Le(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  if (high > 0x1f_ffff) return Number.MAX_SAFE_INTEGER;
  return high * TWO_32 + view.getUint32(at, true);
}

/** `value` must be an integer in [0, 2^53 - 1]. */
export function setU64Le(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  view.setUint32(at, value - high * TWO_32, true);
  view.setUint32(at + 4, high, true);
}

/** A signed 64-bit integer (times before 1970); throws CorruptError outside ±2^53. */
export function getI64Le(view: DataView, at: number): number {
  const value = view.getInt32(at + 4, true) * TWO_32 + view.getUint32(at, true);
  if (!Number.isSafeInteger(value))
    throw new CorruptError(`a signed 64-bit number at offset ${at} is outside ±2^53`);
  return value;
}

export function setI64Le(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  view.setUint32(at, value - high * TWO_32, true);
  view.setInt32(at + 4, high, true);
}

/** Big-endian; throws CorruptError (EIO) when the value is above 2^53 - 1. */
export function getU64Be(view: DataView, at: number): number {
  const high = view.getUint32(at);
  if (high > 0x1f_ffff) throw new CorruptError(`a 64-bit number at offset ${at} is above 2^53 - 1`);
  return high * TWO_32 + view.getUint32(at + 4);
}

/** Big-endian; `value` must be an integer in [0, 2^53 - 1]. */
export function setU64Be(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  view.setUint32(at, high);
  view.setUint32(at + 4, value - high * TWO_32);
}

/** Signed and big-endian; throws CorruptError outside ±2^53. */
export function getI64Be(view: DataView, at: number): number {
  const value = view.getInt32(at) * TWO_32 + view.getUint32(at + 4);
  if (!Number.isSafeInteger(value))
    throw new CorruptError(`a signed 64-bit number at offset ${at} is outside ±2^53`);
  return value;
}

/** Signed and big-endian; `value` must be an integer in ±2^53. */
export function setI64Be(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * TWO_32);
}
