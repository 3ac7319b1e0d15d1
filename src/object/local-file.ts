/** A local file that is to become an object, or may have: its size and its bytes. */
import { open, stat, type FileHandle } from "node:fs/promises";
import { CorruptError } from "../core/fs-error.ts";
import { toStoreError } from "./file/file-error.ts";

export interface LocalFile extends AsyncDisposable {
  /** In bytes. */
  readonly size: number;
  /** Exactly `length` bytes; throws CorruptError when the file is shorter than it was. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Throws ENOENT and the like, naming the path. */
export async function localFileSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    throw toStoreError(error, `look at ${path}, which is to become an object`);
  }
}

export async function openLocalFile(path: string): Promise<LocalFile> {
  let handle: FileHandle;
  try {
    handle = await open(path);
  } catch (error) {
    throw toStoreError(error, `open ${path}, which is to become an object`);
  }
  try {
    const { size } = await handle.stat();
    return {
      size,
      read: (offset, length) => readExactly(handle, path, { offset, length }),
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readExactly(
  handle: FileHandle,
  path: string,
  range: { readonly offset: number; readonly length: number },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(range.length);
  for (let at = 0; at < range.length;) {
    const { bytesRead } = await handle.read(bytes, at, range.length - at, range.offset + at);
    if (bytesRead === 0) throw new CorruptError(`${path} is shorter than it was`);
    at += bytesRead;
  }
  return bytes;
}
