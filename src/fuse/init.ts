/**
 * FUSE_INIT: what this kernel and Shoal agree on. It comes once a connection, as its first request; the result is
 * plain data, so that the process which answered it can hand it to those that serve.
 *
 * What always holds: of the flags listed here as taken, all that the kernel offers are taken, and no other. Not taken:
 * ATOMIC_O_TRUNC (with OPEN answered ENOSYS the kernel would truncate and never tell), AUTO_INVAL_DATA (drops pages after
 * our own writes), POSIX_LOCKS and FLOCK_LOCKS (one writer is exclusive, and the kernel's own locks survive our restart),
 * PASSTHROUGH (hides writes), OVER_IO_URING (requests in a dead ring are not found again), ALLOW_IDMAP (most requests
 * would then come without uid and gid), HAS_INODE_DAX, ABORT_ERROR.
 * Source: linux/fuse.h of protocol 7.45; fs/fuse/inode.c process_init_reply.
 */
import { ERRNO, FsError } from "../core/fs-error.ts";
import { REQUEST_DATA_SIZE_MAX } from "../core/limits.ts";
import { InitFlag, InitFlag2 } from "./abi/flags.ts";
import { IN_HEADER_SIZE } from "./abi/header.ts";
import {
  decodeInitIn,
  encodeInitOut,
  INIT_IN_SIZE,
  INIT_OUT_SIZE,
  newInitIn,
  newInitOut,
  type InitIn,
  type InitOut,
} from "./abi/init.ts";
import { FUSE_MAJOR, FUSE_MINOR, FUSE_MINOR_MIN, Opcode } from "./abi/opcode.ts";
import { INIT_IN_COMPAT_SIZE } from "./argument-size.ts";
import type { Reply } from "./reply.ts";
import type { Request } from "./request.ts";

/** Requests the kernel may send ahead: reads ahead and write-back. 64 keeps a slow store busy and the queue short. */
const BACKGROUND_COUNT = 64;
/** The kernel calls the device congested at three quarters of it, as libfuse does. */
const CONGESTION_COUNT = 48;
/** What the kernel reads ahead at most; root raises the mount's own limit to it afterwards. */
const READ_AHEAD_SIZE: number = 2 * 1024 * 1024;
const PAGE_SIZE = 4096;

const TAKEN: number =
  InitFlag.ASYNC_READ |
  InitFlag.EXPORT_SUPPORT |
  InitFlag.BIG_WRITES |
  InitFlag.DONT_MASK |
  InitFlag.DO_READDIRPLUS |
  InitFlag.READDIRPLUS_AUTO |
  InitFlag.NO_OPEN_SUPPORT |
  InitFlag.PARALLEL_DIROPS |
  InitFlag.MAX_PAGES |
  InitFlag.CACHE_SYMLINKS |
  InitFlag.NO_OPENDIR_SUPPORT |
  InitFlag.EXPLICIT_INVAL_DATA |
  InitFlag.HANDLE_KILLPRIV_V2 |
  InitFlag.SETXATTR_EXT |
  InitFlag.INIT_EXT;

const TAKEN_2: number =
  InitFlag2.SECURITY_CTX |
  InitFlag2.CREATE_SUPP_GROUP |
  InitFlag2.HAS_EXPIRE_ONLY |
  InitFlag2.HAS_RESEND;

export interface SessionOptions {
  /** POSIX ACLs: a volume setting, fixed at mount. */
  readonly acl?: boolean;
  /** Let the kernel hold back writes. Instants are then no longer exact. */
  readonly writeback?: boolean;
  /** False: as on a kernel before 6.9, which cannot send requests again. */
  readonly resend?: boolean;
  /** Largest WRITE; at most 1 MiB, a multiple of the page size. */
  readonly maxWrite?: number;
}

/** What was agreed; numbers only, so it survives JSON and structured clone. */
export interface Session {
  /** The protocol's minor version both sides speak. */
  readonly minor: number;
  /** `InitFlag` bits that were taken. */
  readonly flags: number;
  /** `InitFlag2` bits that were taken. */
  readonly flags2: number;
  readonly maxWrite: number;
  readonly maxPages: number;
  readonly maxReadahead: number;
}

/** Throws EPROTO for a kernel before 7.31 (Linux 5.4). */
export function negotiate(
  kernel: Readonly<InitIn>,
  options: SessionOptions,
): { readonly out: InitOut; readonly session: Session } {
  if (kernel.major !== FUSE_MAJOR || kernel.minor < FUSE_MINOR_MIN)
    throw new FsError(
      "EPROTO",
      `this kernel speaks FUSE ${kernel.major}.${kernel.minor}; ` +
        `${FUSE_MAJOR}.${FUSE_MINOR_MIN} (Linux 5.4) or newer is needed`,
    );
  let wanted = TAKEN;
  if (options.acl === true) wanted |= InitFlag.POSIX_ACL;
  if (options.writeback === true) wanted |= InitFlag.WRITEBACK_CACHE;
  const flags = kernel.flags & wanted;
  const wanted2 = options.resend === false ? TAKEN_2 & ~InitFlag2.HAS_RESEND : TAKEN_2;
  const flags2 = (flags & InitFlag.INIT_EXT) === 0 ? 0 : kernel.flags2 & wanted2;
  const maxWrite = options.maxWrite ?? REQUEST_DATA_SIZE_MAX;
  if (maxWrite < PAGE_SIZE || maxWrite > REQUEST_DATA_SIZE_MAX || maxWrite % PAGE_SIZE !== 0)
    throw new FsError("EINVAL", `a largest WRITE of ${maxWrite} bytes`);

  const out = newInitOut();
  out.major = FUSE_MAJOR;
  out.minor = Math.min(kernel.minor, FUSE_MINOR);
  out.maxReadahead = Math.min(kernel.maxReadahead, READ_AHEAD_SIZE);
  out.flags = flags;
  out.flags2 = flags2;
  out.maxBackground = BACKGROUND_COUNT;
  out.congestionThreshold = CONGESTION_COUNT;
  out.maxWrite = maxWrite;
  out.timeGran = 1;
  out.maxPages = maxWrite / PAGE_SIZE;
  const session: Session = {
    minor: out.minor,
    flags,
    flags2,
    maxWrite,
    maxPages: out.maxPages,
    maxReadahead: out.maxReadahead,
  };
  return { out, session };
}

/**
 * Answers the INIT that `request` holds. Returns undefined when the kernel is of a newer major version: it was told
 * ours and sends another INIT. Throws EPROTO, after the kernel was told, when the two cannot work together.
 */
export function answerInit(
  request: Request,
  reply: Reply,
  options: SessionOptions,
): Session | undefined {
  reply.begin(request);
  if (request.opcode !== Opcode.INIT)
    throw new FsError("EPROTO", `a connection that begins with opcode ${request.opcode}`);
  const kernel = initIn(request);
  const into = reply.view;
  if (kernel.major > FUSE_MAJOR) {
    encodeInitOut(into, reply.dataOffset, {
      ...newInitOut(),
      major: FUSE_MAJOR,
      minor: FUSE_MINOR,
    });
    reply.data(INIT_OUT_SIZE);
    reply.send();
    return undefined;
  }
  try {
    const { out, session } = negotiate(kernel, options);
    encodeInitOut(into, reply.dataOffset, out);
    reply.data(INIT_OUT_SIZE);
    reply.send();
    return session;
  } catch (error) {
    reply.error(-ERRNO.EPROTO);
    reply.send();
    throw error;
  }
}

/** Before 7.36 the request ends after `flags`. */
function initIn(request: Request): InitIn {
  const size = request.size - IN_HEADER_SIZE;
  if (size < INIT_IN_COMPAT_SIZE) throw new FsError("EIO", `FUSE_INIT of ${size} bytes`);
  const bytes = new Uint8Array(INIT_IN_SIZE);
  bytes.set(request.bytes.subarray(IN_HEADER_SIZE, IN_HEADER_SIZE + Math.min(size, INIT_IN_SIZE)));
  return decodeInitIn(new DataView(bytes.buffer), 0, newInitIn());
}
