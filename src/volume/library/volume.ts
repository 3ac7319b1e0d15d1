/**
 * A volume that is open in this process, near to node:fs/promises. Paths begin at the volume's root; errors are FsErrors
 * with the code, and the order of checks, of Linux.
 *
 * What always holds: a call that resolved is in the journal, so no killed process loses it; one program or mount works
 * on a volume at a time; access is checked on behalf of the ids the volume was opened with. Calls that are made without
 * waiting for each other are executed in the order in which they were made.
 */
import { constants } from "node:fs";
import { FsError } from "../../core/fs-error.ts";
import type { Owner } from "./attribute-calls.ts";
import { openFlags, timeChange, type OpenMode, type TimeLike } from "./call-arguments.ts";
import type { DirectoryEntry } from "./directory-reader.ts";
import type { CallWeight, EngineClient } from "./engine-client.ts";
import type { EngineMethod, EngineMethodTable } from "./engine-link.ts";
import { FileHandle, PIECE_SIZE, withHeadroom } from "./file-handle.ts";
import type { Device } from "./name-calls.ts";
import {
  createAndOpen,
  openClient,
  type CreateVolumeOptions,
  type OpenedClient,
  type OpenVolumeOptions,
} from "./open-volume.ts";
import { OpenFlag } from "./open-flags.ts";
import { quote, toBuffer, toBytes, toText, type PathLike } from "./path-bytes.ts";
import { VolumeEntry } from "./volume-entry.ts";
import { VolumeStats } from "./volume-stats.ts";
import { RenameFlag } from "../../meta/ops/rename.ts";
import { XattrFlag } from "../../meta/ops/setxattr.ts";

/** Entries asked for at a time: about 300 KB of answer. */
const ENTRY_COUNT = 4096;
const FILE_MODE = 0o666;
const DIRECTORY_MODE = 0o777;
const FOLLOW = { follow: true } as const;
const NO_FOLLOW = { follow: false } as const;

export interface SignalOption {
  readonly signal?: AbortSignal | undefined;
}

export interface ReadFileOptions extends SignalOption {
  /** As text; bytes when left out. */
  readonly encoding?: "utf8" | undefined;
  readonly flag?: OpenMode | number | undefined;
}

export interface WriteFileOptions extends SignalOption {
  readonly flag?: OpenMode | number | undefined;
  /** Of a file that is made, before the umask. */
  readonly mode?: number | undefined;
  /** Flushes the file as the durability level says before this resolves. */
  readonly flush?: boolean | undefined;
}

export interface RenameOptions {
  /** EEXIST when the new name exists. */
  readonly noReplace?: boolean | undefined;
  /** The two change places. */
  readonly exchange?: boolean | undefined;
}

export interface SetXattrOptions {
  /** EEXIST when there is one. */
  readonly create?: boolean | undefined;
  /** ENODATA when there is none. */
  readonly replace?: boolean | undefined;
  /** False: of a symbolic link itself. */
  readonly follow?: boolean | undefined;
}

export interface FollowOption {
  /** False: of a symbolic link itself. */
  readonly follow?: boolean | undefined;
}

/** Counts are of blocks of `bsize` bytes. */
export interface VolumeStatfs {
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
}

export class Volume implements AsyncDisposable {
  readonly #client: EngineClient;
  readonly #opened: OpenedClient;
  #closing: Promise<void> | undefined;

  /**
   * Opens a volume: `file:///directory` or a plain path. Throws ENOENT when there is none, EBUSY (naming who) while a
   * mount or another program has it, EIO for damage.
   */
  static async open(url: string, options: OpenVolumeOptions = {}): Promise<Volume> {
    return new Volume(await openClient(url, options));
  }

  /** Makes an empty volume at `url` and opens it. Throws EEXIST when there is one. */
  static async create(url: string, options: CreateVolumeOptions = {}): Promise<Volume> {
    return new Volume(await createAndOpen(url, options));
  }

  private constructor(opened: OpenedClient) {
    this.#opened = opened;
    this.#client = opened.client;
  }

  /** 32 hex digits. */
  get uuid(): string {
    return this.#opened.uuid;
  }

  /** The absolute path of the state directory: journal, lock, packs that are not stored yet. */
  get stateDirectory(): string {
    return this.#opened.stateDirectory;
  }

  /** Resolves when all that was done before is in the store. Gives up waiting when `signal` aborts. */
  async sync({ signal }: SignalOption = {}): Promise<void> {
    await giveUpOn(signal, this.#call("store", [], ""));
  }

  /**
   * Closes what is open, stores everything and lets go of the volume. When `signal` aborts, what is not stored yet stays
   * in the state directory for the next opening, and this rejects with its reason. A second call: the same promise.
   */
  close({ signal }: SignalOption = {}): Promise<void> {
    this.#closing ??= this.#opened.close(signal);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async open(
    path: PathLike,
    flags: OpenMode | number = "r",
    mode: number = FILE_MODE,
  ): Promise<FileHandle> {
    const how = { flags: openFlags(flags), mode };
    const id = await this.#call("open", [toBytes(path), how], path);
    return new FileHandle(this.#client, id, quote(path));
  }

  readFile(
    path: PathLike,
    options: ReadFileOptions & { readonly encoding: "utf8" },
  ): Promise<string>;
  readFile(
    path: PathLike,
    options?: ReadFileOptions & { readonly encoding?: undefined },
  ): Promise<Buffer>;
  async readFile(path: PathLike, options: ReadFileOptions = {}): Promise<Buffer | string> {
    const bytes = await this.#readBytes(path, options);
    return options.encoding === "utf8" ? bytes.toString("utf8") : bytes;
  }

  /** Replaces the file, or makes it. Text is written as UTF-8. */
  async writeFile(
    path: PathLike,
    data: string | Uint8Array,
    options: WriteFileOptions = {},
  ): Promise<void> {
    const { flag = "w", mode = FILE_MODE, signal, flush = false } = options;
    signal?.throwIfAborted();
    const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
    const how = { flags: openFlags(flag), mode };
    if (bytes.length <= PIECE_SIZE && !flush) {
      const buffer = withHeadroom(bytes);
      const weight = { size: bytes.length, transfer: buffer.buffer };
      const written = await this.#call("writeFile", [toBytes(path), how, buffer], path, weight);
      demandAll(written, bytes.length, path);
      return;
    }
    await using file = await this.open(path, flag, mode);
    for (let at = 0; at < bytes.length; at += PIECE_SIZE) {
      signal?.throwIfAborted();
      const piece = bytes.subarray(at, at + PIECE_SIZE);
      const { bytesWritten } = await file.write(piece);
      demandAll(bytesWritten, piece.length, path);
    }
    if (flush) await file.sync();
  }

  async appendFile(
    path: PathLike,
    data: string | Uint8Array,
    options: WriteFileOptions = {},
  ): Promise<void> {
    await this.writeFile(path, data, { flag: "a", ...options });
  }

  async truncate(path: PathLike, size: number = 0): Promise<void> {
    await this.#call("truncate", [toBytes(path), size], path);
  }

  /** Copies a file's data by sharing what is stored; `to` is replaced, or made with the same permissions. */
  async copyFile(from: PathLike, to: PathLike): Promise<void> {
    await using source = await this.open(from);
    const { size, mode } = await source.stat();
    await using target = await this.open(to, "w", mode & 0o777);
    let done = 0;
    while (done < size) {
      const range = { sourceOffset: done, targetOffset: done, length: size - done };
      const count = await source.copyFileRange(target, range);
      if (count === 0) break;
      done += count;
    }
  }

  async stat(path: PathLike): Promise<VolumeStats> {
    return new VolumeStats(await this.#call("stat", [toBytes(path), FOLLOW], path));
  }

  async lstat(path: PathLike): Promise<VolumeStats> {
    return new VolumeStats(await this.#call("stat", [toBytes(path), NO_FOLLOW], path));
  }

  /** `mode` of constants.R_OK, W_OK and X_OK. Throws EACCES. */
  async access(path: PathLike, mode: number = constants.F_OK): Promise<void> {
    await this.#call("access", [toBytes(path), mode], path);
  }

  /** The new directory's mode is cut by the umask. With `recursive` those above are made too, and one that exists is fine. */
  async mkdir(
    path: PathLike,
    options: { readonly mode?: number | undefined; readonly recursive?: boolean | undefined } = {},
  ): Promise<void> {
    const { mode = DIRECTORY_MODE, recursive = false } = options;
    if (recursive) await this.#makeDirectories(toBytes(path), mode);
    else await this.#call("mkdir", [toBytes(path), mode], path);
  }

  /** `mode` with the type: S_IFIFO, S_IFSOCK, S_IFREG, or S_IFCHR and S_IFBLK with a device. */
  async mknod(
    path: PathLike,
    mode: number,
    device: Device = { major: 0, minor: 0 },
  ): Promise<void> {
    await this.#call("mknod", [toBytes(path), mode, device], path);
  }

  readdir(path: PathLike, options: { readonly withFileTypes: true }): Promise<VolumeEntry[]>;
  readdir(path: PathLike, options: { readonly encoding: "buffer" }): Promise<Buffer[]>;
  readdir(path: PathLike): Promise<string[]>;
  async readdir(
    path: PathLike,
    options: { readonly withFileTypes?: true; readonly encoding?: "buffer" } = {},
  ): Promise<VolumeEntry[] | Buffer[] | string[]> {
    const all = await this.#entries(path);
    const entries = all.filter(({ name }) => name !== "." && name !== "..");
    if (options.withFileTypes === true) return entries.map((entry) => new VolumeEntry(entry));
    if (options.encoding === "buffer") return entries.map(({ name }) => toBuffer(name));
    return entries.map(({ name }) => toText(name));
  }

  async rmdir(path: PathLike): Promise<void> {
    await this.#call("rmdir", [toBytes(path)], path);
  }

  async unlink(path: PathLike): Promise<void> {
    await this.#call("unlink", [toBytes(path)], path);
  }

  async rename(from: PathLike, to: PathLike, options: RenameOptions = {}): Promise<void> {
    const flags =
      (options.noReplace === true ? RenameFlag.NOREPLACE : 0) |
      (options.exchange === true ? RenameFlag.EXCHANGE : 0);
    await this.#call("rename", [toBytes(from), toBytes(to), flags], from);
  }

  async link(existing: PathLike, path: PathLike): Promise<void> {
    await this.#call("link", [toBytes(existing), toBytes(path), NO_FOLLOW], path);
  }

  async symlink(target: PathLike, path: PathLike): Promise<void> {
    await this.#call("symlink", [toBytes(target), toBytes(path)], path);
  }

  readlink(path: PathLike, options: { readonly encoding: "buffer" }): Promise<Buffer>;
  readlink(path: PathLike): Promise<string>;
  async readlink(
    path: PathLike,
    options: { readonly encoding?: "buffer" } = {},
  ): Promise<Buffer | string> {
    const target = await this.#call("readlink", [toBytes(path)], path);
    return options.encoding === "buffer" ? toBuffer(target) : toText(target);
  }

  async chmod(path: PathLike, mode: number): Promise<void> {
    await this.#call("chmod", [toBytes(path), mode], path);
  }

  /** undefined leaves that id as it is. */
  async chown(path: PathLike, owner: Owner): Promise<void> {
    await this.#call("chown", [toBytes(path), owner, FOLLOW], path);
  }

  async lchown(path: PathLike, owner: Owner): Promise<void> {
    await this.#call("chown", [toBytes(path), owner, NO_FOLLOW], path);
  }

  async utimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void> {
    const times = { atime: timeChange(atime), mtime: timeChange(mtime) };
    await this.#call("utimes", [toBytes(path), times, FOLLOW], path);
  }

  async lutimes(path: PathLike, atime: TimeLike, mtime: TimeLike): Promise<void> {
    const times = { atime: timeChange(atime), mtime: timeChange(mtime) };
    await this.#call("utimes", [toBytes(path), times, NO_FOLLOW], path);
  }

  /** Throws ENODATA when there is none. */
  async getxattr(path: PathLike, name: string, options: FollowOption = {}): Promise<Buffer> {
    const how = { follow: options.follow ?? true };
    const value = await this.#call("getxattr", [toBytes(path), toBytes(name), how], path);
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }

  async setxattr(
    path: PathLike,
    name: string,
    value: string | Uint8Array,
    options: SetXattrOptions = {},
  ): Promise<void> {
    const flags =
      (options.create === true ? XattrFlag.CREATE : 0) |
      (options.replace === true ? XattrFlag.REPLACE : 0);
    const attribute = { name: toBytes(name), value: Uint8Array.from(Buffer.from(value)), flags };
    const how = { follow: options.follow ?? true };
    await this.#call("setxattr", [toBytes(path), attribute, how], path);
  }

  async listxattrs(path: PathLike, options: FollowOption = {}): Promise<string[]> {
    const how = { follow: options.follow ?? true };
    return (await this.#call("listxattr", [toBytes(path), how], path)).map(toText);
  }

  async removexattr(path: PathLike, name: string, options: FollowOption = {}): Promise<void> {
    const how = { follow: options.follow ?? true };
    await this.#call("removexattr", [toBytes(path), toBytes(name), how], path);
  }

  async statfs(): Promise<VolumeStatfs> {
    const usage = await this.#call("statfs", [], "");
    return {
      bsize: usage.blockSize,
      blocks: usage.blockCount,
      bfree: usage.freeCount,
      bavail: usage.freeCount,
      files: usage.fileCount,
      ffree: usage.fileFreeCount,
    };
  }

  async #readBytes(path: PathLike, { flag = "r", signal }: ReadFileOptions): Promise<Buffer> {
    signal?.throwIfAborted();
    const args: Parameters<EngineMethodTable["readFile"]> = [
      toBytes(path),
      openFlags(flag),
      PIECE_SIZE,
    ];
    const whole = await this.#call("readFile", args, path, { size: PIECE_SIZE });
    if (whole !== undefined) return Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength);
    await using file = await this.open(path, flag);
    const parts: Buffer[] = [];
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_SIZE));
      parts.push(buffer.subarray(0, bytesRead));
      if (bytesRead < PIECE_SIZE) return Buffer.concat(parts);
    }
  }

  async #entries(path: PathLike): Promise<DirectoryEntry[]> {
    const all = await this.#call("readdir", [toBytes(path), ENTRY_COUNT], path);
    if (all !== undefined) return all;
    const how = { flags: OpenFlag.RDONLY | OpenFlag.DIRECTORY, mode: 0 };
    const id = await this.#call("open", [toBytes(path), how], path);
    try {
      const entries: DirectoryEntry[] = [];
      for (;;) {
        const range = { after: entries.at(-1)?.cookie ?? 0, limit: ENTRY_COUNT };
        const some = await this.#call("handleEntries", [id, range], path);
        entries.push(...some);
        if (some.length < ENTRY_COUNT) return entries;
      }
    } finally {
      await this.#call("close", [id], path);
    }
  }

  /** From the longest part of the path that exists downwards. */
  async #makeDirectories(path: string, mode: number): Promise<void> {
    try {
      await this.#call("mkdir", [path, mode], toBuffer(path));
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      if (error.code === "EEXIST") {
        const { mode: found } = await this.#call("stat", [path, FOLLOW], toBuffer(path));
        if ((found & constants.S_IFMT) === constants.S_IFDIR) return;
        throw error;
      }
      const slash = path.replace(/\/+$/, "").lastIndexOf("/");
      if (error.code !== "ENOENT" || slash <= 0) throw error;
      await this.#makeDirectories(path.slice(0, slash), mode);
      await this.#makeDirectories(path, mode);
    }
  }

  #call<M extends EngineMethod>(
    method: M,
    args: Parameters<EngineMethodTable[M]>,
    subject: PathLike,
    weight?: CallWeight,
  ): Promise<ReturnType<EngineMethodTable[M]>> {
    return this.#client.call(method, args, subject === "" ? "" : quote(subject), weight);
  }
}

/** A write that ends early has met the end of the room. */
function demandAll(written: number, wanted: number, path: PathLike): void {
  if (written === wanted) return;
  throw new FsError("ENOSPC", `write ${quote(path)}: only ${written} of ${wanted} bytes had room`);
}

function giveUpOn<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(signal.reason as Error);
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    void work.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}
