/**
 * Waiting for one of a few descriptors, in a pollfd array that is made once.
 * Source: poll(2). struct pollfd: 0 i32 fd   4 i16 events   6 i16 revents. EINTR counts as "nothing yet".
 */
import { ERRNO } from "../core/fs-error.ts";
import { errnoError } from "./errno.ts";
import * as libc from "./libc.ts";

const POLLFD_SIZE = 8;

export const PollEvent = { IN: 0x01, OUT: 0x04, ERR: 0x08, HUP: 0x10, NVAL: 0x20 } as const;

export class PollSet {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;

  /** Waits for the descriptors to become readable. A negative one is skipped by the kernel. */
  constructor(fds: readonly number[]) {
    this.#count = fds.length;
    this.#bytes = new Uint8Array(fds.length * POLLFD_SIZE);
    this.#view = new DataView(this.#bytes.buffer);
    for (const [index, fd] of fds.entries()) {
      this.#view.setInt32(index * POLLFD_SIZE, fd, true);
      this.#view.setInt16(index * POLLFD_SIZE + 4, PollEvent.IN, true);
    }
  }

  /** Returns how many descriptors have something, 0 after `timeoutMs` (-1 waits for ever) or a signal. */
  wait(timeoutMs: number): number {
    const result = libc.poll(this.#bytes, this.#count, timeoutMs);
    if (result >= 0) return result;
    const errno = libc.lastErrno();
    // C leaves revents alone when it fails, so nothing may be read from them.
    for (let index = 0; index < this.#count; index++)
      this.#view.setInt16(index * POLLFD_SIZE + 6, 0, true);
    if (errno === ERRNO.EINTR || errno === ERRNO.EAGAIN) return 0;
    throw errnoError(errno, `poll of ${this.#count} descriptors`);
  }

  /** `PollEvent` bits of the last `wait`; ERR, HUP and NVAL come unasked. */
  events(index: number): number {
    return this.#view.getInt16(index * POLLFD_SIZE + 6, true);
  }
}
