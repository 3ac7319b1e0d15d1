/**
 * Waiting for one of a few descriptors, in a pollfd array that is made once.
 * Source: poll(2). struct pollfd: 0 i32 fd   4 i16 events   6 i16 revents. struct timespec: 0 i64 seconds   8 i64
 * nanoseconds. EINTR counts as "nothing yet".
 */
import { ERRNO } from "../core/fs-error.ts";
import { errnoError } from "./errno.ts";
import * as libc from "./libc.ts";

const POLLFD_SIZE = 8;
const TIMESPEC_SIZE = 16;

export const PollEvent = { IN: 0x01, OUT: 0x04, ERR: 0x08, HUP: 0x10, NVAL: 0x20 } as const;

export class PollSet {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;
  readonly #timespec = new Uint8Array(TIMESPEC_SIZE);
  readonly #nsec = new DataView(this.#timespec.buffer, 8);

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
    return this.#result(libc.poll(this.#bytes, this.#count, timeoutMs));
  }

  /** As `wait`, for less than a second, to about 50 us (the kernel's timer slack). */
  waitUs(timeoutUs: number): number {
    this.#nsec.setUint32(0, timeoutUs * 1000, true);
    return this.#result(libc.ppoll(this.#bytes, this.#count, this.#timespec, null));
  }

  /** `PollEvent` bits of the last `wait`; ERR, HUP and NVAL come unasked. */
  events(index: number): number {
    return this.#view.getInt16(index * POLLFD_SIZE + 6, true);
  }

  #result(result: number): number {
    if (result >= 0) return result;
    const errno = libc.lastErrno();
    // C leaves revents alone when it fails, so nothing may be read from them.
    for (let index = 0; index < this.#count; index++)
      this.#view.setInt16(index * POLLFD_SIZE + 6, 0, true);
    if (errno === ERRNO.EINTR || errno === ERRNO.EAGAIN) return 0;
    throw errnoError(errno, `poll of ${this.#count} descriptors`);
  }
}
