/** Calls that read and change attributes. Source: fs/open.c (vfs_truncate, do_faccessat), fs/utimes.c, fs/stat.c. */
import type { Timestamp } from "../../core/clock.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import type { Ino } from "../../core/ids.ts";
import { NAME_SIZE_MAX } from "../../core/limits.ts";
import { ID_UNCHANGED, modeWithoutSetId } from "../../meta/attribute-change.ts";
import { CHATTR_FLAGS, S_ISGID, S_ISUID, type Inode } from "../../meta/inode.ts";
import { setInodeFlags } from "../../meta/ops/set-inode-flags.ts";
import { Access, checkAccess, isInGroup } from "../../meta/permission.ts";
import { allocatedBytes } from "../../vfs/extent-walk.ts";
import { setattr, type SetattrArgs } from "../../vfs/ops/setattr.ts";
import type { PosixSession } from "./posix-session.ts";

/** Programs size their buffers by st_blksize. */
export const IO_SIZE: number = 128 * 1024;
/** st_blocks counts these. */
const SECTOR_SIZE = 512;
/** Unit of statfs's counts, and the alignment that fallocate's shifting asks for. */
const STATFS_BLOCK_SIZE = 4096;

export interface FileAttributes {
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly size: number;
  /** Of 512 bytes. */
  readonly blockCount: number;
  readonly atime: Timestamp;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly birthtime: Timestamp;
}

/** Counts are of blocks of `blockSize` bytes. */
export interface VolumeUsage {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly freeCount: number;
  readonly fileCount: number;
  readonly fileFreeCount: number;
  readonly nameSizeMax: number;
}

export type TimeChange = Timestamp | "now" | undefined;

export interface TimeChanges {
  /** undefined leaves it. */
  readonly atime: TimeChange;
  readonly mtime: TimeChange;
}

/** undefined leaves that id as it is. */
export interface Owner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export function statPath(session: PosixSession, path: string, follow: boolean): FileAttributes {
  return attributesOf(session, session.walk().inode(path, follow));
}

export function attributesOf(session: PosixSession, inode: Inode): FileAttributes {
  return {
    ino: inode.ino,
    mode: inode.mode,
    nlink: inode.nlink,
    uid: inode.uid,
    gid: inode.gid,
    rdevMajor: (inode.rdev >>> 8) & 0xfff,
    rdevMinor: (inode.rdev & 0xff) | ((inode.rdev >>> 12) & 0xf_ff00),
    size: inode.size,
    blockCount: Math.ceil(allocatedBytes(session.state, inode) / SECTOR_SIZE),
    atime: { sec: inode.atimeSec, nsec: inode.atimeNsec },
    mtime: { sec: inode.mtimeSec, nsec: inode.mtimeNsec },
    ctime: { sec: inode.ctimeSec, nsec: inode.ctimeNsec },
    birthtime: { sec: inode.btimeSec, nsec: inode.btimeNsec },
  };
}

/** `wanted` in `Access` bits; 0 asks whether it exists. Throws EACCES, EROFS. */
export function accessPath(session: PosixSession, path: string, wanted: number): void {
  if (wanted & ~(Access.READ | Access.WRITE | Access.EXECUTE)) {
    throw new FsError("EINVAL", `access mode ${wanted}`);
  }
  const inode = session.walk().inode(path, true);
  if (wanted & Access.WRITE) session.demandWritable();
  checkAccess(session.meta, session.caller(), inode, wanted);
}

export function readlinkPath(session: PosixSession, path: string): string {
  const inode = session.walk().inode(path, false);
  if (!inode.isSymlink()) throw new FsError("EINVAL", `inode ${inode.ino} is no symbolic link`);
  const target = session.meta.tables.symlinks.get(inode.ino);
  if (target === undefined) throw new CorruptError(`symbolic link ${inode.ino} lost its target`);
  session.touch(inode);
  return target;
}

export function chmodInode(session: PosixSession, ino: Ino, mode: number): void {
  setAttributes(session, { ino, mode });
}

export function chownInode(session: PosixSession, ino: Ino, owner: Owner): void {
  const { uid = ID_UNCHANGED, gid = ID_UNCHANGED } = owner;
  setAttributes(session, { ino, uid, gid });
}

/** With nothing to set nothing happens. */
export function setTimes(session: PosixSession, ino: Ino, times: TimeChanges): void {
  if (times.atime === undefined && times.mtime === undefined) return;
  setAttributes(session, { ino, ...times });
}

/** Throws EISDIR, EINVAL for what is no file, EACCES. */
export function truncatePath(session: PosixSession, path: string, size: number): void {
  checkSize(size);
  const inode = session.walk().inode(path, true);
  if (inode.isDirectory()) throw new FsError("EISDIR", `inode ${inode.ino} is a directory`);
  if (!inode.isRegular()) throw new FsError("EINVAL", `inode ${inode.ino} is not a file`);
  session.demandWritable();
  checkAccess(session.meta, session.caller(), inode, Access.WRITE);
  truncateInode(session, inode, size);
}

/** The right to write was checked. */
export function truncateInode(session: PosixSession, inode: Inode, size: number): void {
  checkSize(size);
  if (size > inode.size) session.demandRoom();
  const killSuidgid = session.credentials.uid !== 0;
  setAttributes(session, { ino: inode.ino, size, killSuidgid });
}

/**
 * file_remove_privs: before its contents change under someone without the right to keep them, a file loses its set-id
 * bits; set-gid without execution for the group, which means something else, only to those outside of the group.
 */
export function dropPrivileges(session: PosixSession, inode: Inode): void {
  if (session.credentials.uid === 0 || (inode.mode & (S_ISUID | S_ISGID)) === 0) return;
  const isLost =
    modeWithoutSetId(inode.mode) !== inode.mode || !isInGroup(session.caller(), inode.gid);
  if (isLost) setAttributes(session, { ino: inode.ino, killSuidgid: true });
}

export function statfs(session: PosixSession): VolumeUsage {
  const { meta, dirty } = session.state;
  const free = session.volume.space.free();
  const used = Math.ceil((meta.byteCount + dirty.byteCount) / STATFS_BLOCK_SIZE);
  const freeCount = Math.floor(free.bytes / STATFS_BLOCK_SIZE);
  return {
    blockSize: STATFS_BLOCK_SIZE,
    blockCount: used + freeCount,
    freeCount,
    fileCount: meta.inodeCount + free.inodes,
    fileFreeCount: free.inodes,
    nameSizeMax: NAME_SIZE_MAX,
  };
}

/** `CHATTR_FLAGS` bits and the project id. */
export interface FlagsAndProject {
  readonly flags: number;
  readonly projid: number;
}

export function flagsOf(session: PosixSession, ino: Ino): FlagsAndProject {
  const { flags, projid } = session.meta.requireInode(ino);
  return { flags: flags & CHATTR_FLAGS, projid };
}

export function setFlags(session: PosixSession, ino: Ino, change: FlagsAndProject): void {
  session.demandWritable();
  session.runMeta(setInodeFlags, { ino, ...change });
}

function setAttributes(session: PosixSession, args: SetattrArgs): void {
  session.demandWritable();
  session.runFile(setattr, args);
}

function checkSize(size: number): void {
  if (!(size >= 0)) throw new FsError("EINVAL", `a size of ${size} bytes`);
}
