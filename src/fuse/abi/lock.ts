/**
 * FUSE_GETLK, SETLK, SETLKW.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_file_lock (24)
 *   0 u64 start   8 u64 end   16 u32 type   20 u32 pid
 *
 * fuse_lk_in (48)
 *   0 u64 fh   8 u64 owner   16 fuse_lk   40 u32 lk_flags
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const FILE_LOCK_SIZE = 24;

export const LK_IN_SIZE = 48;

export interface FileLock {
  /** 64 bits: a lock to the end of the file ends at 2^63 - 1. */
  startLow: number;
  startHigh: number;
  endLow: number;
  endHigh: number;
  /** F_RDLCK (0), F_WRLCK (1), F_UNLCK (2). */
  type: number;
  pid: number;
}

export interface LkIn {
  fh: number;
  ownerLow: number;
  ownerHigh: number;
  readonly lk: FileLock;
  /** `LkFlag` bits. */
  lkFlags: number;
}

export function newFileLock(): FileLock {
  return {
    startLow: 0,
    startHigh: 0,
    endLow: 0,
    endHigh: 0,
    type: 0,
    pid: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeFileLock(view: DataView, at: number, into: FileLock): FileLock {
  if (view.byteLength - at < FILE_LOCK_SIZE)
    throw new FsError("EIO", "fuse_file_lock is cut short");
  into.startLow = view.getUint32(at, true);
  into.startHigh = view.getUint32(at + 4, true);
  into.endLow = view.getUint32(at + 8, true);
  into.endHigh = view.getUint32(at + 12, true);
  into.type = view.getUint32(at + 16, true);
  into.pid = view.getUint32(at + 20, true);
  return into;
}

export function encodeFileLock(view: DataView, at: number, from: Readonly<FileLock>): void {
  view.setUint32(at, from.startLow, true);
  view.setUint32(at + 4, from.startHigh, true);
  view.setUint32(at + 8, from.endLow, true);
  view.setUint32(at + 12, from.endHigh, true);
  view.setUint32(at + 16, from.type, true);
  view.setUint32(at + 20, from.pid, true);
}

export function newLkIn(): LkIn {
  return {
    fh: 0,
    ownerLow: 0,
    ownerHigh: 0,
    lk: newFileLock(),
    lkFlags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeLkIn(view: DataView, at: number, into: LkIn): LkIn {
  if (view.byteLength - at < LK_IN_SIZE) throw new FsError("EIO", "fuse_lk_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.ownerLow = view.getUint32(at + 8, true);
  into.ownerHigh = view.getUint32(at + 12, true);
  decodeFileLock(view, at + 16, into.lk);
  into.lkFlags = view.getUint32(at + 40, true);
  return into;
}

export function encodeLkIn(view: DataView, at: number, from: Readonly<LkIn>): void {
  setU64Le(view, at, from.fh);
  view.setUint32(at + 8, from.ownerLow, true);
  view.setUint32(at + 12, from.ownerHigh, true);
  encodeFileLock(view, at + 16, from.lk);
  view.setUint32(at + 40, from.lkFlags, true);
  view.setUint32(at + 44, 0, true);
}
