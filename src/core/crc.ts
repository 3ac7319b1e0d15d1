/** CRC-32 (the zlib polynomial, as gzip has it), chained by seed: crc32(b, crc32(a)) equals crc32(a then b). */
import { crc32 as zlibCrc32 } from "node:zlib";

/** Returns an unsigned 32-bit number. `seed` is the CRC of what came before; 0 to begin. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return zlibCrc32(bytes, seed);
}
