/**
 * LTX files on a local disk, for whoever reads in ranges or from beginning to end. Nothing stays open between reads: a
 * chain may have more files than a process may have descriptors.
 */
import { open, stat } from "node:fs/promises";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { wrapSystemError } from "../core/system-error.ts";
import type { RangedSource } from "./ranged-file.ts";

/** Read at a time by `readWhole`. */
const PIECE_SIZE: number = 256 * 1024;

/** Throws ENOENT and the like, naming the path. */
export async function localLtxSource(path: string): Promise<RangedSource> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new FsError("EISDIR", `${path}: is a directory`);
    return {
      name: path,
      size: found.size,
      read: (offset, length) => readExactly(path, offset, length),
    };
  } catch (error) {
    throw wrapSystemError(error, path);
  }
}

/** The bytes of `source` from its beginning to its end. */
export async function* readWhole(source: RangedSource): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < source.size; at += PIECE_SIZE) {
    yield await source.read(at, Math.min(PIECE_SIZE, source.size - at));
  }
}

async function readExactly(path: string, offset: number, length: number): Promise<Uint8Array> {
  // Not zeroed first: every byte is read into, or nothing is returned.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  try {
    await using handle = await open(path);
    for (let at = 0; at < length;) {
      const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
      if (bytesRead === 0) throw new CorruptError(`${path}: is shorter than it was`);
      at += bytesRead;
    }
  } catch (error) {
    throw wrapSystemError(error, path);
  }
  return bytes;
}
