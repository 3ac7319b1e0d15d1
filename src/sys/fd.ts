/**
 * Descriptors: reads and writes that do not throw, and what node:fs leaves out.
 * Source: read(2), write(2), open(2), lseek(2), fallocate(2), copy_file_range(2), syncfs(2), ioctl(2).
 */
import { constants } from "node:fs";
import { ERRNO, FsError } from "../core/fs-error.ts";
import { setU64Le } from "../core/u64.ts";
import { checked, cString, shownPath } from "./errno.ts";
import * as libc from "./libc.ts";

/** asm-generic/fcntl.h: __O_TMPFILE with O_DIRECTORY, whose bit differs between architectures. */
export const O_TMPFILE: number = 0o20000000 | constants.O_DIRECTORY;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const SeekWhence = { SET: 0, CUR: 1, END: 2, DATA: 3, HOLE: 4 } as const;

export const FallocateMode = {
  KEEP_SIZE: 0x01,
  PUNCH_HOLE: 0x02,
  COLLAPSE_RANGE: 0x08,
  ZERO_RANGE: 0x10,
  INSERT_RANGE: 0x20,
} as const;

const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;

/** Up to `size` bytes into `into`; returns how many, 0 at the end, or a negative errno. EINTR is retried. */
export function readFd(fd: number, into: Uint8Array, size: number): number {
  for (;;) {
    const result = libc.read(fd, into, size);
    if (result >= 0) return result;
    const errno = libc.lastErrno();
    if (errno !== ERRNO.EINTR) return -errno;
  }
}

/** The first `size` bytes of `bytes`; returns how many were taken, or a negative errno. EINTR is retried. */
export function writeFd(fd: number, bytes: Uint8Array, size: number): number {
  for (;;) {
    const result = libc.write(fd, bytes, size);
    if (result >= 0) return result;
    const errno = libc.lastErrno();
    if (errno !== ERRNO.EINTR) return -errno;
  }
}

/** open(2) with its own flags, O_TMPFILE among them; `mode` only counts when something is made. */
export function openFd(path: string | Uint8Array, flags: number, mode = 0): number {
  return checked(libc.open(cString(path), flags, mode), `open ${shownPath(path)}`);
}

export function closeFd(fd: number): void {
  checked(libc.close(fd), `close descriptor ${fd}`);
}

/** A child started from now on inherits the descriptor, or does not. */
export function setInherited(fd: number, options: { readonly inherited: boolean }): void {
  const flags = checked(libc.fcntlNumber(fd, F_GETFD, 0), `fcntl F_GETFD of ${fd}`);
  const next = options.inherited ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
  checked(libc.fcntlNumber(fd, F_SETFD, next), `fcntl F_SETFD of ${fd}`);
}

/** Reads that would wait return -EAGAIN from now on. Belongs to the open file, so to every process that shares it. */
export function setNonBlocking(fd: number): void {
  const flags = checked(libc.fcntlNumber(fd, F_GETFL, 0), `fcntl F_GETFL of ${fd}`);
  checked(libc.fcntlNumber(fd, F_SETFL, flags | constants.O_NONBLOCK), `fcntl F_SETFL of ${fd}`);
}

/** Returns the new offset. ENXIO: no data, or no hole, from `offset` on. */
export function seekFd(fd: number, offset: number, whence: number): number {
  return checked(libc.lseek(fd, offset, whence), `lseek of ${fd} from ${offset} by ${whence}`);
}

export interface Range {
  readonly offset: number;
  readonly size: number;
}

/** `mode` is a set of `FallocateMode` bits. */
export function fallocateFd(fd: number, mode: number, range: Range): void {
  checked(
    libc.fallocate(fd, mode, range.offset, range.size),
    `fallocate ${mode} of ${fd} at ${range.offset}, ${range.size} bytes`,
  );
}

export interface CopySpan {
  readonly from: number;
  readonly fromOffset: number;
  readonly to: number;
  readonly toOffset: number;
  readonly size: number;
}

/** Copies at most `size` bytes between two descriptors inside the kernel; returns how many. */
export function copyFileRange(span: CopySpan): number {
  const fromAt = new Uint8Array(8);
  const toAt = new Uint8Array(8);
  setU64Le(new DataView(fromAt.buffer), 0, span.fromOffset);
  setU64Le(new DataView(toAt.buffer), 0, span.toOffset);
  return checked(
    libc.copyFileRange(span.from, fromAt, span.to, toAt, span.size, 0),
    `copy_file_range of ${span.size} bytes from ${span.from} to ${span.to}`,
  );
}

/** Flushes the file system that holds the descriptor. */
export function syncFilesystem(fd: number): void {
  checked(libc.syncfs(fd), `syncfs of ${fd}`);
}

/** `argument` is read and written in place. Returns what the driver returns. */
export function ioctlFd(fd: number, request: number, argument: Uint8Array | null): number {
  return checked(libc.ioctl(fd, request, argument), `ioctl 0x${request.toString(16)} of ${fd}`);
}

/** Reads exactly `size` bytes, waiting for them; throws EPIPE when the other side ends before. For handshakes. */
export function readFully(fd: number, into: Uint8Array, size: number): void {
  let at = 0;
  while (at < size) {
    const count = readFd(fd, into.subarray(at), size - at);
    if (count < 0) throw new FsError("EIO", `read of descriptor ${fd}: errno ${-count}`);
    if (count === 0)
      throw new FsError("EPIPE", `descriptor ${fd} ended after ${at} of ${size} bytes`);
    at += count;
  }
}
