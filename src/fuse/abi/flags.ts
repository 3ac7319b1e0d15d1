/**
 * Every flag of the protocol, one table a field. 64-bit INIT flags are split as the wire has them:
 * `InitFlag` is the low word (`flags`), `InitFlag2` the high one (`flags2`).
 * Source: linux/fuse.h, protocol 7.45. A bit from the kernel that is not listed is ignored: it was never negotiated.
 */

export const InitFlag = {
  ASYNC_READ: 0x1,
  POSIX_LOCKS: 0x2,
  FILE_OPS: 0x4,
  ATOMIC_O_TRUNC: 0x8,
  EXPORT_SUPPORT: 0x10,
  BIG_WRITES: 0x20,
  DONT_MASK: 0x40,
  SPLICE_WRITE: 0x80,
  SPLICE_MOVE: 0x100,
  SPLICE_READ: 0x200,
  FLOCK_LOCKS: 0x400,
  HAS_IOCTL_DIR: 0x800,
  AUTO_INVAL_DATA: 0x1000,
  DO_READDIRPLUS: 0x2000,
  READDIRPLUS_AUTO: 0x4000,
  ASYNC_DIO: 0x8000,
  WRITEBACK_CACHE: 0x10000,
  NO_OPEN_SUPPORT: 0x20000,
  PARALLEL_DIROPS: 0x40000,
  HANDLE_KILLPRIV: 0x80000,
  POSIX_ACL: 0x100000,
  ABORT_ERROR: 0x200000,
  MAX_PAGES: 0x400000,
  CACHE_SYMLINKS: 0x800000,
  NO_OPENDIR_SUPPORT: 0x1000000,
  EXPLICIT_INVAL_DATA: 0x2000000,
  MAP_ALIGNMENT: 0x4000000,
  SUBMOUNTS: 0x8000000,
  HANDLE_KILLPRIV_V2: 0x10000000,
  SETXATTR_EXT: 0x20000000,
  INIT_EXT: 0x40000000,
} as const;

/** Bits 32 and up of the INIT flags, moved down by 32; INIT_EXT must be among the low ones. */
export const InitFlag2 = {
  SECURITY_CTX: 0x1,
  HAS_INODE_DAX: 0x2,
  CREATE_SUPP_GROUP: 0x4,
  HAS_EXPIRE_ONLY: 0x8,
  DIRECT_IO_ALLOW_MMAP: 0x10,
  PASSTHROUGH: 0x20,
  NO_EXPORT_SUPPORT: 0x40,
  HAS_RESEND: 0x80,
  ALLOW_IDMAP: 0x100,
  OVER_IO_URING: 0x200,
  REQUEST_TIMEOUT: 0x400,
} as const;

export const SetattrValid = {
  MODE: 0x1,
  UID: 0x2,
  GID: 0x4,
  SIZE: 0x8,
  ATIME: 0x10,
  MTIME: 0x20,
  FH: 0x40,
  ATIME_NOW: 0x80,
  MTIME_NOW: 0x100,
  LOCKOWNER: 0x200,
  CTIME: 0x400,
  KILL_SUIDGID: 0x800,
} as const;

export const GetattrFlag = { FH: 0x1 } as const;

export const AttrFlag = { SUBMOUNT: 0x1, DAX: 0x2 } as const;

/** In OpenIn and CreateIn. */
export const OpenInFlag = { KILL_SUIDGID: 0x1 } as const;

/** In OpenOut. */
export const OpenOutFlag = {
  DIRECT_IO: 0x1,
  KEEP_CACHE: 0x2,
  NONSEEKABLE: 0x4,
  CACHE_DIR: 0x8,
  STREAM: 0x10,
  NOFLUSH: 0x20,
  PARALLEL_DIRECT_WRITES: 0x40,
  PASSTHROUGH: 0x80,
} as const;

export const ReleaseFlag = { FLUSH: 0x1, FLOCK_UNLOCK: 0x2 } as const;

export const LkFlag = { FLOCK: 0x1 } as const;

export const WriteFlag = {
  /** Written back from the page cache: the handle is a guess, uid and gid are the kernel's. */
  CACHE: 0x1,
  LOCKOWNER: 0x2,
  KILL_SUIDGID: 0x4,
} as const;

export const ReadFlag = { LOCKOWNER: 0x2 } as const;

export const IoctlFlag = {
  COMPAT: 0x1,
  UNRESTRICTED: 0x2,
  RETRY: 0x4,
  IOCTL_32BIT: 0x8,
  DIR: 0x10,
  COMPAT_X32: 0x20,
} as const;

export const PollFlag = { SCHEDULE_NOTIFY: 0x1 } as const;

export const FsyncFlag = { FDATASYNC: 0x1 } as const;

export const SetxattrFlag = { ACL_KILL_SGID: 0x1 } as const;

export const InvalEntryFlag = { EXPIRE_ONLY: 0x1 } as const;

/** Extension types above 31; at or below it the word counts security contexts. */
export const ExtensionType = { SECURITY_CONTEXT_MAX: 31, GROUPS: 32 } as const;
