/**
 * FUSE_WRITE; the data follows in the same request.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_write_in (40)
 *   0 u64 fh   8 u64 offset   16 u32 size   20 u32 write_flags   24 u64 lock_owner   32 u32 flags
 *
 * fuse_write_out (8): answers WRITE and COPY_FILE_RANGE
 *   0 u32 size
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const WRITE_IN_SIZE = 40;

export const WRITE_OUT_SIZE = 8;

export interface WriteIn {
  fh: number;
  /** Where in the file the data goes, in bytes. */
  offset: number;
  /** Length of the data, in bytes; the kernel keeps it at or below the negotiated max_write. */
  size: number;
  /** `WriteFlag` bits. */
  writeFlags: number;
  lockOwnerLow: number;
  lockOwnerHigh: number;
  /** open(2) flags. */
  flags: number;
}

export interface WriteOut {
  size: number;
}

export function newWriteIn(): WriteIn {
  return {
    fh: 0,
    offset: 0,
    size: 0,
    writeFlags: 0,
    lockOwnerLow: 0,
    lockOwnerHigh: 0,
    flags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeWriteIn(view: DataView, at: number, into: WriteIn): WriteIn {
  if (view.byteLength - at < WRITE_IN_SIZE) throw new FsError("EIO", "fuse_write_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.offset = getSaturatedU64Le(view, at + 8);
  into.size = view.getUint32(at + 16, true);
  into.writeFlags = view.getUint32(at + 20, true);
  into.lockOwnerLow = view.getUint32(at + 24, true);
  into.lockOwnerHigh = view.getUint32(at + 28, true);
  into.flags = view.getUint32(at + 32, true);
  return into;
}

export function encodeWriteIn(view: DataView, at: number, from: Readonly<WriteIn>): void {
  setU64Le(view, at, from.fh);
  setU64Le(view, at + 8, from.offset);
  view.setUint32(at + 16, from.size, true);
  view.setUint32(at + 20, from.writeFlags, true);
  view.setUint32(at + 24, from.lockOwnerLow, true);
  view.setUint32(at + 28, from.lockOwnerHigh, true);
  view.setUint32(at + 32, from.flags, true);
  view.setUint32(at + 36, 0, true);
}

export function newWriteOut(): WriteOut {
  return {
    size: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeWriteOut(view: DataView, at: number, into: WriteOut): WriteOut {
  if (view.byteLength - at < WRITE_OUT_SIZE)
    throw new FsError("EIO", "fuse_write_out is cut short");
  into.size = view.getUint32(at, true);
  return into;
}

export function encodeWriteOut(view: DataView, at: number, from: Readonly<WriteOut>): void {
  view.setUint32(at, from.size, true);
  view.setUint32(at + 4, 0, true);
}
