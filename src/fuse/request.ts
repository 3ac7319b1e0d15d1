/**
 * The request being served: one object for the life of a session, over the buffer the device is read into.
 *
 * What always holds: every field of the header is copied out by `decode`, before a handler runs, and the header's
 * bytes are not read again. So a handler may overwrite the first 80 bytes of a WRITE's buffer (40 of the header,
 * 40 of fuse_write_in) with a journal record's own header and append record and data with a single write.
 * Source: linux/fuse.h of protocol 7.45, struct fuse_in_header.
 */
import { FsError } from "../core/fs-error.ts";
import { REQUEST_DATA_SIZE_MAX } from "../core/limits.ts";
import { getSaturatedU64Le } from "../core/u64.ts";
import { newExtensions, type Extensions } from "./abi/extension.ts";
import { IN_HEADER_SIZE } from "./abi/header.ts";
import { nameEnd } from "./abi/name.ts";
import { WRITE_IN_SIZE } from "./abi/write.ts";

/** A WRITE's data begins here in the buffer, 80 bytes in. */
export const WRITE_DATA_OFFSET: number = IN_HEADER_SIZE + WRITE_IN_SIZE;

/** The kernel refuses to be read with less than the largest WRITE and its headers; a page more leaves room for a header to grow. */
export const REQUEST_BUFFER_SIZE: number = REQUEST_DATA_SIZE_MAX + 4096;

/**
 * Names a request for whoever answers it later: copy the two numbers. A Request is one itself. They are as the kernel has
 * them, the resend bit included: of a request that was sent again it takes no other answer.
 */
export interface RequestId {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
}

const TWO_32 = 0x1_0000_0000;
const RESEND_BIT = 0x8000_0000;

export class Request implements RequestId {
  /** The whole request, and what an earlier, longer one left behind it: `size` says where it ends. */
  readonly bytes: Uint8Array;
  readonly view: DataView;

  /** Length of the request in bytes, header included. */
  size = 0;
  opcode = 0;
  /** The halves of the number that an answer must carry. */
  uniqueLow = 0;
  uniqueHigh = 0;
  /** As one number, without the resend bit: for tables and logs. Exact up to 2^53. Never ordered. */
  unique = 0;
  /** The kernel sends this one again, after FUSE_NOTIFY_RESEND. */
  resent = false;
  nodeid = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  /** Of CREATE, MKNOD, MKDIR, SYMLINK and TMPFILE, filled before their handlers run. */
  readonly extensions: Extensions = newExtensions();

  readonly #buffer: Buffer;

  /** `bytes` stays the caller's, is at least 8 KiB long and may be shared or mapped memory. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Takes in the header of the `size` bytes that were read. Throws EIO when they are not one whole request. */
  decode(size: number): void {
    const view = this.view;
    if (size < IN_HEADER_SIZE) throw new FsError("EIO", `a FUSE request of ${size} bytes`);
    if (view.getUint32(0, true) !== size)
      throw new FsError(
        "EIO",
        `a FUSE request of ${size} bytes says it has ${view.getUint32(0, true)}`,
      );
    this.size = size;
    this.opcode = view.getUint32(4, true);
    this.uniqueLow = view.getUint32(8, true);
    this.uniqueHigh = view.getUint32(12, true);
    this.resent = this.uniqueHigh >= RESEND_BIT;
    const high = this.resent ? this.uniqueHigh - RESEND_BIT : this.uniqueHigh;
    this.unique = high * TWO_32 + this.uniqueLow;
    this.nodeid = getSaturatedU64Le(view, 16);
    this.uid = view.getUint32(24, true);
    this.gid = view.getUint32(28, true);
    this.pid = view.getUint32(32, true);
  }

  /** The name at `at`, as latin1. Throws EIO when no zero byte ends it within the request. */
  name(at: number): string {
    return this.#buffer.toString("latin1", at, this.nameEnd(at));
  }

  /** Offset of the zero byte that ends the name at `at`. */
  nameEnd(at: number): number {
    return nameEnd(this.bytes, at, this.size);
  }
}
