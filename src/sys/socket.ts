/**
 * Handing an open descriptor from one process to another over a Unix socket.
 * Source: socketpair(2), recvmsg(2), unix(7) SCM_RIGHTS, cmsg(3).
 *
 *   struct msghdr (56)  0 name   8 u32 namelen   16 iov   24 u64 iovlen   32 control   40 u64 controllen   48 i32 flags
 *   struct iovec (16)   0 base   8 u64 len
 *   struct cmsghdr (16) 0 u64 len   8 i32 level   12 i32 type; the descriptors, 4 bytes each, follow
 */
import { ERRNO, FsError } from "../core/fs-error.ts";
import { checked, errnoError } from "./errno.ts";
import * as libc from "./libc.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const MSGHDR_SIZE = 56;
const CMSGHDR_SIZE = 16;
/** One header and one descriptor, padded to 8. */
const CONTROL_SIZE = 24;

/** Two connected stream sockets, both closed on exec. */
export function createSocketPair(): readonly [number, number] {
  const bytes = new Uint8Array(8);
  checked(libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, bytes), "socketpair");
  const view = new DataView(bytes.buffer);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/** Waits for one descriptor; it is closed on exec. Throws EPIPE when the other side closed without sending one. */
export function receiveDescriptor(socket: number): number {
  const message = new Message();
  for (;;) {
    const count = libc.recvmsg(socket, message.header, MSG_CMSG_CLOEXEC);
    if (count >= 0) {
      const fd = message.descriptor();
      if (fd === undefined)
        throw new FsError("EPIPE", `socket ${socket} ended without sending a descriptor`);
      return fd;
    }
    const errno = libc.lastErrno();
    if (errno !== ERRNO.EINTR) throw errnoError(errno, `recvmsg of socket ${socket}`);
  }
}

/** Sends a descriptor with one byte; the receiver's is a duplicate. */
export function sendDescriptor(socket: number, fd: number): void {
  const message = new Message();
  message.putDescriptor(fd);
  checked(libc.sendmsg(socket, message.header, 0), `sendmsg of socket ${socket}`);
}

/** A msghdr with one byte of data and room for one descriptor; holds all the memory it points to. */
class Message {
  readonly header: Uint8Array = new Uint8Array(MSGHDR_SIZE);
  readonly #iovec = new Uint8Array(16);
  readonly #data = new Uint8Array(1);
  readonly #control = new Uint8Array(CONTROL_SIZE);

  constructor() {
    const iovec = new DataView(this.#iovec.buffer);
    iovec.setBigUint64(0, libc.addressOf(this.#data), true);
    iovec.setBigUint64(8, 1n, true);
    const header = new DataView(this.header.buffer);
    header.setBigUint64(16, libc.addressOf(this.#iovec), true);
    header.setBigUint64(24, 1n, true);
    header.setBigUint64(32, libc.addressOf(this.#control), true);
    header.setBigUint64(40, BigInt(CONTROL_SIZE), true);
  }

  putDescriptor(fd: number): void {
    const control = new DataView(this.#control.buffer);
    control.setBigUint64(0, BigInt(CMSGHDR_SIZE + 4), true);
    control.setInt32(8, SOL_SOCKET, true);
    control.setInt32(12, SCM_RIGHTS, true);
    control.setInt32(CMSGHDR_SIZE, fd, true);
  }

  descriptor(): number | undefined {
    const header = new DataView(this.header.buffer);
    if (header.getBigUint64(40, true) < BigInt(CMSGHDR_SIZE + 4)) return undefined;
    const control = new DataView(this.#control.buffer);
    if (control.getInt32(8, true) !== SOL_SOCKET || control.getInt32(12, true) !== SCM_RIGHTS)
      return undefined;
    return control.getInt32(CMSGHDR_SIZE, true);
  }
}
