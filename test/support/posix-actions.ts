/** Short words for what nearly every POSIX test does. */
import assert from "node:assert/strict";
import type { ErrorCode } from "../../src/core/fs-error.ts";
import type { PosixDirectory, PosixStat } from "../conformance/posix/posix-directory.ts";
import type { PosixEntry, PosixFile } from "../conformance/posix/posix-file.ts";
import { O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, S_IFMT } from "./posix-constants.ts";

const READ_SIZE = 1 << 20;
const ENTRY_BUFFER_SIZE = 64 * 1024;
/** Longer than a tick of the slowest kernel clock (100 Hz), by which files are stamped. */
const TICK_MS = 15;

/** The bytes of a latin1 string. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

export function text(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("latin1");
}

/** `length` bytes that differ by place and by `seed`. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) * 13 + seed * 31) & 0xff);
}

export function refuses(code: ErrorCode, action: () => unknown): void {
  assert.throws(action, { code });
}

/** Creates or replaces a file. */
export function put(
  directory: PosixDirectory,
  path: string,
  content: string | Uint8Array = "",
  mode = 0o644,
): void {
  using file = directory.open(path, O_RDWR | O_CREAT | O_TRUNC, mode);
  const data = typeof content === "string" ? bytes(content) : content;
  if (data.length > 0) assert.equal(file.write(0, data), data.length);
}

/** The whole file. */
export function contentOf(directory: PosixDirectory, path: string): Uint8Array {
  using file = directory.open(path, O_RDONLY);
  return readAll(file);
}

export function textOf(directory: PosixDirectory, path: string): string {
  return text(contentOf(directory, path));
}

export function readAll(file: PosixFile): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let offset = 0; ;) {
    const part = file.read(offset, READ_SIZE);
    if (part.length === 0) return Uint8Array.from(Buffer.concat(parts));
    parts.push(part);
    offset += part.length;
  }
}

export function writeAt(
  directory: PosixDirectory,
  path: string,
  offset: number,
  content: string,
): void {
  using file = directory.open(path, O_RDWR);
  assert.equal(file.write(offset, bytes(content)), content.length);
}

/** The entries, "." and ".." too, in the order of the directory. */
export function entriesOf(directory: PosixDirectory, path: string): PosixEntry[] {
  using stream = directory.openDirectory(path);
  const all: PosixEntry[] = [];
  for (;;) {
    const some = stream.read(ENTRY_BUFFER_SIZE);
    if (some.length === 0) return all;
    all.push(...some);
  }
}

/** Sorted, without "." and "..". */
export function namesOf(directory: PosixDirectory, path: string): string[] {
  const names = entriesOf(directory, path).map((entry) => entry.name);
  return names.filter((name) => name !== "." && name !== "..").sort();
}

export function exists(directory: PosixDirectory, path: string): boolean {
  try {
    directory.lstat(path);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return false;
    throw error;
  }
}

/** Permission bits alone. */
export function permissionsOf(directory: PosixDirectory, path: string): number {
  return directory.lstat(path).mode & 0o7777;
}

export function typeOf(stat: PosixStat): number {
  return stat.mode & S_IFMT;
}

/** Waits until the clock by which files are stamped has moved on. */
export function waitForTick(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, TICK_MS);
}

/** A directory that belongs to alice: the usual place for what she does. */
export function homeOf(root: PosixDirectory, name = "home", mode = 0o755): void {
  root.mkdir(name);
  root.attributes.chown(name, { uid: 1001, gid: 2001 });
  root.attributes.chmod(name, mode);
}
