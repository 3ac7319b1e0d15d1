/**
 * FUSE_READ, READDIR, READDIRPLUS.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_read_in (40)
 *   0 u64 fh   8 u64 offset   16 u32 size   20 u32 read_flags   24 u64 lock_owner   32 u32 flags
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const READ_IN_SIZE = 40;

export interface ReadIn {
  fh: number;
  /** In a file, bytes; in a directory, the cookie after which to go on. */
  offset: number;
  size: number;
  /** `ReadFlag` bits. */
  readFlags: number;
  lockOwnerLow: number;
  lockOwnerHigh: number;
  /** open(2) flags. */
  flags: number;
}

export function newReadIn(): ReadIn {
  return {
    fh: 0,
    offset: 0,
    size: 0,
    readFlags: 0,
    lockOwnerLow: 0,
    lockOwnerHigh: 0,
    flags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeReadIn(view: DataView, at: number, into: ReadIn): ReadIn {
  if (view.byteLength - at < READ_IN_SIZE) throw new FsError("EIO", "fuse_read_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.offset = getSaturatedU64Le(view, at + 8);
  into.size = view.getUint32(at + 16, true);
  into.readFlags = view.getUint32(at + 20, true);
  into.lockOwnerLow = view.getUint32(at + 24, true);
  into.lockOwnerHigh = view.getUint32(at + 28, true);
  into.flags = view.getUint32(at + 32, true);
  return into;
}

export function encodeReadIn(view: DataView, at: number, from: Readonly<ReadIn>): void {
  setU64Le(view, at, from.fh);
  setU64Le(view, at + 8, from.offset);
  view.setUint32(at + 16, from.size, true);
  view.setUint32(at + 20, from.readFlags, true);
  view.setUint32(at + 24, from.lockOwnerLow, true);
  view.setUint32(at + 28, from.lockOwnerHigh, true);
  view.setUint32(at + 32, from.flags, true);
  view.setUint32(at + 36, 0, true);
}
