/**
 * CRC-32 of a stretch of a buffer without making a view of it: the journal does this for every record.
 *
 * Same polynomial and chaining as core/crc.ts (zlib's). Below RANGE_SIZE_MIN a table in JavaScript is faster than the
 * call into zlib and makes no garbage (76 bytes: 90 ns against 246 ns); above it zlib wins. Source of the method:
 * "slicing by 4", zlib's crc32.c.
 */
import { crc32 } from "../core/crc.ts";

/** From here on zlib is faster, the view it needs included (measured on Node 26: they meet near 230 bytes). */
const RANGE_SIZE_MIN = 224;
const POLYNOMIAL = 0xedb88320;

const table0 = new Uint32Array(256);
const table1 = new Uint32Array(256);
const table2 = new Uint32Array(256);
const table3 = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  table0[i] = value;
}
for (let i = 0; i < 256; i++) {
  const one = (table0[i]! >>> 8) ^ table0[table0[i]! & 0xff]!;
  const two = (one >>> 8) ^ table0[one & 0xff]!;
  table1[i] = one;
  table2[i] = two;
  table3[i] = (two >>> 8) ^ table0[two & 0xff]!;
}

/** CRC-32 of bytes[from, to), `seed` being the CRC of what came before (0 to begin). */
export function crc32Range(bytes: Uint8Array, from: number, to: number, seed: number): number {
  if (to - from >= RANGE_SIZE_MIN) return crc32(bytes.subarray(from, to), seed);
  let crc = ~seed;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      table3[crc & 0xff]! ^
      table2[(crc >>> 8) & 0xff]! ^
      table1[(crc >>> 16) & 0xff]! ^
      table0[crc >>> 24]!;
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ table0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
