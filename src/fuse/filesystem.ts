/**
 * What a filesystem is to FUSE: the port between the protocol and whatever answers it.
 *
 * Every method takes the request, its arguments, and the reply, and does exactly one of these before it returns:
 * encode an answer (`reply.entry(…)`, `reply.error(-ERRNO.ENOENT)` …), `reply.defer()` and answer later with the free
 * functions of reply.ts, or throw an FsError, which is answered by its errno. The answer goes to the kernel when the
 * method has returned, or at `reply.send()`. `forget` and `interrupt` have no answer and no `reply`.
 *
 * Argument objects and the request are reused: copy what must outlive the call. Names are latin1, one character a
 * byte. An everyday miss is `reply.error`, for a throw costs 3 us.
 *
 * ENOSYS from OPEN, OPENDIR, FLUSH, ACCESS, STATX, FSYNC(DIR), LSEEK, xattr requests … is remembered by the kernel for the
 * life of the connection and the request never comes again: a filesystem's choice. A method or group left out
 * answers ENOSYS.
 */
import type { FsError } from "../core/fs-error.ts";
import type { GetattrIn, SetattrIn } from "./abi/attr.ts";
import type { BmapIn, IoctlIn, PollIn } from "./abi/device.ts";
import type { LkIn } from "./abi/lock.ts";
import type { FlushIn, OpenIn, ReleaseIn } from "./abi/open.ts";
import type { CopyFileRangeIn, FallocateIn, FsyncIn, LseekIn } from "./abi/range.ts";
import type { ReadIn } from "./abi/read.ts";
import type { StatxIn } from "./abi/statx.ts";
import type { WriteIn } from "./abi/write.ts";
import type { Reply } from "./reply.ts";
import type { Request } from "./request.ts";

export interface FuseFilesystem {
  readonly names: NameOperations;
  readonly attributes: AttributeOperations;
  readonly files: FileOperations;
  readonly directories: DirectoryOperations;
  readonly volume: VolumeOperations;
  readonly xattrs?: XattrOperations;
  readonly locks?: LockOperations;

  /**
   * Told of every FsError that a method threw, after it was answered. True: rethrow it, the volume must stop.
   * Errors that are no FsError (assertions first) are answered EIO and rethrown without asking.
   */
  onError?(request: Request, error: FsError): boolean;
}

/** `request.nodeid` is the directory, and `reply.entry` the answer unless said. */
export interface NameOperations {
  /** "." and ".." come too, for exported volumes. `reply.negativeEntry` keeps an absent name in the kernel. */
  lookup(request: Request, name: string, reply: Reply): void;
  /** Answer: `reply.create`. */
  create(request: Request, node: NewNode, reply: Reply): void;
  mknod(request: Request, node: NewNode, reply: Reply): void;
  mkdir(request: Request, node: NewNode, reply: Reply): void;
  /** `node.target` says where it points. */
  symlink(request: Request, node: NewNode, reply: Reply): void;
  /** O_TMPFILE; `node.name` is what the kernel calls it and means nothing. Answer: `reply.create`. */
  tmpfile?(request: Request, node: NewNode, reply: Reply): void;
  link(request: Request, oldNodeid: number, name: string, reply: Reply): void;
  /** Answer: `reply.empty`. */
  unlink(request: Request, name: string, reply: Reply): void;
  /** Answer: `reply.empty`. */
  rmdir(request: Request, name: string, reply: Reply): void;
  /** Answer: `reply.empty`. */
  rename(request: Request, rename: RenameArguments, reply: Reply): void;
}

/** A node to be made. `request.extensions` holds its security context and supplementary group. */
export interface NewNode {
  name: string;
  /** Type and permission bits; the umask is not yet applied when DONT_MASK was negotiated. Of a symlink 0o120777. */
  mode: number;
  umask: number;
  /** Of MKNOD, in the kernel's encoding; else 0. */
  rdev: number;
  /** Of CREATE and TMPFILE: open(2) flags; else 0. */
  flags: number;
  /** Of CREATE and TMPFILE: `OpenInFlag` bits; else 0. */
  openFlags: number;
  /** Of SYMLINK; else empty. */
  target: string;
}

export interface RenameArguments {
  oldName: string;
  newParent: number;
  newName: string;
  /** RENAME_NOREPLACE (1), RENAME_EXCHANGE (2), RENAME_WHITEOUT (4). */
  flags: number;
}

export interface AttributeOperations {
  /** Answer: `reply.attr`. */
  getattr(request: Request, argument: GetattrIn, reply: Reply): void;
  /** Answer: `reply.attr`. */
  setattr(request: Request, argument: SetattrIn, reply: Reply): void;
  /** Answer: `reply.statx`. */
  statx?(request: Request, argument: StatxIn, reply: Reply): void;
  /** Never asked with `default_permissions`. Answer: `reply.empty`. */
  access?(request: Request, mask: number, reply: Reply): void;
  /** Answer: `reply.name`. */
  readlink(request: Request, reply: Reply): void;
}

export interface XattrOperations {
  /** Answer: `reply.xattr`, or ENODATA. */
  getxattr(request: Request, name: string, size: number, reply: Reply): void;
  /** Answer: `reply.xattr` with the names, each ended by a zero byte. */
  listxattr(request: Request, size: number, reply: Reply): void;
  /** Answer: `reply.empty`. */
  setxattr(request: Request, argument: SetxattrArguments, reply: Reply): void;
  /** Answer: `reply.empty`. */
  removexattr(request: Request, name: string, reply: Reply): void;
}

export interface SetxattrArguments {
  name: string;
  /** Shares the request's buffer. */
  value: Uint8Array;
  /** XATTR_CREATE (1), XATTR_REPLACE (2). */
  flags: number;
  /** `SetxattrFlag` bits. */
  setxattrFlags: number;
}

export interface FileOperations {
  /** Answer: `reply.open`, or ENOSYS for never again. */
  open?(request: Request, argument: OpenIn, reply: Reply): void;
  /** Answer: `reply.data`, at most `argument.size` bytes, filled in place from `reply.dataOffset` on. */
  read(request: Request, argument: ReadIn, reply: Reply): void;
  /** The data is `argument.size` bytes of `request.bytes` from WRITE_DATA_OFFSET on. Answer: `reply.write`. */
  write(request: Request, argument: WriteIn, reply: Reply): void;
  flush?(request: Request, argument: FlushIn, reply: Reply): void;
  release?(request: Request, argument: ReleaseIn, reply: Reply): void;
  fsync?(request: Request, argument: FsyncIn, reply: Reply): void;
  fallocate?(request: Request, argument: FallocateIn, reply: Reply): void;
  /** Answer: `reply.lseek`. */
  lseek?(request: Request, argument: LseekIn, reply: Reply): void;
  /** Answer: `reply.copied`, which knows both forms of the request. */
  copyFileRange?(request: Request, argument: CopyFileRangeIn, reply: Reply): void;
  /** The input is `argument.inSize` bytes of `request.bytes` from `inputAt` on. Answer: `reply.ioctl`. */
  ioctl?(request: Request, argument: IoctlIn, inputAt: number, reply: Reply): void;
  /** Answer: `reply.poll`. */
  poll?(request: Request, argument: PollIn, reply: Reply): void;
  /** Answer: `reply.bmap`. */
  bmap?(request: Request, argument: BmapIn, reply: Reply): void;
}

export interface DirectoryOperations {
  /** Answer: `reply.open`, or ENOSYS for never again. */
  opendir?(request: Request, argument: OpenIn, reply: Reply): void;
  /** Answer: `reply.beginDirectory(argument.size)`, then `reply.dirent(entry)` until it says false, then `reply.directory()`. */
  readdir(request: Request, argument: ReadIn, reply: Reply): void;
  /** As readdir with `reply.direntplus`; every entry with a nodeid that is appended counts as one lookup. */
  readdirplus?(request: Request, argument: ReadIn, reply: Reply): void;
  releasedir?(request: Request, argument: ReleaseIn, reply: Reply): void;
  fsyncdir?(request: Request, argument: FsyncIn, reply: Reply): void;
}

/** POSIX and flock locks, if POSIX_LOCKS or FLOCK_LOCKS were negotiated. */
export interface LockOperations {
  /** Answer: `reply.lock`. */
  getlk(request: Request, argument: LkIn, reply: Reply): void;
  /** `wait`: defer until it can be had (SETLKW). Answer: `reply.empty`. */
  setlk(request: Request, argument: LkIn, wait: boolean, reply: Reply): void;
}

export interface VolumeOperations {
  /** Answer: `reply.statfs`. */
  statfs(request: Request, reply: Reply): void;
  syncfs?(request: Request, reply: Reply): void;
  /** The kernel gives back `nlookup` references; a hint only (rule J8). No answer. */
  forget(nodeid: number, nlookup: number): void;
  /** The caller of a deferred request was signalled: answer it soon, with EINTR if it did nothing. No answer to this one. */
  interrupt?(request: Request, unique: number): void;
  /** The last message of a connection; most mounts end without it. */
  destroy?(request: Request): void;
  /** The pages that NOTIFY_RETRIEVE asked for, at `dataAt` of `request.bytes`; `request.unique` is the notification's. */
  retrieved?(request: Request, offset: number, size: number, dataAt: number): void;
}

export function newNode(): NewNode {
  return { name: "", mode: 0, umask: 0, rdev: 0, flags: 0, openFlags: 0, target: "" };
}
