/**
 * The headers of a request and of a reply.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_in_header (40): precedes every request
 *   0 u32 len   4 u32 opcode   8 u64 unique   16 u64 nodeid   24 u32 uid   28 u32 gid   32 u32 pid
 *   36 u16 total_extlen
 *
 * fuse_out_header (16): precedes every reply and notification
 *   0 u32 len   4 i32 error   8 u64 unique
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const IN_HEADER_SIZE = 40;

export const OUT_HEADER_SIZE = 16;

export interface InHeader {
  /** Length of the whole request, this header included. */
  size: number;
  opcode: number;
  /** Names the request; the top bit says that it is sent again (HAS_RESEND). Never ordered. */
  uniqueLow: number;
  uniqueHigh: number;
  nodeid: number;
  uid: number;
  gid: number;
  /** 0 when the kernel itself asks (write-back), or the caller is of another PID namespace. */
  pid: number;
  /** Length of the extensions at the request's end, in units of 8 bytes (7.38). */
  extensionWords: number;
}

export interface OutHeader {
  /** Length of the whole reply, this header included. */
  size: number;
  /** 0 or a negative errno; a positive notify code when `unique` is 0. */
  error: number;
  /** As in the request, without the resend bit. */
  uniqueLow: number;
  uniqueHigh: number;
}

export function newInHeader(): InHeader {
  return {
    size: 0,
    opcode: 0,
    uniqueLow: 0,
    uniqueHigh: 0,
    nodeid: 0,
    uid: 0,
    gid: 0,
    pid: 0,
    extensionWords: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeInHeader(view: DataView, at: number, into: InHeader): InHeader {
  if (view.byteLength - at < IN_HEADER_SIZE)
    throw new FsError("EIO", "fuse_in_header is cut short");
  into.size = view.getUint32(at, true);
  into.opcode = view.getUint32(at + 4, true);
  into.uniqueLow = view.getUint32(at + 8, true);
  into.uniqueHigh = view.getUint32(at + 12, true);
  into.nodeid = getSaturatedU64Le(view, at + 16);
  into.uid = view.getUint32(at + 24, true);
  into.gid = view.getUint32(at + 28, true);
  into.pid = view.getUint32(at + 32, true);
  into.extensionWords = view.getUint16(at + 36, true);
  return into;
}

export function encodeInHeader(view: DataView, at: number, from: Readonly<InHeader>): void {
  view.setUint32(at, from.size, true);
  view.setUint32(at + 4, from.opcode, true);
  view.setUint32(at + 8, from.uniqueLow, true);
  view.setUint32(at + 12, from.uniqueHigh, true);
  setU64Le(view, at + 16, from.nodeid);
  view.setUint32(at + 24, from.uid, true);
  view.setUint32(at + 28, from.gid, true);
  view.setUint32(at + 32, from.pid, true);
  view.setUint16(at + 36, from.extensionWords, true);
  view.setUint16(at + 38, 0, true);
}

export function newOutHeader(): OutHeader {
  return {
    size: 0,
    error: 0,
    uniqueLow: 0,
    uniqueHigh: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeOutHeader(view: DataView, at: number, into: OutHeader): OutHeader {
  if (view.byteLength - at < OUT_HEADER_SIZE)
    throw new FsError("EIO", "fuse_out_header is cut short");
  into.size = view.getUint32(at, true);
  into.error = view.getInt32(at + 4, true);
  into.uniqueLow = view.getUint32(at + 8, true);
  into.uniqueHigh = view.getUint32(at + 12, true);
  return into;
}

export function encodeOutHeader(view: DataView, at: number, from: Readonly<OutHeader>): void {
  view.setUint32(at, from.size, true);
  view.setInt32(at + 4, from.error, true);
  view.setUint32(at + 8, from.uniqueLow, true);
  view.setUint32(at + 12, from.uniqueHigh, true);
}
