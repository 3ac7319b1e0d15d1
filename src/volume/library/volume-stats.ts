/** What stat tells of an inode, with the names that node:fs uses. */
import type { Timestamp } from "../../core/clock.ts";
import { FileType, TYPE_MASK } from "../../meta/inode.ts";
import { IO_SIZE, type FileAttributes } from "./attribute-calls.ts";

const NSEC_PER_SEC = 1_000_000_000n;

export class VolumeStats {
  readonly #attributes: FileAttributes;
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** As Linux encodes it: 12 bits of major in the middle of 20 bits of minor. */
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number = IO_SIZE;
  /** Of 512 bytes; holes are not counted. */
  readonly blocks: number;

  constructor(attributes: FileAttributes) {
    this.#attributes = attributes;
    const { rdevMajor, rdevMinor } = attributes;
    this.ino = attributes.ino;
    this.mode = attributes.mode;
    this.nlink = attributes.nlink;
    this.uid = attributes.uid;
    this.gid = attributes.gid;
    this.rdev = ((rdevMinor & 0xff) | (rdevMajor << 8) | ((rdevMinor & ~0xff) << 12)) >>> 0;
    this.size = attributes.size;
    this.blocks = attributes.blockCount;
  }

  get atimeMs(): number {
    return toMs(this.#attributes.atime);
  }
  get mtimeMs(): number {
    return toMs(this.#attributes.mtime);
  }
  get ctimeMs(): number {
    return toMs(this.#attributes.ctime);
  }
  get birthtimeMs(): number {
    return toMs(this.#attributes.birthtime);
  }
  get atime(): Date {
    return new Date(this.atimeMs);
  }
  get mtime(): Date {
    return new Date(this.mtimeMs);
  }
  get ctime(): Date {
    return new Date(this.ctimeMs);
  }
  get birthtime(): Date {
    return new Date(this.birthtimeMs);
  }
  /** Nanoseconds since 1970. */
  get atimeNs(): bigint {
    return toNs(this.#attributes.atime);
  }
  get mtimeNs(): bigint {
    return toNs(this.#attributes.mtime);
  }
  get ctimeNs(): bigint {
    return toNs(this.#attributes.ctime);
  }
  get birthtimeNs(): bigint {
    return toNs(this.#attributes.birthtime);
  }

  isFile(): boolean {
    return this.#is(FileType.REGULAR);
  }
  isDirectory(): boolean {
    return this.#is(FileType.DIRECTORY);
  }
  isSymbolicLink(): boolean {
    return this.#is(FileType.SYMLINK);
  }
  isFIFO(): boolean {
    return this.#is(FileType.FIFO);
  }
  isSocket(): boolean {
    return this.#is(FileType.SOCKET);
  }
  isBlockDevice(): boolean {
    return this.#is(FileType.BLOCK);
  }
  isCharacterDevice(): boolean {
    return this.#is(FileType.CHARACTER);
  }

  #is(type: number): boolean {
    return (this.mode & TYPE_MASK) === type;
  }
}

function toMs({ sec, nsec }: Timestamp): number {
  return sec * 1000 + nsec / 1e6;
}

function toNs({ sec, nsec }: Timestamp): bigint {
  return BigInt(sec) * NSEC_PER_SEC + BigInt(nsec);
}
