/**
 * Where requests come from and answers go: /dev/fuse, or memory in a test.
 *
 * Neither method throws and both return at once. EINTR is retried inside; everything else the kernel says comes back
 * as a negative errno. What they mean (Source: fs/fuse/dev.c, fuse_dev_do_read and fuse_dev_do_write):
 *
 *   read   -EAGAIN   no request is waiting
 *          -ENOENT   the request was taken back while it was read (a signal, an abort): try again
 *          -ENODEV   unmounted, or aborted without ABORT_ERROR: nothing will ever come again
 *          -ECONNABORTED as ENODEV, with ABORT_ERROR
 *   write  -ENOENT   nobody waits for this answer any more: drop it
 *          -ENODEV   unmounted: drop it
 *          -EINVAL   malformed: our bug
 *          a notification: -ENOENT the kernel has no such inode or name, -ENOTDIR, -ENOTEMPTY, -ENOSYS …
 */
import { ERRNO } from "../core/fs-error.ts";
import { readFd, writeFd } from "../sys/fd.ts";

export interface Channel {
  /** Reads one whole request; returns its length or a negative errno. */
  read(into: Uint8Array): number;
  /** Writes the first `size` bytes as one answer or notification; returns `size` or a negative errno. */
  write(bytes: Uint8Array, size: number): number;
}

/** A descriptor of /dev/fuse that is non-blocking; the opener closes it. */
export class DeviceChannel implements Channel {
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  read(into: Uint8Array): number {
    return readFd(this.fd, into, into.length);
  }

  write(bytes: Uint8Array, size: number): number {
    return writeFd(this.fd, bytes, size);
  }
}

/** Requests that a test puts in, answers that it takes out. Copies both ways. */
export class MemoryChannel implements Channel {
  readonly requests: Uint8Array[] = [];
  readonly replies: Uint8Array[] = [];
  /** When set, what `read` returns once `requests` is empty; -EAGAIN otherwise. */
  end: number = -ERRNO.EAGAIN;
  /** What the next writes return in place of success. */
  readonly refusals: number[] = [];

  read(into: Uint8Array): number {
    const next = this.requests.shift();
    if (next === undefined) return this.end;
    into.set(next);
    return next.length;
  }

  write(bytes: Uint8Array, size: number): number {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refusal;
    this.replies.push(bytes.slice(0, size));
    return size;
  }
}
