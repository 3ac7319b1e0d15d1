/**
 * The answer to the request being served: one object for the life of a session, over one preallocated buffer which
 * begins with the 16 bytes of fuse_out_header. Handlers encode straight into it; a READ can be `readSync` into
 * `bytes` at `dataOffset`.
 *
 * What always holds: a request gets exactly one answer, sent by `send`, unless it was deferred; then whoever has the
 * descriptor answers it, from any thread, with the `write…Reply` functions below.
 * Source: linux/fuse.h of protocol 7.45; fs/fuse/dev.c fuse_dev_do_write.
 */
import { assert } from "../core/assert.ts";
import { ERRNO } from "../core/fs-error.ts";
import { REQUEST_DATA_SIZE_MAX } from "../core/limits.ts";
import { setU64Le } from "../core/u64.ts";
import {
  ATTR_OUT_SIZE,
  encodeAttr,
  encodeEntryOut,
  ENTRY_OUT_SIZE,
  type Attr,
  type EntryOut,
} from "./abi/attr.ts";
import { BMAP_OUT_SIZE, IOCTL_OUT_SIZE, POLL_OUT_SIZE } from "./abi/device.ts";
import {
  direntplusSize,
  direntSize,
  encodeDirent,
  encodeDirentplus,
  type Dirent,
  type Direntplus,
} from "./abi/dirent.ts";
import { OUT_HEADER_SIZE } from "./abi/header.ts";
import { encodeFileLock, FILE_LOCK_SIZE, type FileLock } from "./abi/lock.ts";
import { writeName } from "./abi/name.ts";
import { Opcode } from "./abi/opcode.ts";
import { encodeOpenOut, OPEN_OUT_SIZE, type OpenOut } from "./abi/open.ts";
import { COPY_FILE_RANGE_OUT_SIZE, LSEEK_OUT_SIZE } from "./abi/range.ts";
import { encodeKstatfs, KSTATFS_SIZE, type Kstatfs } from "./abi/statfs.ts";
import { encodeStatxOut, STATX_OUT_SIZE, type StatxOut } from "./abi/statx.ts";
import { WRITE_OUT_SIZE } from "./abi/write.ts";
import { GETXATTR_OUT_SIZE } from "./abi/xattr.ts";
import type { Channel } from "./channel.ts";
import type { Request, RequestId } from "./request.ts";

/** Header, the largest READ, and a page so that a handler may overshoot by a block's rounding. */
export const REPLY_BUFFER_SIZE: number = OUT_HEADER_SIZE + REQUEST_DATA_SIZE_MAX + 4096;

/** Where the data of a reply begins. */
export const REPLY_DATA_OFFSET: number = OUT_HEADER_SIZE;

/** The errno the kernel takes at most; above it the answer is refused and the caller hangs (fs/fuse/dev.c: oh.error > -512). */
const ERRNO_MAX = 511;

export const ReplyState = {
  /** No answer yet. */
  OPEN: 0,
  /** Encoded, not sent. */
  ENCODED: 1,
  SENT: 2,
  /** Somebody else answers later. */
  DEFERRED: 3,
  /** The request has no answer: FORGET, INTERRUPT. */
  NONE: 4,
} as const;

export class Reply {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly dataOffset: number = REPLY_DATA_OFFSET;

  /** One of `ReplyState`. */
  state: number = ReplyState.OPEN;
  /** Length of the encoded answer, header included. */
  size = 0;

  readonly #channel: Channel;
  #id: RequestId = { uniqueLow: 0, uniqueHigh: 0 };
  #opcode = 0;
  /** End of the directory's records so far, and where they must end. */
  #direntAt = 0;
  #direntEnd = 0;

  /** `bytes` stays the caller's, may be shared or mapped, and is REPLY_BUFFER_SIZE long for the largest READ. */
  constructor(channel: Channel, bytes: Uint8Array = new Uint8Array(REPLY_BUFFER_SIZE)) {
    this.#channel = channel;
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Called before a handler runs; an answer that was not sent is forgotten. */
  begin(request: Request): void {
    this.#id = request;
    this.#opcode = request.opcode;
    this.state = ReplyState.OPEN;
    this.size = 0;
  }

  /** `errno` is negative, as in FsError. */
  error(errno: number): void {
    assert(errno < 0 && errno >= -ERRNO_MAX, `reply with errno ${errno}`);
    this.#finish(0, errno);
  }

  /** Success with nothing to say: UNLINK, RENAME, FLUSH, FSYNC, SETXATTR … */
  empty(): void {
    this.#finish(0, 0);
  }

  entry(entry: Readonly<EntryOut>): void {
    encodeEntryOut(this.view, REPLY_DATA_OFFSET, entry);
    this.#finish(ENTRY_OUT_SIZE, 0);
  }

  /** LOOKUP of a name that does not exist, which the kernel may remember for that long. */
  negativeEntry(validSec: number): void {
    this.bytes.fill(0, REPLY_DATA_OFFSET, REPLY_DATA_OFFSET + ENTRY_OUT_SIZE);
    setU64Le(this.view, REPLY_DATA_OFFSET + 16, validSec);
    this.#finish(ENTRY_OUT_SIZE, 0);
  }

  attr(attr: Readonly<Attr>, validSec: number, validNsec = 0): void {
    setU64Le(this.view, REPLY_DATA_OFFSET, validSec);
    this.view.setUint32(REPLY_DATA_OFFSET + 8, validNsec, true);
    this.view.setUint32(REPLY_DATA_OFFSET + 12, 0, true);
    encodeAttr(this.view, REPLY_DATA_OFFSET + 16, attr);
    this.#finish(ATTR_OUT_SIZE, 0);
  }

  statx(statx: Readonly<StatxOut>): void {
    encodeStatxOut(this.view, REPLY_DATA_OFFSET, statx);
    this.#finish(STATX_OUT_SIZE, 0);
  }

  /** CREATE and TMPFILE. */
  create(entry: Readonly<EntryOut>, open: Readonly<OpenOut>): void {
    encodeEntryOut(this.view, REPLY_DATA_OFFSET, entry);
    encodeOpenOut(this.view, REPLY_DATA_OFFSET + ENTRY_OUT_SIZE, open);
    this.#finish(ENTRY_OUT_SIZE + OPEN_OUT_SIZE, 0);
  }

  open(open: Readonly<OpenOut>): void {
    encodeOpenOut(this.view, REPLY_DATA_OFFSET, open);
    this.#finish(OPEN_OUT_SIZE, 0);
  }

  /** `size` bytes were taken from a WRITE. */
  write(size: number): void {
    this.view.setUint32(REPLY_DATA_OFFSET, size, true);
    this.view.setUint32(REPLY_DATA_OFFSET + 4, 0, true);
    this.#finish(WRITE_OUT_SIZE, 0);
  }

  statfs(statfs: Readonly<Kstatfs>): void {
    encodeKstatfs(this.view, REPLY_DATA_OFFSET, statfs);
    this.#finish(KSTATFS_SIZE, 0);
  }

  /** `size` bytes, which the handler has put at `dataOffset`; 0 is end of file. */
  data(size: number): void {
    assert(size <= this.bytes.length - REPLY_DATA_OFFSET, `reply of ${size} bytes`);
    this.#finish(size, 0);
  }

  /** Copies `value` behind the header. */
  bytesOf(value: Uint8Array): void {
    assert(value.length <= this.bytes.length - REPLY_DATA_OFFSET, `reply of ${value.length} bytes`);
    this.bytes.set(value, REPLY_DATA_OFFSET);
    this.#finish(value.length, 0);
  }

  /** A latin1 string without an ending zero: READLINK's target. */
  name(value: string): void {
    writeName(this.bytes, REPLY_DATA_OFFSET, value);
    this.#finish(value.length, 0);
  }

  /** GETXATTR and LISTXATTR: the value, or its length if `size` is 0, or ERANGE if it does not fit `size`. */
  xattr(size: number, value: Uint8Array): void {
    if (size === 0) this.xattrSize(value.length);
    else if (value.length > size) this.error(-ERRNO.ERANGE);
    else this.bytesOf(value);
  }

  xattrSize(size: number): void {
    this.view.setUint32(REPLY_DATA_OFFSET, size, true);
    this.view.setUint32(REPLY_DATA_OFFSET + 4, 0, true);
    this.#finish(GETXATTR_OUT_SIZE, 0);
  }

  lseek(offset: number): void {
    setU64Le(this.view, REPLY_DATA_OFFSET, offset);
    this.#finish(LSEEK_OUT_SIZE, 0);
  }

  /** COPY_FILE_RANGE, whose answer has 32 bits, and COPY_FILE_RANGE_64. */
  copied(size: number): void {
    if (this.#opcode === Opcode.COPY_FILE_RANGE_64) {
      setU64Le(this.view, REPLY_DATA_OFFSET, size);
      this.#finish(COPY_FILE_RANGE_OUT_SIZE, 0);
    } else {
      assert(size <= 0xffff_ffff, `COPY_FILE_RANGE answered with ${size} bytes`);
      this.write(size);
    }
  }

  /** `size` bytes of output were put at `dataOffset + IOCTL_OUT_SIZE`. */
  ioctl(result: number, size: number): void {
    const view = this.view;
    view.setInt32(REPLY_DATA_OFFSET, result, true);
    view.setUint32(REPLY_DATA_OFFSET + 4, 0, true);
    view.setUint32(REPLY_DATA_OFFSET + 8, 0, true);
    view.setUint32(REPLY_DATA_OFFSET + 12, 0, true);
    this.#finish(IOCTL_OUT_SIZE + size, 0);
  }

  poll(revents: number): void {
    this.view.setUint32(REPLY_DATA_OFFSET, revents, true);
    this.view.setUint32(REPLY_DATA_OFFSET + 4, 0, true);
    this.#finish(POLL_OUT_SIZE, 0);
  }

  bmap(block: number): void {
    setU64Le(this.view, REPLY_DATA_OFFSET, block);
    this.#finish(BMAP_OUT_SIZE, 0);
  }

  lock(lock: Readonly<FileLock>): void {
    encodeFileLock(this.view, REPLY_DATA_OFFSET, lock);
    this.#finish(FILE_LOCK_SIZE, 0);
  }

  /** `size` is what READDIR asked for at most. */
  beginDirectory(size: number): void {
    this.#direntAt = REPLY_DATA_OFFSET;
    this.#direntEnd = Math.min(REPLY_DATA_OFFSET + size, this.bytes.length);
  }

  /** False when the entry does not fit: it was not appended, and the next READDIR asks for it. */
  dirent(entry: Readonly<Dirent>): boolean {
    if (this.#direntAt + direntSize(entry.name.length) > this.#direntEnd) return false;
    this.#direntAt = encodeDirent(this.bytes, this.view, this.#direntAt, entry);
    return true;
  }

  /** As `dirent`; an entry with nodeid 0 gives the name alone ("." and ".."), any other is a lookup too. */
  direntplus(entry: Readonly<Direntplus>): boolean {
    if (this.#direntAt + direntplusSize(entry.dirent.name.length) > this.#direntEnd) return false;
    this.#direntAt = encodeDirentplus(this.bytes, this.view, this.#direntAt, entry);
    return true;
  }

  /** Answers with the entries appended since `beginDirectory`; none is the end of the directory. */
  directory(): void {
    this.#finish(this.#direntAt - REPLY_DATA_OFFSET, 0);
  }

  /** Nobody waits for an answer. */
  none(): void {
    assert(this.state === ReplyState.OPEN, "a second answer to one request");
    this.state = ReplyState.NONE;
  }

  /** Somebody answers later, by a copy of the request's `RequestId`, with the functions below. */
  defer(): void {
    assert(this.state === ReplyState.OPEN, "a second answer to one request");
    this.state = ReplyState.DEFERRED;
  }

  /** The encoded answer; shares the buffer. For the journal, which keeps it until the kernel has it. */
  encoded(): Uint8Array {
    assert(this.state === ReplyState.ENCODED, "no answer has been encoded");
    return this.bytes.subarray(0, this.size);
  }

  /**
   * Writes the answer; does nothing unless one is encoded. Returns 0, or what the caller may want to count:
   * -ENOENT (the request was interrupted or the mount aborted) or -ENODEV (unmounted).
   */
  send(): number {
    if (this.state !== ReplyState.ENCODED) return 0;
    this.state = ReplyState.SENT;
    return writeReplyBytes(this.#channel, this.bytes, this.size);
  }

  #finish(dataSize: number, errno: number): void {
    assert(this.state === ReplyState.OPEN, "a second answer to one request");
    this.size = OUT_HEADER_SIZE + dataSize;
    encodeReplyHeader(this.view, this.#id, this.size, errno);
    this.state = ReplyState.ENCODED;
  }
}

/** Puts fuse_out_header at the start of `view`; `size` is the whole answer's, header included. */
export function encodeReplyHeader(
  view: DataView,
  id: RequestId,
  size: number,
  errno: number,
): void {
  view.setUint32(0, size, true);
  view.setInt32(4, errno, true);
  view.setUint32(8, id.uniqueLow, true);
  view.setUint32(12, id.uniqueHigh, true);
}

/** Answers a deferred request with success and nothing else (`errno` 0) or with a negative errno. */
export function writeErrorReply(channel: Channel, id: RequestId, errno: number): number {
  const header = new Uint8Array(OUT_HEADER_SIZE);
  encodeReplyHeader(new DataView(header.buffer), id, OUT_HEADER_SIZE, errno);
  return writeReplyBytes(channel, header, OUT_HEADER_SIZE);
}

/**
 * Answers a deferred request with the `dataSize` bytes that lie at REPLY_DATA_OFFSET of `bytes`; the header is put
 * before them. Returns 0, -ENOENT (interrupted or aborted) or -ENODEV (unmounted).
 */
export function writeDataReply(
  channel: Channel,
  id: RequestId,
  bytes: Uint8Array,
  dataSize: number,
): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = OUT_HEADER_SIZE + dataSize;
  encodeReplyHeader(view, id, size, 0);
  return writeReplyBytes(channel, bytes, size);
}

/** Answers a deferred WRITE. */
export function writeWriteReply(channel: Channel, id: RequestId, size: number): number {
  const bytes = new Uint8Array(OUT_HEADER_SIZE + WRITE_OUT_SIZE);
  new DataView(bytes.buffer).setUint32(OUT_HEADER_SIZE, size, true);
  return writeDataReply(channel, id, bytes, WRITE_OUT_SIZE);
}

/**
 * Writes a whole answer, for instance one that the journal kept. The kernel takes it whole or not at all; an answer
 * it refuses as malformed would leave the caller hanging, so that is an assertion and answered EIO first.
 */
export function writeReplyBytes(channel: Channel, bytes: Uint8Array, size: number): number {
  const written = channel.write(bytes, size);
  if (written === size) return 0;
  if (written === -ERRNO.ENOENT || written === -ERRNO.ENODEV) return written;
  const view = new DataView(bytes.buffer, bytes.byteOffset, OUT_HEADER_SIZE);
  const errno = view.getInt32(4, true);
  view.setUint32(0, OUT_HEADER_SIZE, true);
  view.setInt32(4, -ERRNO.EIO, true);
  channel.write(bytes, OUT_HEADER_SIZE);
  assert(false, `the kernel refused a reply of ${size} bytes, errno ${errno}: ${written}`);
}
