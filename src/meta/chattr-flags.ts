/**
 * The flags of chattr(1) as Linux numbers them in its two interfaces, from and to those of an inode.
 * Source: include/uapi/linux/fs.h (FS_*_FL of FS_IOC_SETFLAGS, FS_XFLAG_* of FS_IOC_FSSETXATTR).
 */
import { FsError } from "../core/fs-error.ts";
import { InodeFlag } from "./inode.ts";

/** Our flag, FS_*_FL, FS_XFLAG_*; 0 where an interface has none. */
const FLAG_TABLE: readonly (readonly [number, number, number])[] = [
  [InodeFlag.SYNC, 0x8, 0x20],
  [InodeFlag.IMMUTABLE, 0x10, 0x8],
  [InodeFlag.APPEND, 0x20, 0x10],
  [InodeFlag.NODUMP, 0x40, 0x80],
  [InodeFlag.NOATIME, 0x80, 0x40],
  [InodeFlag.DIRSYNC, 0x1_0000, 0],
  [InodeFlag.PROJINHERIT, 0x2000_0000, 0x200],
];
/** ext4 says that a file has extents; setting what is read back must work, so it is taken and ignored. */
const FS_EXTENT_FL = 0x8_0000;

/** `InodeFlag` bits as FS_*_FL. */
export function toChattrFlags(flags: number): number {
  return toColumn(flags, 1);
}

/** `InodeFlag` bits as FS_XFLAG_*. */
export function toExtendedFlags(flags: number): number {
  return toColumn(flags, 2);
}

/** FS_*_FL as `InodeFlag` bits. Throws EOPNOTSUPP for a flag that is not kept. */
export function fromChattrFlags(value: number): number {
  return fromColumn(value & ~FS_EXTENT_FL, 1);
}

/** FS_XFLAG_* as `InodeFlag` bits. Throws EOPNOTSUPP for a flag that is not kept. */
export function fromExtendedFlags(value: number): number {
  return fromColumn(value, 2);
}

function toColumn(flags: number, column: 1 | 2): number {
  let value = 0;
  for (const row of FLAG_TABLE) if (flags & row[0]) value |= row[column];
  return value >>> 0;
}

function fromColumn(value: number, column: 1 | 2): number {
  let flags = 0;
  let rest = value;
  for (const row of FLAG_TABLE) {
    if (row[column] === 0 || !(value & row[column])) continue;
    flags |= row[0];
    rest &= ~row[column];
  }
  if (rest !== 0) throw new FsError("EOPNOTSUPP", `the flags ${(rest >>> 0).toString(16)}`);
  return flags;
}
