/** The model behind the interface of the POSIX suites. It has no ACLs, file flags, handles by inode, locks or mappings: those nouns throw. */
import { FsError } from "../../src/core/fs-error.ts";
import { ROOT_CALLER } from "../conformance/posix/linux-context.ts";
import {
  type Caller,
  type Device,
  DIRECTORY_MODE,
  type ExtendedFlags,
  FILE_MODE,
  type FileHandle,
  type FollowOption,
  type Owner,
  type PosixAttributes,
  type PosixDirectory,
  type PosixHandles,
  type PosixStat,
  type PosixStatfs,
  type PosixXattrs,
  type TimeChanges,
  type XattrReadOptions,
  type XattrSetOptions,
} from "../conformance/posix/posix-directory.ts";
import type { PosixDirectoryStream, PosixFile } from "../conformance/posix/posix-file.ts";
import type { PosixLocks, PosixMapping, PosixMappings } from "../conformance/posix/posix-memory.ts";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  R_OK,
  S_IFREG,
  W_OK,
  X_OK,
} from "../support/posix-constants.ts";
import {
  chmod,
  chown,
  demandXattrArguments,
  getXattr,
  listXattrs,
  removeXattr,
  setXattr,
  utimens,
} from "./model-attributes.ts";
import {
  type ModelContext,
  ModelDirectoryStream,
  ModelFile,
  statOf,
  truncateInode,
} from "./model-file.ts";
import { ModelFs, type ModelOptions, type ModelPlace } from "./model-fs.ts";
import type { ModelInode } from "./model-inode.ts";
import { ModelNames } from "./model-names.ts";

const ACCESS_MODE = 3;
/** Says that a caller gave no size, as Linux reads 0. */
const ANY_SIZE = 0;

/** An empty tree, seen by root. */
export function createModel(options: ModelOptions): ModelDirectory {
  return new ModelDirectory({ fs: new ModelFs(options), caller: ROOT_CALLER });
}

export class ModelDirectory implements PosixDirectory {
  readonly attributes: PosixAttributes;
  readonly xattrs: PosixXattrs;
  readonly handles: PosixHandles = noHandles;
  readonly locks: PosixLocks = noLocks;
  readonly mappings: PosixMappings = noMappings;
  readonly #context: ModelContext;
  readonly #names: ModelNames;

  constructor(context: ModelContext) {
    this.#context = context;
    this.#names = new ModelNames(context.fs, context.caller);
    this.attributes = new ModelAttributes(context);
    this.xattrs = new ModelXattrs(context);
  }

  as(caller: Partial<Caller>): PosixDirectory {
    return new ModelDirectory({
      ...this.#context,
      caller: { ...this.#context.caller, ...caller },
    });
  }

  mkdir(path: string, mode: number = DIRECTORY_MODE): void {
    this.#names.mkdir(path, mode);
  }
  mknod(path: string, mode: number, device: Device = { major: 0, minor: 0 }): void {
    this.#names.mknod(path, mode, device);
  }
  symlink(target: string, path: string): void {
    this.#names.symlink(target, path);
  }
  link(from: string, to: string, { follow = false }: FollowOption = {}): void {
    this.#names.link(from, to, follow);
  }
  unlink(path: string): void {
    this.#names.unlink(path);
  }
  rmdir(path: string): void {
    this.#names.rmdir(path);
  }
  rename(from: string, to: string, flags: number = 0): void {
    this.#names.rename(from, to, flags);
  }

  open(path: string, flags: number, mode: number = FILE_MODE): PosixFile {
    const { fs, caller } = this.#context;
    if ((flags & O_TMPFILE) === O_TMPFILE) return this.#openTemporary(path, flags, mode);
    const isExclusive = (flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0;
    const follow = (flags & O_NOFOLLOW) === 0 && !isExclusive;
    const place = fs.locate(caller, path, follow);
    if (place.inode === undefined) return this.#openNew(place, flags, mode);
    if (isExclusive) throw new FsError("EEXIST", path);
    return this.#openExisting(place, place.inode, flags);
  }

  #openNew(place: ModelPlace, flags: number, mode: number): PosixFile {
    const { fs, caller } = this.#context;
    if ((flags & O_CREAT) === 0) throw new FsError("ENOENT", place.name);
    const { directory } = place;
    if (directory.nlink === 0) throw new FsError("ENOENT", place.name);
    directory.demand(caller, W_OK | X_OK);
    const inode = fs.create({ directory, mode: S_IFREG | (mode & 0o7777), caller });
    fs.attach(place, inode);
    return new ModelFile(this.#context, inode, flags);
  }

  #openExisting({ directory }: ModelPlace, inode: ModelInode, flags: number): PosixFile {
    const wanted = [R_OK, W_OK, R_OK | W_OK][flags & ACCESS_MODE] ?? 0;
    const truncates = (flags & O_TRUNC) !== 0;
    if ((flags & O_CREAT) !== 0) {
      if (inode.isDirectory) throw new FsError("EISDIR", "a directory");
      directory.demandOpenInSticky(this.#context.caller, inode);
    }
    if (!inode.isDirectory && (flags & O_DIRECTORY) !== 0) throw new FsError("ENOTDIR", "a file");
    if (inode.isLink) throw new FsError("ELOOP", "a link");
    const asked = wanted | (truncates ? W_OK : 0);
    if (inode.isDirectory && (asked & W_OK) !== 0) throw new FsError("EISDIR", "a directory");
    inode.demand(this.#context.caller, asked);
    if (!inode.isFile && !inode.isDirectory) throw new FsError("ENXIO", "nobody behind it");
    if (truncates) truncateInode(this.#context, inode, 0);
    return new ModelFile(this.#context, inode, flags);
  }

  #openTemporary(path: string, flags: number, mode: number): PosixFile {
    const { fs, caller } = this.#context;
    if ((flags & ACCESS_MODE) === O_RDONLY) throw new FsError("EINVAL", "not for writing");
    const directory = fs.find(caller, path, true);
    if (!directory.isDirectory) throw new FsError("ENOTDIR", path);
    directory.demand(caller, W_OK | X_OK);
    const inode = fs.create({ directory, mode: S_IFREG | (mode & 0o7777), caller });
    inode.isLinkable = (flags & O_EXCL) === 0;
    return new ModelFile(this.#context, inode, flags);
  }

  readlink(path: string): string {
    const inode = this.#find(path, false);
    if (!inode.isLink) throw new FsError("EINVAL", path);
    inode.stampRead(this.#context.fs.options.now());
    return inode.target;
  }

  openDirectory(path: string): PosixDirectoryStream {
    const inode = this.#find(path, true);
    if (!inode.isDirectory) throw new FsError("ENOTDIR", path);
    inode.demand(this.#context.caller, R_OK);
    return new ModelDirectoryStream(this.#context, inode);
  }

  stat(path: string): PosixStat {
    return statOf(this.#find(path, true));
  }
  lstat(path: string): PosixStat {
    return statOf(this.#find(path, false));
  }
  access(path: string, mode: number): void {
    this.#find(path, true).demand(this.#context.caller, mode);
  }

  statfs(path: string): PosixStatfs {
    this.#find(path, true);
    const count = 2 ** 40;
    return {
      blockSize: 4096,
      blockCount: count,
      freeCount: count,
      availableCount: count,
      fileCount: count,
      fileFreeCount: count,
      nameSizeMax: 255,
    };
  }

  #find(path: string, follow: boolean): ModelInode {
    return this.#context.fs.find(this.#context.caller, path, follow);
  }
}

class ModelAttributes implements PosixAttributes {
  readonly #context: ModelContext;

  constructor(context: ModelContext) {
    this.#context = context;
  }

  chmod(path: string, mode: number): void {
    chmod(this.#find(path), this.#context.caller, mode, this.#now());
  }
  chown(path: string, owner: Owner, options: FollowOption = {}): void {
    chown(this.#find(path, options), this.#context.caller, owner, this.#now());
  }
  /** With nothing to set Linux does not even look at the path. */
  utimens(path: string, times: TimeChanges, options: FollowOption = {}): void {
    if (times.atime === "omit" && times.mtime === "omit") return;
    utimens(this.#find(path, options), this.#context.caller, times, this.#now());
  }

  truncate(path: string, size: number | bigint): void {
    if (size < 0) throw new FsError("EINVAL", `size ${size}`);
    const inode = this.#find(path);
    if (inode.isDirectory) throw new FsError("EISDIR", path);
    if (!inode.isFile) throw new FsError("EINVAL", path);
    inode.demand(this.#context.caller, W_OK);
    truncateInode(this.#context, inode, size);
  }

  getFlags(): number {
    throw notModelled("file flags");
  }
  setFlags(): void {
    throw notModelled("file flags");
  }
  getExtended(): ExtendedFlags {
    throw notModelled("file flags");
  }
  setExtended(): void {
    throw notModelled("file flags");
  }

  #find(path: string, { follow = true }: FollowOption = {}): ModelInode {
    return this.#context.fs.find(this.#context.caller, path, follow);
  }
  #now(): bigint {
    return this.#context.fs.options.now();
  }
}

class ModelXattrs implements PosixXattrs {
  readonly #context: ModelContext;

  constructor(context: ModelContext) {
    this.#context = context;
  }

  get(path: string, name: string, options: XattrReadOptions = {}): Uint8Array {
    demandXattrArguments(name, 0, 0);
    const inode = this.#find(path, options);
    return getXattr(inode, this.#context.caller, name, options.bufferSize ?? ANY_SIZE);
  }
  set(path: string, name: string, value: Uint8Array, options: XattrSetOptions = {}): void {
    const { flags = 0 } = options;
    demandXattrArguments(name, value.length, flags);
    const now = this.#context.fs.options.now();
    const inode = this.#find(path, options);
    setXattr(inode, this.#context.caller, { name, value, flags, now });
  }
  list(path: string, options: XattrReadOptions = {}): string[] {
    const inode = this.#find(path, options);
    return listXattrs(inode, this.#context.caller, options.bufferSize ?? ANY_SIZE);
  }
  remove(path: string, name: string, options: FollowOption = {}): void {
    demandXattrArguments(name, 0, 0);
    const inode = this.#find(path, options);
    removeXattr(inode, this.#context.caller, name, this.#context.fs.options.now());
  }

  #find(path: string, { follow = true }: FollowOption): ModelInode {
    return this.#context.fs.find(this.#context.caller, path, follow);
  }
}

function notModelled(noun: string): Error {
  return new Error(`the model has no ${noun}`);
}

const noHandles: PosixHandles = {
  encode(): FileHandle {
    throw notModelled("handles");
  },
  open(): PosixFile {
    throw notModelled("handles");
  },
};

const noLocks: PosixLocks = {
  flock() {
    throw notModelled("locks");
  },
  lockRange() {
    throw notModelled("locks");
  },
  lockForProcess() {
    throw notModelled("locks");
  },
  tryFromAnotherProcess() {
    throw notModelled("locks");
  },
};

const noMappings: PosixMappings = {
  map(): PosixMapping {
    throw notModelled("mappings");
  },
};
