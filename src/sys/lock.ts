/**
 * Advisory locks on files.
 *
 * `flock` belongs to the open file and is handed on with its descriptor: a supervisor's children keep it held.
 * `lockRange` is an open-file-description lock, the same with a byte range. Neither is dropped because some other
 * descriptor of the file was closed, as a POSIX lock would be.
 * Source: flock(2); fcntl(2) F_OFD_SETLK. struct flock: 0 i16 type  2 i16 whence  8 i64 start  16 i64 len  24 i32 pid.
 */
import { ERRNO } from "../core/fs-error.ts";
import { setU64Le } from "../core/u64.ts";
import { errnoError } from "./errno.ts";
import * as libc from "./libc.ts";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const F_OFD_SETLK = 37;
const STRUCT_FLOCK_SIZE = 32;

export const LockKind = { READ: 0, WRITE: 1, UNLOCK: 2 } as const;

/** Takes the whole file at once or says false: somebody else holds it. */
export function tryLockFile(fd: number, options?: { readonly shared?: boolean }): boolean {
  return tryFlock(fd, (options?.shared === true ? LOCK_SH : LOCK_EX) | LOCK_NB);
}

export function unlockFile(fd: number): void {
  tryFlock(fd, LOCK_UN);
}

export interface LockSpan {
  readonly start: number;
  /** 0: to the end of the file, however long it grows. */
  readonly size: number;
}

/** `kind` is one of `LockKind`. Returns false when another open file holds an overlapping lock. */
export function tryLockRange(fd: number, kind: number, span: LockSpan): boolean {
  const bytes = new Uint8Array(STRUCT_FLOCK_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt16(0, kind, true);
  setU64Le(view, 8, span.start);
  setU64Le(view, 16, span.size);
  for (;;) {
    if (libc.fcntl(fd, F_OFD_SETLK, bytes) === 0) return true;
    const errno = libc.lastErrno();
    if (errno === ERRNO.EAGAIN || errno === ERRNO.EACCES) return false;
    if (errno !== ERRNO.EINTR) throw errnoError(errno, `lock of descriptor ${fd}`);
  }
}

function tryFlock(fd: number, operation: number): boolean {
  for (;;) {
    if (libc.flock(fd, operation) === 0) return true;
    const errno = libc.lastErrno();
    if (errno === ERRNO.EAGAIN) return false;
    if (errno !== ERRNO.EINTR) throw errnoError(errno, `flock of descriptor ${fd}`);
  }
}
