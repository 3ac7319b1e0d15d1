/** Waits for a new connection's INIT on /dev/fuse and answers it: what whoever mounted does before anybody serves. */
import type { Clock } from "../core/clock.ts";
import { ERRNO, FsError } from "../core/fs-error.ts";
import { errnoError } from "../sys/errno.ts";
import { PollSet } from "../sys/poll.ts";
import { DeviceChannel } from "./channel.ts";
import { answerInit, type Session, type SessionOptions } from "./init.ts";
import { Reply } from "./reply.ts";
import { Request } from "./request.ts";

/** FUSE_MIN_READ_BUFFER of linux/fuse.h: what a read of the device needs at least, and INIT at most. */
const READ_BUFFER_SIZE_MIN = 8192;
/** The kernel sends INIT while mount(2) runs; one that has not come by now never will. */
const INIT_WAIT_MS = 10_000;

/**
 * `fd` is a non-blocking descriptor of /dev/fuse that has been mounted. Blocks the thread for milliseconds.
 * Throws ETIMEDOUT, ENODEV (unmounted meanwhile) or EPROTO (kernel too old).
 */
export function handshake(fd: number, options: SessionOptions, clock: Clock): Session {
  const channel = new DeviceChannel(fd);
  const request = new Request(new Uint8Array(READ_BUFFER_SIZE_MIN));
  const reply = new Reply(channel, new Uint8Array(READ_BUFFER_SIZE_MIN));
  const poll = new PollSet([fd]);
  const endMs = clock.monotonicMs() + INIT_WAIT_MS;
  for (;;) {
    const size = channel.read(request.bytes);
    if (size > 0) {
      request.decode(size);
      const session = answerInit(request, reply, options);
      if (session !== undefined) return session;
    } else if (size === -ERRNO.EAGAIN) {
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0)
        throw new FsError("ETIMEDOUT", `no FUSE_INIT within ${INIT_WAIT_MS} ms of the mount`);
      poll.wait(Math.ceil(leftMs));
    } else if (size !== -ERRNO.ENOENT) {
      throw errnoError(-size, "read of /dev/fuse before FUSE_INIT");
    }
  }
}
