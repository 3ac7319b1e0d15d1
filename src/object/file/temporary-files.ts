/**
 * The `.tmp` directory of a directory store: bodies are written here whole and flushed before they get their name.
 *
 * A crash leaves at most a file here, never a part of an object under its key. What is older than
 * LEFTOVER_AGE_MAX_MS when a store is opened is removed; a writer that was frozen for longer than that finds its
 * file gone and fails with an error that may be retried.
 */
import { constants } from "node:fs";
import { lstat, open, readdir, unlink, type FileHandle } from "node:fs/promises";
import { randomHex } from "../../core/hex.ts";
import { isCode } from "./file-error.ts";
import { readTag } from "./object-file.ts";
import type { StoreDirectories } from "./store-directories.ts";

export const TEMPORARY_DIRECTORY = ".tmp";
/** Far longer than any body takes to write, short enough that crashes in a loop do not fill the disk. */
export const LEFTOVER_AGE_MAX_MS: number = 60 * 60 * 1000;
/** Private data: for the owner alone. */
const FILE_MODE = 0o600;
/** Bytes written or copied at a time: between two the caller's signal is looked at. */
const PIECE_SIZE: number = 4 * 1024 * 1024;
const CREATE_NEW = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export interface TemporaryFile {
  readonly path: string;
  /** The tag of the object once it has its name. */
  readonly tag: string;
}

export class TemporaryFiles {
  readonly #directories: StoreDirectories;

  constructor(directories: StoreDirectories) {
    this.#directories = directories;
  }

  /** A file that holds `body`, flushed. */
  async write(body: Uint8Array, signal?: AbortSignal): Promise<TemporaryFile> {
    return this.#make((file) => writeAll(file, body, signal));
  }

  /** A file that holds what `source` holds, flushed. */
  async copy(source: FileHandle, signal?: AbortSignal): Promise<TemporaryFile> {
    return this.#make(async (file) => {
      const piece = new Uint8Array(PIECE_SIZE);
      for (let at = 0; ;) {
        signal?.throwIfAborted();
        const { bytesRead } = await source.read(piece, 0, PIECE_SIZE, at);
        if (bytesRead === 0) return;
        await writeAll(file, piece.subarray(0, bytesRead), signal);
        at += bytesRead;
      }
    });
  }

  /** A path in the directory, where nothing is yet. */
  async newPath(): Promise<string> {
    await this.#directories.ensure(TEMPORARY_DIRECTORY);
    return this.#directories.path(`${TEMPORARY_DIRECTORY}/${randomHex(16)}`);
  }

  /** Removes a file that has its name by now, or never gets one. What cannot be removed is swept later. */
  async discard(path: string): Promise<void> {
    try {
      await unlink(path);
    } catch {
      // A rename has moved it, or the disk is in trouble and the call itself says so.
    }
  }

  /** Removes leftovers older than LEFTOVER_AGE_MAX_MS; returns how many. */
  async sweep(nowMs: number): Promise<number> {
    if (!(await this.#directories.exists(TEMPORARY_DIRECTORY))) return 0;
    const directory = this.#directories.path(TEMPORARY_DIRECTORY);
    let count = 0;
    for (const name of await readdir(directory)) {
      const path = `${directory}/${name}`;
      try {
        const { mtimeMs } = await lstat(path);
        if (nowMs - mtimeMs <= LEFTOVER_AGE_MAX_MS) continue;
        await unlink(path);
        count++;
      } catch (error) {
        // Another process sweeps too.
        if (!isCode(error, "ENOENT")) throw error;
      }
    }
    return count;
  }

  async #make(fill: (file: FileHandle) => Promise<void>): Promise<TemporaryFile> {
    const path = await this.newPath();
    const file = await open(path, CREATE_NEW, FILE_MODE);
    try {
      try {
        await fill(file);
        await file.sync();
        return { path, tag: await readTag(file) };
      } finally {
        await file.close();
      }
    } catch (error) {
      await this.discard(path);
      throw error;
    }
  }
}

async function writeAll(file: FileHandle, body: Uint8Array, signal?: AbortSignal): Promise<void> {
  for (let at = 0; at < body.length;) {
    signal?.throwIfAborted();
    const { bytesWritten } = await file.write(body, at, Math.min(PIECE_SIZE, body.length - at));
    at += bytesWritten;
  }
}
