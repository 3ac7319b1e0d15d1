/** Fixed-width lower-case hexadecimal, as object names and ids carry it. */
import { fillRandom } from "./random-bytes.ts";

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** `count` random bytes from the system, in hex. */
export function randomHex(count: number): string {
  return toHex(fillRandom(new Uint8Array(count)));
}
