/**
 * The directories of a directory store: made, made durable, checked and pruned.
 *
 * A directory is the part of a key before its last "/"; "" is the root. What always holds:
 * - No symbolic link is followed below the root: a directory's real path must be its own.
 * - `sync` returns only when every directory on the way down from the root is durable, whoever made it (rule S3).
 * - The root is the very directory that was opened. A disk that was unmounted leaves an empty directory behind, and
 *   that must never pass for an empty store; so every miss is checked against it.
 */
import { constants, type BigIntStats } from "node:fs";
import { mkdir, open, readdir, realpath, rmdir, stat, type FileHandle } from "node:fs/promises";
import { directoryOf } from "../object-key.ts";
import { ObjectStoreError } from "../object-store.ts";
import { isCode } from "./file-error.ts";

/** Private data: for the owner alone. */
const DIRECTORY_MODE = 0o700;
/** A directory we make may be pruned by another process before we use it; more often in a row than this is no race. */
export const MAKE_ATTEMPT_COUNT_MAX = 100;
/** Directories remembered as durable or as free of links; past it the memory starts anew. */
const KNOWN_COUNT_MAX = 4096;
const OPEN_DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export class StoreDirectories {
  readonly root: string;
  readonly #rootHandle: FileHandle;
  readonly #rootIdentity: string;
  /** Directory -> identity under which its own entry, and all above it, are known to be durable. */
  readonly #durable = new Map<string, string>();
  readonly #linkFree = new Set<string>();

  private constructor(root: string, handle: FileHandle, identity: string) {
    this.root = root;
    this.#rootHandle = handle;
    this.#rootIdentity = identity;
  }

  /** `root` is a real path. Holds it open, which also keeps its disk from being unmounted. */
  static async open(root: string): Promise<StoreDirectories> {
    const handle = await open(root, OPEN_DIRECTORY);
    try {
      return new StoreDirectories(root, handle, identityOf(await handle.stat({ bigint: true })));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  path(name: string): string {
    return name === "" ? this.root : `${this.root}/${name}`;
  }

  /** Throws ENODEV when the root's path is no longer the directory that was opened. */
  async checkRoot(): Promise<void> {
    let identity: string | undefined;
    try {
      identity = identityOf(await stat(this.root, { bigint: true }));
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
    }
    if (identity === this.#rootIdentity) return;
    throw new ObjectStoreError(
      "ENODEV",
      `${this.root} is no longer the directory that was opened as a store: ` +
        "it was moved, replaced or its disk was unmounted; put it back and open it again",
      { retryable: false },
    );
  }

  /** False when there is no such directory. Throws ELOOP when a symbolic link stands on the way to it. */
  async exists(directory: string): Promise<boolean> {
    const path = this.path(directory);
    let real: string;
    try {
      real = await realpath(path);
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
      await this.checkRoot();
      return false;
    }
    if (real !== path) {
      throw new ObjectStoreError(
        "ELOOP",
        `${path} leads to ${real} by a symbolic link, which a store never follows: ` +
          "put the directory itself there, or mount the other disk there",
        { retryable: false },
      );
    }
    return true;
  }

  /** `exists`, but a directory once found free of links is believed to stay so: for reads. */
  async existsAsKnown(directory: string): Promise<boolean> {
    if (this.#linkFree.has(directory)) return true;
    if (!(await this.exists(directory))) return false;
    if (this.#linkFree.size >= KNOWN_COUNT_MAX) this.#linkFree.clear();
    this.#linkFree.add(directory);
    return true;
  }

  /** Makes the directory and what is missing above it. An object in the way surfaces as ENOTDIR. */
  async ensure(directory: string): Promise<void> {
    for (let attempt = 0; attempt < MAKE_ATTEMPT_COUNT_MAX; attempt++) {
      if (await this.exists(directory)) return;
      await this.ensure(directoryOf(directory));
      try {
        await mkdir(this.path(directory), DIRECTORY_MODE);
      } catch (error) {
        // EEXIST: another made it first, or an object is there. ENOENT: what is above was pruned again.
        if (isCode(error, "EEXIST")) return;
        if (!isCode(error, "ENOENT")) throw error;
      }
    }
    throw new ObjectStoreError(
      "EBUSY",
      `${this.path(directory)} is removed as often as it is made`,
      {
        retryable: true,
      },
    );
  }

  /** Makes the entries of the directory durable, and the directory itself with all above it. */
  async sync(directory: string): Promise<void> {
    if (directory === "") {
      await this.#rootHandle.sync();
      return;
    }
    let handle: FileHandle;
    try {
      handle = await open(this.path(directory), OPEN_DIRECTORY);
    } catch (error) {
      // Pruned: what was in it has been deleted since, and there is nothing to make durable.
      if (isCode(error, "ENOENT")) return;
      throw error;
    }
    let identity: string;
    try {
      identity = identityOf(await handle.stat({ bigint: true }));
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (this.#durable.get(directory) === identity) return;
    await this.sync(directoryOf(directory));
    if (this.#durable.size >= KNOWN_COUNT_MAX) this.#durable.clear();
    this.#durable.set(directory, identity);
  }

  /** Removes the directory and those above it as far as they are empty. */
  async prune(directory: string): Promise<void> {
    for (let name = directory; name !== ""; name = directoryOf(name)) {
      try {
        await rmdir(this.path(name));
      } catch (error) {
        // In use, gone already, or a mount point.
        if (isCode(error, "ENOTEMPTY", "EEXIST", "ENOENT", "EBUSY")) return;
        throw error;
      }
      this.#durable.delete(name);
      this.#linkFree.delete(name);
    }
  }

  /** Removes a tree of empty directories that a crash or a race left behind; false when an object lies in it. */
  async removeEmptyTree(directory: string): Promise<boolean> {
    const path = this.path(directory);
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (!entry.isDirectory()) return false;
      if (!(await this.removeEmptyTree(`${directory}/${entry.name}`))) return false;
    }
    try {
      await rmdir(path);
    } catch (error) {
      if (isCode(error, "ENOTEMPTY", "EEXIST")) return false;
      if (!isCode(error, "ENOENT")) throw error;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.#rootHandle.close();
  }
}

/** An inode number alone is used again after a removal; with the time of its birth it is not. */
function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}
