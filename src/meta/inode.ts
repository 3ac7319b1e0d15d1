/**
 * An inode as the engine holds it, and its compact row.
 *
 * The row (a blob, about 20 bytes for a fresh file; all varints are ByteWriter's):
 *
 *    u8 format (1) · u8 shape bits · uvarint mode · uvarint uid · uvarint gid · uvarint nlink · uvarint size
 *    svarint mtime.sec · u32 mtime.nsec · then by shape bits ctime, atime, btime: svarint sec less mtime's, u32 nsec;
 *    without its bit ctime and atime are as mtime, btime as atime
 *    · by shape bits: rdev · flags · allocated (else: size) · parent and nextCookie (directories) · projid
 *
 * A format other than 1 is refused. Times are in seconds and nanoseconds since 1970, at most `TIME_SEC_MAX` from it;
 * sizes in bytes.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { Timestamp } from "../core/clock.ts";
import { CorruptError } from "../core/fs-error.ts";
import type { Ino } from "../core/ids.ts";

/** File type bits of `mode`. Source: include/uapi/linux/stat.h. */
export const FileType = {
  FIFO: 0o010000,
  CHARACTER: 0o020000,
  DIRECTORY: 0o040000,
  BLOCK: 0o060000,
  REGULAR: 0o100000,
  SYMLINK: 0o120000,
  SOCKET: 0o140000,
} as const;
export const TYPE_MASK = 0o170000;
export const MODE_MASK = 0o7777;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_ISVTX = 0o1000;

/** Times further from 1970 are moved to it, as every filesystem does with what it cannot store. 8.9 million years. */
export const TIME_SEC_MAX: number = 2 ** 48;

/** What an inode is, beyond its mode. The low bits are chattr's, the high ones remember which xattrs exist. */
export const InodeFlag = {
  IMMUTABLE: 1,
  APPEND: 2,
  NOATIME: 4,
  NODUMP: 8,
  SYNC: 16,
  DIRSYNC: 32,
  PROJINHERIT: 64,
  /** Some xattr is set (ACLs included). */
  XATTR: 256,
  ACCESS_ACL: 512,
  DEFAULT_ACL: 1024,
  CAPABILITY: 2048,
  /** Made without a name (O_TMPFILE) and never linked: the one kind of orphan that may get a name. */
  LINKABLE: 4096,
} as const;

/** The flags of chattr(1), as opposed to what the engine remembers for itself. */
export const CHATTR_FLAGS: number =
  InodeFlag.IMMUTABLE |
  InodeFlag.APPEND |
  InodeFlag.NOATIME |
  InodeFlag.NODUMP |
  InodeFlag.SYNC |
  InodeFlag.DIRSYNC |
  InodeFlag.PROJINHERIT;

const FORMAT = 1;
const Shape = {
  CTIME: 1,
  ATIME: 2,
  BTIME: 4,
  RDEV: 8,
  FLAGS: 16,
  ALLOCATED: 32,
  DIRECTORY: 64,
  PROJID: 128,
} as const;

export class Inode {
  readonly ino: Ino;
  /** Type and permission bits. */
  mode = 0;
  uid = 0;
  gid = 0;
  nlink = 0;
  /** As Linux encodes it for FUSE (new_encode_dev); 0 unless a device. */
  rdev = 0;
  size = 0;
  /** `InodeFlag` bits. */
  flags = 0;
  projid = 0;
  /** Bytes that slices cover (holes are not counted); dirty data is added by vfs. */
  allocated = 0;
  /** Directories: the one that holds it; 0 while it is not linked anywhere. Otherwise 0. */
  parent = 0;
  /** Directories: the cookie the next new entry gets. */
  nextCookie = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  btimeSec = 0;
  btimeNsec = 0;
  /** Differs from its row; kept by MetaState alone. */
  dirty = false;

  constructor(ino: Ino) {
    this.ino = ino;
  }

  get type(): number {
    return this.mode & TYPE_MASK;
  }

  isDirectory(): boolean {
    return (this.mode & TYPE_MASK) === FileType.DIRECTORY;
  }

  isRegular(): boolean {
    return (this.mode & TYPE_MASK) === FileType.REGULAR;
  }

  isSymlink(): boolean {
    return (this.mode & TYPE_MASK) === FileType.SYMLINK;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  setMtimeAndCtime(now: Timestamp): void {
    this.mtimeSec = now.sec;
    this.mtimeNsec = now.nsec;
    this.ctimeSec = now.sec;
    this.ctimeNsec = now.nsec;
  }

  setCtime(now: Timestamp): void {
    this.ctimeSec = now.sec;
    this.ctimeNsec = now.nsec;
  }

  setAllTimes(now: Timestamp): void {
    this.setMtimeAndCtime(now);
    this.atimeSec = now.sec;
    this.atimeNsec = now.nsec;
    this.btimeSec = now.sec;
    this.btimeNsec = now.nsec;
  }
}

export function encodeInode(into: ByteWriter, inode: Inode): void {
  const { mtimeSec, mtimeNsec } = inode;
  let shape = 0;
  if (inode.ctimeSec !== mtimeSec || inode.ctimeNsec !== mtimeNsec) shape |= Shape.CTIME;
  if (inode.atimeSec !== mtimeSec || inode.atimeNsec !== mtimeNsec) shape |= Shape.ATIME;
  if (inode.btimeSec !== inode.atimeSec || inode.btimeNsec !== inode.atimeNsec) {
    shape |= Shape.BTIME;
  }
  if (inode.rdev !== 0) shape |= Shape.RDEV;
  if (inode.flags !== 0) shape |= Shape.FLAGS;
  if (inode.allocated !== inode.size) shape |= Shape.ALLOCATED;
  if (inode.parent !== 0 || inode.nextCookie !== 0) shape |= Shape.DIRECTORY;
  if (inode.projid !== 0) shape |= Shape.PROJID;
  into.u8(FORMAT);
  into.u8(shape);
  into.uvarint(inode.mode);
  into.uvarint(inode.uid);
  into.uvarint(inode.gid);
  into.uvarint(inode.nlink);
  into.uvarint(inode.size);
  into.svarint(mtimeSec);
  into.u32(inode.mtimeNsec);
  if (shape & Shape.CTIME) encodeTime(into, inode.ctimeSec - mtimeSec, inode.ctimeNsec);
  if (shape & Shape.ATIME) encodeTime(into, inode.atimeSec - mtimeSec, inode.atimeNsec);
  if (shape & Shape.BTIME) encodeTime(into, inode.btimeSec - mtimeSec, inode.btimeNsec);
  if (shape & Shape.RDEV) into.uvarint(inode.rdev);
  if (shape & Shape.FLAGS) into.uvarint(inode.flags);
  if (shape & Shape.ALLOCATED) into.uvarint(inode.allocated);
  if (shape & Shape.DIRECTORY) {
    into.uvarint(inode.parent);
    into.uvarint(inode.nextCookie);
  }
  if (shape & Shape.PROJID) into.uvarint(inode.projid);
}

/** Throws CorruptError on an unknown format, a short row or one with bytes left over. */
export function decodeInode(from: ByteReader, ino: Ino): Inode {
  const format = from.u8();
  if (format !== FORMAT) {
    throw new CorruptError(
      `inode ${ino} is stored in format ${format}, this version reads ${FORMAT}`,
    );
  }
  const shape = from.u8();
  const inode = new Inode(ino);
  inode.mode = from.uvarint();
  inode.uid = from.uvarint();
  inode.gid = from.uvarint();
  inode.nlink = from.uvarint();
  inode.size = from.uvarint();
  inode.mtimeSec = from.svarint();
  inode.mtimeNsec = from.u32();
  inode.ctimeSec = inode.mtimeSec + (shape & Shape.CTIME ? from.svarint() : 0);
  inode.ctimeNsec = shape & Shape.CTIME ? from.u32() : inode.mtimeNsec;
  inode.atimeSec = inode.mtimeSec + (shape & Shape.ATIME ? from.svarint() : 0);
  inode.atimeNsec = shape & Shape.ATIME ? from.u32() : inode.mtimeNsec;
  inode.btimeSec = shape & Shape.BTIME ? inode.mtimeSec + from.svarint() : inode.atimeSec;
  inode.btimeNsec = shape & Shape.BTIME ? from.u32() : inode.atimeNsec;
  if (shape & Shape.RDEV) inode.rdev = from.uvarint();
  if (shape & Shape.FLAGS) inode.flags = from.uvarint();
  inode.allocated = shape & Shape.ALLOCATED ? from.uvarint() : inode.size;
  if (shape & Shape.DIRECTORY) {
    inode.parent = from.uvarint();
    inode.nextCookie = from.uvarint();
  }
  if (shape & Shape.PROJID) inode.projid = from.uvarint();
  from.finish();
  return inode;
}

function encodeTime(into: ByteWriter, secDifference: number, nsec: number): void {
  into.svarint(secDifference);
  into.u32(nsec);
}
