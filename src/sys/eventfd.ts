/**
 * Doorbells between threads: any thread rings, one waits for it in poll(2).
 * Source: eventfd(2): a 64-bit counter; a write adds, a read takes all.
 */
import { ERRNO } from "../core/fs-error.ts";
import { checked, errnoError } from "./errno.ts";
import { readFd, writeFd } from "./fd.ts";
import * as libc from "./libc.ts";

const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
const ONE: Uint8Array = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** Non-blocking, closed on exec. */
export function createEventfd(): number {
  return checked(libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

/** Wakes whoever polls `fd`. Rings that nobody has drained are one. */
export function ringEventfd(fd: number): void {
  const result = writeFd(fd, ONE, ONE.length);
  // EAGAIN: the counter is full, so it is rung.
  if (result < 0 && result !== -ERRNO.EAGAIN)
    throw errnoError(-result, `write of eventfd descriptor ${fd}`);
}

/** Takes all rings since the last time: true when there was one. `scratch` has 8 bytes. */
export function drainEventfd(fd: number, scratch: Uint8Array): boolean {
  return readFd(fd, scratch, 8) > 0;
}
