/**
 * The one error that crosses a layer: a POSIX error code, and a message that names the thing.
 *
 * `errno` is negative, as in Node's own system errors and as FUSE replies carry it.
 * Source of the numbers: include/uapi/asm-generic/errno-base.h and errno.h (x86-64 and arm64 agree).
 */

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EOVERFLOW: 75,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EALREADY: 114,
  ESTALE: 116,
  EDQUOT: 122,
  ECANCELED: 125,
} as const;

export type ErrorCode = keyof typeof ERRNO;

export class FsError extends Error {
  readonly code: ErrorCode;
  /** Negative, e.g. -2 for ENOENT. */
  readonly errno: number;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FsError";
    this.code = code;
    this.errno = -ERRNO[code];
  }
}

/** Stored bytes that do not say what they must. Always EIO; the thing is named, nothing is repaired. */
export class CorruptError extends FsError {
  constructor(message: string, options?: ErrorOptions) {
    super("EIO", message, options);
    this.name = "CorruptError";
  }
}

/** Another writer has taken the branch: read-only from here on. */
export class FencedError extends FsError {
  constructor(message: string, options?: ErrorOptions) {
    super("EROFS", message, options);
    this.name = "FencedError";
  }
}

/**
 * The state may be half changed: nothing may be answered any more. The process ends at once, recovery replays what the
 * journal holds, and the request that was being served runs again (rules J1, J2, J7). No FsError: it is no answer.
 */
export class CrashError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CrashError";
  }
}
