/** Open files and directory streams of the model. */
import { FsError } from "../../src/core/fs-error.ts";
import type {
  Caller,
  Owner,
  PosixStat,
  TimeChanges,
} from "../conformance/posix/posix-directory.ts";
import type {
  CopyRange,
  PosixDirectoryStream,
  PosixEntry,
  PosixFile,
} from "../conformance/posix/posix-file.ts";
import {
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
} from "../support/posix-constants.ts";
import { chmod, chown, utimens } from "./model-attributes.ts";
import type { ModelFs } from "./model-fs.ts";
import type { ModelInode } from "./model-inode.ts";
import { ModelNames } from "./model-names.ts";

/** O_RDONLY, O_WRONLY and O_RDWR. */
const ACCESS_MODE = 3;
/** Fixed part of a directory entry in a buffer, as getdents64(2) has it, and its alignment. */
const ENTRY_HEADER_SIZE = 20;
const ENTRY_ALIGNMENT = 8;
/** Of 512 bytes. */
const BLOCKS_A_PAGE = 8;

export interface ModelContext {
  readonly fs: ModelFs;
  readonly caller: Caller;
}

export class ModelFile implements PosixFile {
  readonly inode: ModelInode;
  readonly flags: number;
  readonly #context: ModelContext;

  constructor(context: ModelContext, inode: ModelInode, flags: number) {
    this.#context = context;
    this.inode = inode;
    this.flags = flags;
  }

  get isReadable(): boolean {
    return (this.flags & ACCESS_MODE) !== O_WRONLY;
  }
  get isWritable(): boolean {
    return (this.flags & ACCESS_MODE) !== O_RDONLY;
  }

  as(caller: Partial<Caller>): PosixFile {
    const context = { ...this.#context, caller: { ...this.#context.caller, ...caller } };
    return new ModelFile(context, this.inode, this.flags);
  }

  read(offset: number | bigint, size: number): Uint8Array {
    if (!this.isReadable) throw new FsError("EBADF", "not open for reading");
    if (offset < 0) throw new FsError("EINVAL", `offset ${offset}`);
    if (this.inode.isDirectory) throw new FsError("EISDIR", "a directory");
    if (size > 0) this.inode.stampRead(this.#now());
    return this.inode.content.read(Number(offset), size);
  }

  write(offset: number | bigint, bytes: Uint8Array): number {
    if (!this.isWritable) throw new FsError("EBADF", "not open for writing");
    if (offset < 0) throw new FsError("EINVAL", `offset ${offset}`);
    if (bytes.length === 0) return 0;
    const { content } = this.inode;
    const at = (this.flags & O_APPEND) === 0 ? BigInt(offset) : BigInt(content.size);
    const room = BigInt(this.#context.fs.options.fileSizeMax) - at;
    if (room <= 0n) throw new FsError("EFBIG", `offset ${at}`);
    const data = room < bytes.length ? bytes.subarray(0, Number(room)) : bytes;
    this.#change();
    content.write(Number(at), data);
    return data.length;
  }

  truncate(size: number | bigint): void {
    if (size < 0) throw new FsError("EINVAL", `size ${size}`);
    if (!this.inode.isFile || !this.isWritable) throw new FsError("EINVAL", "not for writing");
    truncateInode(this.#context, this.inode, size);
  }

  allocate(mode: number, offset: number | bigint, length: number | bigint): void {
    if (offset < 0 || length <= 0) throw new FsError("EINVAL", `${offset}, ${length}`);
    const kind = mode & ~FALLOC_FL_KEEP_SIZE;
    if (!this.#supports(mode)) throw new FsError("EOPNOTSUPP", `mode ${mode}`);
    if (!this.isWritable) throw new FsError("EBADF", "not open for writing");
    if (this.inode.isDirectory) throw new FsError("EISDIR", "a directory");
    const { fileSizeMax } = this.#context.fs.options;
    const end = BigInt(offset) + BigInt(length);
    if (end > BigInt(fileSizeMax)) throw new FsError("EFBIG", `end ${end}`);
    const range = { offset: Number(offset), length: Number(length) };
    if (kind === FALLOC_FL_COLLAPSE_RANGE || kind === FALLOC_FL_INSERT_RANGE) {
      this.#shift(kind, range);
      return;
    }
    this.#change();
    const { content } = this.inode;
    if (kind !== 0) content.zero(range.offset, range.length);
    if ((mode & FALLOC_FL_KEEP_SIZE) === 0) content.size = Math.max(content.size, Number(end));
  }

  #shift(kind: number, { offset, length }: { offset: number; length: number }): void {
    const { allocationUnit = 1, fileSizeMax } = this.#context.fs.options;
    const { content } = this.inode;
    if (offset % allocationUnit !== 0 || length % allocationUnit !== 0) {
      throw new FsError("EINVAL", `${offset}, ${length} are not multiples of ${allocationUnit}`);
    }
    if (kind === FALLOC_FL_COLLAPSE_RANGE) {
      if (offset + length >= content.size) throw new FsError("EINVAL", "reaches the end");
      this.#change();
      content.collapse(offset, length);
      return;
    }
    if (content.size + length > fileSizeMax) throw new FsError("EFBIG", `${length} more`);
    if (offset >= content.size) throw new FsError("EINVAL", "begins past the end");
    this.#change();
    content.insert(offset, length);
  }

  seek(kind: "data" | "hole", offset: number | bigint): number {
    const found = this.inode.content.seek(kind, Number(offset));
    if (found === undefined) throw new FsError("ENXIO", `${kind} from ${offset}`);
    return found;
  }

  copyTo(target: PosixFile, { from, to, length }: CopyRange): number {
    if (!(target instanceof ModelFile)) throw new TypeError("the target is of another driver");
    const [source, sink] = [this.inode, target.inode];
    if (source.isDirectory || sink.isDirectory) throw new FsError("EISDIR", "a directory");
    const appends = (target.flags & O_APPEND) !== 0;
    if (!this.isReadable || !target.isWritable || appends) throw new FsError("EBADF", "handles");
    const { fileSizeMax } = this.#context.fs.options;
    let count = Math.max(0, Math.min(length, source.content.size - from));
    if (to >= fileSizeMax) throw new FsError("EFBIG", `offset ${to}`);
    count = Math.min(count, fileSizeMax - to);
    if (source === sink && to + count > from && to < from + count) {
      throw new FsError("EINVAL", "the ranges overlap");
    }
    if (count === 0) return 0;
    const data = source.content.read(from, count);
    this.#change(sink);
    sink.content.write(to, data);
    return count;
  }

  sync(_kind: "data" | "all"): void {}

  stat(): PosixStat {
    return statOf(this.inode);
  }

  chmod(mode: number): void {
    chmod(this.inode, this.#context.caller, mode, this.#now());
  }

  chown(owner: Owner): void {
    chown(this.inode, this.#context.caller, owner, this.#now());
  }

  utimens(times: TimeChanges): void {
    utimens(this.inode, this.#context.caller, times, this.#now());
  }

  linkAs(path: string): void {
    new ModelNames(this.#context.fs, this.#context.caller).linkInode(this.inode, path);
  }

  close(): void {}

  [Symbol.dispose](): void {}

  #supports(mode: number): boolean {
    const keeps = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
    const kind = mode & ~FALLOC_FL_KEEP_SIZE;
    if (kind === 0 || kind === FALLOC_FL_ZERO_RANGE) return true;
    if (kind === FALLOC_FL_PUNCH_HOLE) return keeps;
    const isShift = kind === FALLOC_FL_COLLAPSE_RANGE || kind === FALLOC_FL_INSERT_RANGE;
    return !keeps && isShift && this.#context.fs.options.allocationUnit !== undefined;
  }

  #now(): bigint {
    return this.#context.fs.options.now();
  }

  #change(inode: ModelInode = this.inode): void {
    inode.dropPrivileges(this.#context.caller);
    inode.stampChange(this.#now());
  }
}

export class ModelDirectoryStream implements PosixDirectoryStream {
  readonly #context: ModelContext;
  readonly #inode: ModelInode;
  #position = 0n;

  constructor(context: ModelContext, inode: ModelInode) {
    this.#context = context;
    this.#inode = inode;
  }

  read(bufferSize: number): PosixEntry[] {
    if (this.#inode.nlink === 0) throw new FsError("ENOENT", "the directory was removed");
    this.#inode.stampRead(this.#context.fs.options.now());
    const page: PosixEntry[] = [];
    let left = bufferSize;
    for (const entry of this.#entries()) {
      if (entry.cookie <= this.#position) continue;
      const size = ENTRY_HEADER_SIZE + entry.name.length;
      left -= Math.ceil(size / ENTRY_ALIGNMENT) * ENTRY_ALIGNMENT;
      if (left < 0) break;
      page.push(entry);
    }
    this.#position = page.at(-1)?.cookie ?? this.#position;
    return page;
  }

  seek(cookie: bigint): void {
    this.#position = cookie;
  }

  sync(): void {}

  close(): void {}

  [Symbol.dispose](): void {}

  *#entries(): Generator<PosixEntry> {
    const directory = this.#inode;
    yield entryOf(".", directory, 1n);
    yield entryOf("..", directory.parent, 2n);
    for (const [name, { inode, cookie }] of directory.entries) yield entryOf(name, inode, cookie);
  }
}

function entryOf(name: string, inode: ModelInode, cookie: bigint): PosixEntry {
  return { name, ino: inode.ino, type: inode.type >> 12, cookie };
}

/** Throws EFBIG. */
export function truncateInode(
  { fs, caller }: ModelContext,
  inode: ModelInode,
  size: number | bigint,
): void {
  if (BigInt(size) > BigInt(fs.options.fileSizeMax)) throw new FsError("EFBIG", `size ${size}`);
  inode.dropPrivileges(caller);
  inode.content.truncate(Number(size));
  inode.stampChange(fs.options.now());
}

export function statOf(inode: ModelInode): PosixStat {
  return {
    ino: inode.ino,
    mode: inode.mode,
    nlink: inode.nlink,
    uid: inode.uid,
    gid: inode.gid,
    rdevMajor: inode.rdevMajor,
    rdevMinor: inode.rdevMinor,
    size: inode.size,
    blockCount: inode.content.pageCount * BLOCKS_A_PAGE,
    atimeNs: inode.atimeNs,
    mtimeNs: inode.mtimeNs,
    ctimeNs: inode.ctimeNs,
    birthtimeNs: inode.birthtimeNs,
  };
}
