/**
 * Names of files and attributes as they travel: bytes ended by a zero byte. In TypeScript a name is a latin1
 * string, one character a byte, so that every byte sequence Linux allows survives and a Map can be keyed by it.
 *
 * A Buffer over the request is used to read them, and for nothing else: its native latin1 is twice as fast as a loop.
 */
import { FsError } from "../../core/fs-error.ts";

/** Offset of the zero byte that ends the name at `at`. Throws EIO when there is none before `end`. */
export function nameEnd(bytes: Uint8Array, at: number, end: number): number {
  let i = at;
  while (i < end && bytes[i] !== 0) i++;
  if (i >= end) throw new FsError("EIO", "a name in a request has no end");
  return i;
}

/** Writes the name's bytes at `at`, without an ending zero; the caller has made sure of the room. */
export function writeName(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff) throw new FsError("EIO", "a name has a character that is not a byte");
    bytes[at + i] = code;
  }
}
