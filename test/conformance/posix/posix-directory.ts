/**
 * What a test may ask of a directory tree, whatever stands behind it: ext4, a FUSE mount, the engine in process, a model.
 *
 * - Synchronous. A refusal is thrown as an error whose `code` is the name of the errno ("ENOENT").
 * - Paths are relative to the root of the tree, without a leading "/". "" is the root itself.
 * - A path, a name, a symbolic link's target is a string of bytes: each character is one byte, 0x01 to 0xFF (latin1).
 *   So every name that Linux allows can be written, and two names are equal exactly when the strings are.
 * - Times are nanoseconds since 1970 as bigint. Offsets and sizes are numbers; a bigint reaches past 2^53.
 * - Flags and modes are the numbers of Linux (test/support/posix-constants.ts).
 *
 * Split by noun: this file the tree and its attributes; posix-file.ts what is done to an open file;
 * posix-memory.ts what only a kernel can do (locks, mappings).
 */
import type { PosixDirectoryStream, PosixFile } from "./posix-file.ts";
import type { PosixLocks, PosixMappings } from "./posix-memory.ts";

/** On whose behalf an operation runs. Uid 0 has every capability, any other has none. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups; `gid` need not be among them. */
  readonly groups: readonly number[];
  readonly umask: number;
}

export interface PosixStat {
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  readonly size: number;
  /** Units of 512 bytes. */
  readonly blockCount: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** undefined where the driver has none. */
  readonly birthtimeNs: bigint | undefined;
}

export interface PosixStatfs {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly freeCount: number;
  readonly availableCount: number;
  readonly fileCount: number;
  readonly fileFreeCount: number;
  readonly nameSizeMax: number;
}

/** The modes that are meant where a test names none. */
export const DIRECTORY_MODE = 0o755;
export const FILE_MODE = 0o644;

export interface PosixDirectory {
  /** The same tree seen by another caller; what is left out stays as it is. */
  as(caller: Partial<Caller>): PosixDirectory;

  /** `mode` is cut by the caller's umask, in all three that take one. */
  mkdir(path: string, mode?: number): void;
  mknod(path: string, mode: number, device?: Device): void;
  open(path: string, flags: number, mode?: number): PosixFile;
  symlink(target: string, path: string): void;
  /** A symbolic link at `from` is linked itself unless `follow`. */
  link(from: string, to: string, options?: FollowOption): void;
  unlink(path: string): void;
  rmdir(path: string): void;
  /** `flags` are those of renameat2(2). */
  rename(from: string, to: string, flags?: number): void;
  readlink(path: string): string;
  /** The offset of the first call is the beginning; the stream must be closed. */
  openDirectory(path: string): PosixDirectoryStream;
  stat(path: string): PosixStat;
  lstat(path: string): PosixStat;
  /** `mode` of R_OK 4, W_OK 2, X_OK 1, for the caller's own ids. */
  access(path: string, mode: number): void;
  statfs(path: string): PosixStatfs;

  readonly attributes: PosixAttributes;
  readonly xattrs: PosixXattrs;
  readonly handles: PosixHandles;
  readonly locks: PosixLocks;
  readonly mappings: PosixMappings;
}

export interface Device {
  readonly major: number;
  readonly minor: number;
}

export interface FollowOption {
  /** Whether a symbolic link as the last component is followed. */
  readonly follow?: boolean;
}

/** A time to set: nanoseconds, the present, or not at all. */
export type TimeChange = bigint | "now" | "omit";

export interface TimeChanges {
  readonly atime: TimeChange;
  readonly mtime: TimeChange;
}

/** Attributes by path. Symbolic links are followed unless `follow` is false. */
export interface PosixAttributes {
  chmod(path: string, mode: number): void;
  /** undefined leaves that id as it is. */
  chown(path: string, owner: Owner, options?: FollowOption): void;
  utimens(path: string, times: TimeChanges, options?: FollowOption): void;
  truncate(path: string, size: number | bigint): void;
  /** FS_IOC_GETFLAGS: bits FS_*_FL. */
  getFlags(path: string): number;
  setFlags(path: string, flags: number): void;
  /** FS_IOC_FSGETXATTR. */
  getExtended(path: string): ExtendedFlags;
  setExtended(path: string, change: Pick<ExtendedFlags, "xflags">): void;
}

export interface Owner {
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

export interface ExtendedFlags {
  /** Bits FS_XFLAG_*. */
  readonly xflags: number;
  readonly projectId: number;
}

export interface XattrReadOptions extends FollowOption {
  /** Size of the caller's buffer; ERANGE when it is too small. Left out: large enough for anything. */
  readonly bufferSize?: number;
}

export interface XattrSetOptions extends FollowOption {
  /** XATTR_CREATE or XATTR_REPLACE. */
  readonly flags?: number;
}

/** Symbolic links are followed unless `follow` is false. */
export interface PosixXattrs {
  get(path: string, name: string, options?: XattrReadOptions): Uint8Array;
  set(path: string, name: string, value: Uint8Array, options?: XattrSetOptions): void;
  /** Names in any order. */
  list(path: string, options?: XattrReadOptions): string[];
  remove(path: string, name: string, options?: FollowOption): void;
}

/** What name_to_handle_at(2) gives: opaque, valid as long as the inode lives. */
export interface FileHandle {
  readonly type: number;
  readonly bytes: Uint8Array;
}

export interface PosixHandles {
  encode(path: string): FileHandle;
  /** ESTALE when the inode is gone. */
  open(handle: FileHandle, flags: number): PosixFile;
}
