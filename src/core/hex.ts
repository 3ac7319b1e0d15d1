/** Fixed-width lower-case hexadecimal, as object names and ids carry it. */
import { randomFillSync } from "node:crypto";

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** `count` random bytes from the system, in hex. */
export function randomHex(count: number): string {
  return toHex(randomFillSync(new Uint8Array(count)));
}
