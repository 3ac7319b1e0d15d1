/**
 * The sink that stages a pack in a local directory: rule K3, frozen bytes.
 *
 * Bytes go to a temporary file of its own; commit makes them durable (fdatasync), gives them their name by link(2), which
 * never overwrites, and fsyncs every directory up to the root. So the name either does not exist or has all its bytes, after
 * any crash, and never has two contents: if it exists already its bytes must be the same.
 * The directories are always fsynced, also when they were there: an earlier process may have made them and died.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { FsError } from "../core/fs-error.ts";
import { randomHex } from "../core/hex.ts";
import type { PackId } from "../core/ids.ts";
import type { PackSink } from "./builder.ts";
import { describePack } from "./pack-format.ts";
import { packPath } from "./pack-name.ts";
import { errorCode, toFsError } from "./system-error.ts";

/** Ends the name of a file that is not a pack yet; what a crash leaves of them `removeTemporaries` takes away. */
const TEMPORARY_SUFFIX = ".tmp";
/** Two builders, even one that was frozen and thawed, never write one file. */
const TEMPORARY_RANDOM_SIZE = 8;
/** Read at a time when two files are compared. */
const COMPARE_SIZE: number = 256 * 1024;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

export class StagedPack implements PackSink {
  /** Where the pack is after `commit`. */
  readonly path: string;
  readonly #root: string;
  readonly #temporaryPath: string;
  readonly #what: string;
  #fd: number | undefined;

  /** Makes the temporary file, below `root`, which exists. Throws FsError with the system's code. */
  constructor(root: string, timeline: string, pack: PackId) {
    this.#root = root;
    this.#what = describePack(timeline, pack);
    this.path = join(root, packPath(timeline, pack));
    this.#temporaryPath = `${this.path}.${randomHex(TEMPORARY_RANDOM_SIZE)}${TEMPORARY_SUFFIX}`;
    try {
      makeDirectories(root, dirname(this.path));
      this.#fd = openSync(this.#temporaryPath, "wx", FILE_MODE);
    } catch (error) {
      throw toFsError(error, `cannot stage ${this.#what} at ${this.#temporaryPath}`);
    }
  }

  write(bytes: Uint8Array): void {
    const fd = this.#open();
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
    } catch (error) {
      throw toFsError(error, `cannot write ${this.#what} to ${this.#temporaryPath}`);
    }
  }

  /** Throws FsError; EEXIST when the name already has other bytes. After an error only `abandon` is left. */
  commit(): void {
    const fd = this.#open();
    try {
      fdatasyncSync(fd);
      this.#link();
      unlinkSync(this.#temporaryPath);
      this.#syncDirectories();
    } catch (error) {
      throw toFsError(error, `cannot freeze ${this.#what} as ${this.path}`);
    }
    this.#close();
  }

  abandon(): void {
    if (this.#fd === undefined) return;
    this.#close();
    try {
      unlinkSync(this.#temporaryPath);
    } catch {
      // It has its name already, or goes with the next removeTemporaries.
    }
  }

  #link(): void {
    try {
      linkSync(this.#temporaryPath, this.path);
    } catch (error) {
      if (errorCode(error) !== "EEXIST") throw error;
      if (!haveSameBytes(this.#temporaryPath, this.path)) {
        throw new FsError(
          "EEXIST",
          `${this.#what} is already staged at ${this.path} with other bytes`,
          {
            cause: error,
          },
        );
      }
    }
  }

  #syncDirectories(): void {
    for (let path = dirname(this.path); ; path = dirname(path)) {
      const fd = openSync(path, "r");
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      if (path.length <= this.#root.length) return;
    }
  }

  #open(): number {
    if (this.#fd === undefined)
      throw new FsError("EBADF", `${this.#what} is no longer being staged`);
    return this.#fd;
  }

  #close(): void {
    const fd = this.#open();
    this.#fd = undefined;
    closeSync(fd);
  }
}

/** Removes temporary files that a crash left below `root`; for when nothing is being staged. Returns how many. Throws FsError. */
export function removeTemporaries(root: string): number {
  let count = 0;
  try {
    for (const path of readdirSync(root, { recursive: true, encoding: "utf8" })) {
      if (!path.endsWith(TEMPORARY_SUFFIX)) continue;
      unlinkSync(join(root, path));
      count++;
    }
  } catch (error) {
    throw toFsError(error, `cannot remove temporary files below ${root}`);
  }
  return count;
}

/**
 * Makes `directory` and what lies between it and `root`. Never the root itself: a state directory that is not mounted must
 * be noticed. (Node's recursive mkdir would make it, and loops for ever in /proc.)
 */
export function makeDirectories(root: string, directory: string): void {
  if (directory.length <= root.length) return;
  try {
    mkdirSync(directory, DIRECTORY_MODE);
    return;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return;
    if (errorCode(error) !== "ENOENT" || dirname(directory).length <= root.length) throw error;
  }
  makeDirectories(root, dirname(directory));
  try {
    mkdirSync(directory, DIRECTORY_MODE);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
  }
}

function haveSameBytes(left: string, right: string): boolean {
  const leftFd = openSync(left, "r");
  try {
    const rightFd = openSync(right, "r");
    try {
      return compareOpen(leftFd, rightFd);
    } finally {
      closeSync(rightFd);
    }
  } finally {
    closeSync(leftFd);
  }
}

function compareOpen(leftFd: number, rightFd: number): boolean {
  const left = Buffer.allocUnsafe(COMPARE_SIZE);
  const right = Buffer.allocUnsafe(COMPARE_SIZE);
  for (let at = 0; ;) {
    const leftCount = readFully(leftFd, left, at);
    const rightCount = readFully(rightFd, right, at);
    if (leftCount !== rightCount) return false;
    if (left.compare(right, 0, leftCount, 0, leftCount) !== 0) return false;
    if (leftCount < COMPARE_SIZE) return true;
    at += leftCount;
  }
}

function readFully(fd: number, into: Buffer, offset: number): number {
  let count = 0;
  while (count < into.length) {
    const more = readSync(fd, into, count, into.length - count, offset + count);
    if (more === 0) break;
    count += more;
  }
  return count;
}
