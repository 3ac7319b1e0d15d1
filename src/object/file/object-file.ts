/**
 * One object as a file: opened, read and tagged.
 *
 * The tag of an object of at most TAG_HASH_SIZE_MAX bytes is made of its content. Above that it is made of size,
 * modification time and inode number, so that asking for it never reads a pack: such an object is immutable, or
 * is swapped, and a swap gives it a later time than the content it replaces (`tagTimeAfter`). The one thing this
 * leaves open is an object that large which is deleted and made anew, with other content of the same size, on the same inode
 * within one tick of the clock; names that change are never deleted (rule C10).
 */
import { constants, type BigIntStats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { contentTag } from "../content-tag.ts";
import { isCode } from "./file-error.ts";

/** Whatever is swapped (heads, checkpoints, floors) is smaller; reading it costs less than opening it. */
export const TAG_HASH_SIZE_MAX: number = 64 * 1024;
/** Bytes read at a time: between two the caller's signal is looked at. */
const PIECE_SIZE: number = 8 * 1024 * 1024;
/** O_NONBLOCK: a named pipe in the way is refused, not waited for. */
const OPEN_OBJECT = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** undefined when no object is there: nothing, or a directory of longer keys. The caller closes the handle. */
export async function openObject(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, OPEN_OBJECT);
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
  try {
    const stats = await file.stat();
    if (stats.isFile()) return file;
    if (!stats.isDirectory()) throw new FsError("EIO", `${path} is no regular file: remove it`);
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
}

/** The whole content. Throws CorruptError when the file changes its size meanwhile. */
export async function readWhole(
  file: FileHandle,
  path: string,
  signal?: AbortSignal,
): Promise<{ readonly body: Uint8Array; readonly tag: string }> {
  const stats = await file.stat({ bigint: true });
  const size = Number(stats.size);
  const body = await readRange(file, { offset: 0, length: size }, signal);
  if (body.length !== size) throw new CorruptError(`${path} is cut short at ${body.length} bytes`);
  return { body, tag: size <= TAG_HASH_SIZE_MAX ? contentTag(body) : identityTag(stats) };
}

/** At most `length` bytes: fewer where the file ends. */
export async function readRange(
  file: FileHandle,
  range: { readonly offset: number; readonly length: number },
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const { size } = await file.stat();
  const wanted = Math.max(0, Math.min(range.length, size - range.offset));
  const body = new Uint8Array(wanted);
  let at = 0;
  while (at < wanted) {
    signal?.throwIfAborted();
    const piece = Math.min(PIECE_SIZE, wanted - at);
    const { bytesRead } = await file.read(body, at, piece, range.offset + at);
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return at === wanted ? body : body.subarray(0, at);
}

/** The tag of an open file, which is complete. */
export async function readTag(file: FileHandle): Promise<string> {
  const stats = await file.stat({ bigint: true });
  if (stats.size > TAG_HASH_SIZE_MAX) return identityTag(stats);
  return contentTag(await readRange(file, { offset: 0, length: TAG_HASH_SIZE_MAX }));
}

/** The tag of an object above TAG_HASH_SIZE_MAX. */
export function identityTag(stats: BigIntStats): string {
  return `${stats.size}-${stats.mtimeNs}-${stats.ino}`;
}

/** Seconds to set as modification time so that a swapped object's tag differs from that of the content before. */
export function tagTimeAfter(before: BigIntStats, own: BigIntStats): number | undefined {
  if (own.mtimeNs > before.mtimeNs) return undefined;
  return Number(before.mtimeNs / 1_000_000n + 2n) / 1000;
}
