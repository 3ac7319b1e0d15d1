/**
 * A directory as a store, held to the same contract as S3, also between processes and across a power cut.
 *
 * Layout: an object is the file of its key; `.tmp` holds bodies being written, `.lock` is the lock of swaps.
 * What always holds:
 * - Rule S3: temporary file, fsync, link(2), fsync of the directory and of each above it that is new. link(2) creates
 *   if absent, exactly, whoever races. An answer, also "it exists", is given only when the object is durable.
 * - A swap compares and renames under the lock (file/store-lock.ts). A crash at any point leaves the old or
 *   the new content and no lock.
 * - A listing holds the lock too, shared, while it reads a directory: some file systems (btrfs, tmpfs) give a renamed
 *   file a new place in its directory, and a reader could otherwise miss a key that was there all the time.
 * - A reader may see an object an instant before it is durable. Whoever wrote it has no answer yet.
 * - Files have mode 0600 and directories 0700: a store holds private data. A linked file keeps the mode of its source.
 *
 * An unreachable or exchanged root is an error, never an empty store (invariant 9). Nothing follows symbolic links.
 */
import { constants, type Dirent } from "node:fs";
import {
  access,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  unlink,
  utimes,
  type FileHandle,
} from "node:fs/promises";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { randomHex } from "../core/hex.ts";
import { Prng } from "../core/prng.ts";
import { isCode, toStoreError } from "./file/file-error.ts";
import { listKeys } from "./file/key-lister.ts";
import {
  identityTag,
  openObject,
  readRange,
  readTag,
  readWhole,
  TAG_HASH_SIZE_MAX,
  tagTimeAfter,
} from "./file/object-file.ts";
import { MAKE_ATTEMPT_COUNT_MAX, StoreDirectories } from "./file/store-directories.ts";
import { LOCK_FILE, StoreLock } from "./file/store-lock.ts";
import { TemporaryFiles, type TemporaryFile } from "./file/temporary-files.ts";
import {
  checkKey,
  checkPrefix,
  checkRange,
  directoryOf,
  nestedKeyError,
  pageLimit,
} from "./object-key.ts";
import {
  ObjectStoreError,
  type CallOptions,
  type CreateOutcome,
  type ListOptions,
  type ListPage,
  type ObjectInfo,
  type ObjectStore,
  type RangeOptions,
  type StoreCapabilities,
  type SwapOutcome,
} from "./object-store.ts";

/** PATH_MAX less its NUL, less the longest key, a slash, and room for a temporary name. */
const ROOT_SIZE_MAX = 3000;
/** Keys deleted under one hold of the lock: swaps of others wait for no more than these. */
const DELETE_COUNT_MAX = 64;
/** Objects of a page looked at together: hides latency, and bounds open files. */
const LIST_PARALLEL_COUNT = 16;
/** Private data: for the owner alone. */
const DIRECTORY_MODE = 0o700;

export interface FileObjectStoreOptions {
  /** A path; what it leads to when the store is opened is the store. */
  readonly root: string;
  readonly clock: Clock;
  /** Makes the directory itself (not those above it) where it is missing. False when left out. */
  readonly createRoot?: boolean;
}

export class FileObjectStore implements ObjectStore, AsyncDisposable {
  readonly url: string;
  readonly capabilities: StoreCapabilities & { readonly localRoot: string };
  readonly #root: string;
  readonly #directories: StoreDirectories;
  readonly #temporaries: TemporaryFiles;
  readonly #lock: StoreLock;
  #closed = false;

  private constructor(directories: StoreDirectories, clock: Clock) {
    this.#root = directories.root;
    this.url = pathToFileURL(this.#root).href;
    this.capabilities = { createIfAbsent: true, compareAndSwap: true, localRoot: this.#root };
    this.#directories = directories;
    this.#temporaries = new TemporaryFiles(directories);
    this.#lock = new StoreLock({
      path: directories.path(LOCK_FILE),
      temporaries: this.#temporaries,
      clock,
      prng: new Prng(Number.parseInt(randomHex(4), 16)),
    });
  }

  /** Also sweeps old temporary files. Throws ENOENT without the directory, ENOTDIR, EACCES, ENAMETOOLONG. */
  static async open(options: FileObjectStoreOptions): Promise<FileObjectStore> {
    const { root, clock, createRoot = false } = options;
    try {
      if (createRoot) await makeRoot(root);
      const path = await realpath(root);
      if (path === "/") throw new FsError("EINVAL", "the root directory / cannot be a store");
      if (Buffer.byteLength(path) > ROOT_SIZE_MAX) {
        throw new FsError(
          "ENAMETOOLONG",
          `${path} has over ${ROOT_SIZE_MAX} bytes; use a shorter one`,
        );
      }
      const directories = await StoreDirectories.open(path);
      try {
        await access(path, constants.R_OK | constants.X_OK);
        const store = new FileObjectStore(directories, clock);
        await store.#sweep(clock.nowMs());
        return store;
      } catch (error) {
        await directories.close();
        throw error;
      }
    } catch (error) {
      throw toStoreError(error, `open the directory ${root} as an object store`);
    }
  }

  /** Where the object of a key is, or would be. Its file never changes in place; a swap puts another there. */
  localPath(key: string): string {
    checkKey(key);
    return this.#directories.path(key);
  }

  async create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome> {
    return this.#call("create", key, options, async (signal) => {
      const file = await this.#temporaries.write(body, signal);
      return this.#publish(key, file, signal);
    });
  }

  /**
   * Links the file in, where it is on the same file system; otherwise copies it. It is flushed here even if the
   * caller has flushed it before: a flush of a clean file is cheap, and a torn object under an immutable name is not.
   */
  async createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome> {
    return this.#call("createFromFile", key, options, async (signal) => {
      const source = await openSource(path);
      try {
        await source.datasync();
        const tag = await readTag(source);
        try {
          return await this.#link(key, { path, tag }, signal);
        } catch (error) {
          // Another file system, one without links, too many links, or a file of another user.
          if (!isCode(error, "EXDEV", "EPERM", "EOPNOTSUPP", "ENOSYS", "EMLINK")) throw error;
        }
        return await this.#publish(key, await this.#temporaries.copy(source, signal), signal);
      } finally {
        await source.close();
      }
    });
  }

  async swap(
    key: string,
    tag: string,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<SwapOutcome> {
    return this.#call("swap", key, options, async (signal): Promise<SwapOutcome> => {
      const file = await this.#temporaries.write(body, signal);
      try {
        return await this.#lock.exclusive(() => this.#replace(key, tag, file), signal);
      } finally {
        await this.#temporaries.discard(file.path);
      }
    });
  }

  async get(
    key: string,
    options?: CallOptions,
  ): Promise<{ body: Uint8Array; tag: string } | undefined> {
    return this.#call("get", key, options, (signal) =>
      this.#read(key, (file) => readWhole(file, this.#directories.path(key), signal)),
    );
  }

  async getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined> {
    return this.#call("getRange", key, options, (signal) => {
      checkRange(options);
      return this.#read(key, (file) => readRange(file, options, signal));
    });
  }

  async head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    return this.#call("head", key, options, () => this.#info(key));
  }

  async list(options: ListOptions): Promise<ListPage> {
    const { prefix, startAfter = "" } = options;
    checkPrefix(prefix);
    const limit = pageLimit(options.limit);
    return this.#run(`list ${prefix}`, options, async (signal) => {
      await this.#directories.checkRoot();
      const read = (directory: string): Promise<Dirent[] | undefined> =>
        this.#lock.shared(() => this.#entries(directory), signal);
      const keys = listKeys({ prefix, startAfter, read, root: this.#root });
      const objects: ObjectInfo[] = [];
      let next = await keys.next();
      // What is deleted meanwhile gives way to the next; a page that says truncated is never empty.
      while (next.done !== true && objects.length < limit) {
        const some: string[] = [];
        const wanted = Math.min(LIST_PARALLEL_COUNT, limit - objects.length);
        for (; next.done !== true && some.length < wanted; next = await keys.next()) {
          some.push(next.value);
        }
        signal?.throwIfAborted();
        const infos = await Promise.all(some.map((key) => this.#info(key)));
        for (const info of infos) if (info !== undefined) objects.push(info);
      }
      const truncated = next.done !== true;
      await this.#directories.checkRoot();
      return { objects, truncated };
    });
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    await this.deleteMany([key], options);
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    for (const key of keys) checkKey(key);
    for (let at = 0; at < keys.length; at += DELETE_COUNT_MAX) {
      const some = keys.slice(at, at + DELETE_COUNT_MAX);
      const doing =
        some.length === 1 ? `delete ${some[0]}` : `delete ${some[0]} and those after it`;
      await this.#run(doing, options, (signal) =>
        this.#lock.exclusive(() => this.#deleteSome(some), signal),
      );
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#lock.close();
    await this.#directories.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Checks the key, then `#run`. */
  async #call<T>(
    method: string,
    key: string,
    options: CallOptions | undefined,
    work: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    checkKey(key);
    return this.#run(`${method} ${key}`, options, work);
  }

  /** Refuses when aborted or closed, and turns what the system answers into our errors. */
  async #run<T>(
    doing: string,
    options: CallOptions | undefined,
    work: (signal: AbortSignal | undefined) => Promise<T>,
  ): Promise<T> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (this.#closed)
      throw new FsError("EBADF", `cannot ${doing}: the store ${this.url} is closed`);
    try {
      return await work(signal);
    } catch (error) {
      throw toStoreError(error, `${doing} in ${this.#root}`);
    }
  }

  /** Gives a temporary file its name; it is gone from `.tmp` afterwards in any case. */
  async #publish(
    key: string,
    file: TemporaryFile,
    signal: AbortSignal | undefined,
  ): Promise<CreateOutcome> {
    try {
      return await this.#link(key, file, signal);
    } finally {
      await this.#temporaries.discard(file.path);
    }
  }

  /** link(2) and what makes it durable. A race with a pruning deletion is run again. */
  async #link(
    key: string,
    file: TemporaryFile,
    signal: AbortSignal | undefined,
  ): Promise<CreateOutcome> {
    const directory = directoryOf(key);
    for (let attempt = 0; attempt < MAKE_ATTEMPT_COUNT_MAX; attempt++) {
      signal?.throwIfAborted();
      await this.#directories.checkRoot();
      try {
        await this.#directories.ensure(directory);
        await link(file.path, this.#directories.path(key));
      } catch (error) {
        if (isCode(error, "ENOTDIR")) throw nestedKeyError(key, `an object above it`);
        if (isCode(error, "ENOENT")) {
          if (await isThere(file.path)) continue;
          throw vanishedError(file.path, key);
        }
        if (!isCode(error, "EEXIST")) throw error;
        if (!(await this.#isTaken(key))) continue;
        await this.#directories.sync(directory);
        return { created: false };
      }
      await this.#directories.sync(directory);
      return { created: true, tag: file.tag };
    }
    throw new ObjectStoreError(
      "EBUSY",
      `the directory of ${key} is removed as often as it is made`,
      {
        retryable: true,
      },
    );
  }

  /** After EEXIST: false when an empty directory was in the way and is gone now. */
  async #isTaken(key: string): Promise<boolean> {
    const path = this.#directories.path(key);
    let stats;
    try {
      stats = await lstat(path);
    } catch (error) {
      // Deleted since: it was there when link(2) looked.
      if (isCode(error, "ENOENT")) return true;
      throw error;
    }
    if (stats.isFile()) return true;
    if (!stats.isDirectory()) {
      throw new ObjectStoreError("ELOOP", `${path} is no regular file: remove it`, {
        retryable: false,
      });
    }
    if (await this.#directories.removeEmptyTree(key)) return false;
    throw nestedKeyError(key, `objects below it`);
  }

  /** Compare and rename; the caller holds the lock. */
  async #replace(key: string, tag: string, file: TemporaryFile): Promise<SwapOutcome> {
    const path = this.#directories.path(key);
    const directory = directoryOf(key);
    await this.#directories.checkRoot();
    const present = (await this.#directories.exists(directory))
      ? await openObject(path)
      : undefined;
    if (present === undefined) return { swapped: false };
    let newTag = file.tag;
    try {
      if ((await readTag(present)) !== tag) return { swapped: false };
      newTag = await distinctTag(file, present);
    } finally {
      await present.close();
    }
    await rename(file.path, path);
    await this.#directories.sync(directory);
    return { swapped: true, tag: newTag };
  }

  /** The caller holds the lock. */
  async #deleteSome(keys: readonly string[]): Promise<void> {
    await this.#directories.checkRoot();
    const touched = new Set<string>();
    for (const key of keys) {
      const directory = directoryOf(key);
      if (!touched.has(directory) && !(await this.#directories.exists(directory))) continue;
      try {
        await unlink(this.#directories.path(key));
      } catch (error) {
        // Nothing there, an object above it, or a directory of longer keys: there is no such key.
        if (!isCode(error, "ENOENT", "ENOTDIR", "EISDIR")) throw error;
        continue;
      }
      touched.add(directory);
    }
    for (const directory of touched) await this.#directories.sync(directory);
    for (const directory of touched) await this.#directories.prune(directory);
  }

  /** undefined when there is no such object, and the store is still the one that was opened. */
  async #read<T>(key: string, use: (file: FileHandle) => Promise<T>): Promise<T | undefined> {
    const known = await this.#directories.existsAsKnown(directoryOf(key));
    const file = known ? await openObject(this.#directories.path(key)) : undefined;
    if (file === undefined) {
      await this.#directories.checkRoot();
      return undefined;
    }
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }

  async #entries(directory: string): Promise<Dirent[] | undefined> {
    if (!(await this.#directories.exists(directory))) return undefined;
    try {
      return await readdir(this.#directories.path(directory), { withFileTypes: true });
    } catch (error) {
      // Pruned since, or an object.
      if (isCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  #info(key: string): Promise<ObjectInfo | undefined> {
    return this.#read(key, (file) => infoOf(key, file));
  }

  async #sweep(nowMs: number): Promise<void> {
    try {
      await this.#temporaries.sweep(nowMs);
    } catch (error) {
      // What cannot be written to can still be read.
      if (!isCode(error, "EROFS")) throw error;
    }
  }
}

async function makeRoot(root: string): Promise<void> {
  try {
    await mkdir(root, DIRECTORY_MODE);
  } catch (error) {
    if (isCode(error, "EEXIST")) return;
    throw error;
  }
  const above = await open(dirname(await realpath(root)), constants.O_RDONLY);
  try {
    await above.sync();
  } finally {
    await above.close();
  }
}

/** Throws EINVAL unless it is a regular file: link(2) would link a symbolic link itself. */
async function openSource(path: string): Promise<FileHandle> {
  const file = await openObject(path);
  if (file !== undefined) return file;
  throw new FsError("ENOENT", `${path}, which is to become an object, is missing or a directory`);
}

async function infoOf(key: string, file: FileHandle): Promise<ObjectInfo> {
  const tag = await readTag(file);
  const { size, mtimeMs } = await file.stat();
  return { key, size, tag, modifiedMs: mtimeMs };
}

/** The tag of `file`, made to differ from that of the object it replaces where it is not of the content. */
async function distinctTag(file: TemporaryFile, present: FileHandle): Promise<string> {
  const own = await lstat(file.path, { bigint: true });
  if (own.size <= TAG_HASH_SIZE_MAX) return file.tag;
  const seconds = tagTimeAfter(await present.stat({ bigint: true }), own);
  if (seconds === undefined) return file.tag;
  await utimes(file.path, seconds, seconds);
  return identityTag(await lstat(file.path, { bigint: true }));
}

function vanishedError(path: string, key: string): ObjectStoreError {
  return new ObjectStoreError(
    "EAGAIN",
    `${path} vanished before it became ${key}: another process swept it after this one stood still, or it was removed`,
    { retryable: true },
  );
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  }
}
