/**
 * Random bytes from the kernel itself: a cloned machine must not draw the same again (rule C4), as one may from a generator
 * in its memory. It also spares a start the loading of `node:crypto`.
 */
import { closeSync, openSync, readSync } from "node:fs";

/** Fills `bytes` and returns it. */
export function fillRandom<T extends NodeJS.ArrayBufferView>(bytes: T): T {
  const fd = openSync("/dev/urandom", "r");
  try {
    for (let done = 0; done < bytes.byteLength;)
      done += readSync(fd, bytes, done, bytes.byteLength - done, null);
  } finally {
    closeSync(fd);
  }
  return bytes;
}
