/**
 * Signed 64-bit little-endian integers from the kernel as JavaScript numbers: times, which may be far before
 * 1970 or far after, saturate at ±(2^53 - 1) so that no request is refused for a time nobody can mean.
 */

const TWO_32 = 0x1_0000_0000;

export function getSaturatedI64Le(view: DataView, at: number): number {
  const value = view.getInt32(at + 4, true) * TWO_32 + view.getUint32(at, true);
  if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
  return value < Number.MIN_SAFE_INTEGER ? Number.MIN_SAFE_INTEGER : value;
}
