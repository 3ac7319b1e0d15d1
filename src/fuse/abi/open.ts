/**
 * FUSE_OPEN, OPENDIR, RELEASE, RELEASEDIR, FLUSH, and the second half of CREATE's answer.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_open_in (8)
 *   0 u32 flags   4 u32 open_flags
 *
 * fuse_open_out (16)
 *   0 u64 fh   8 u32 open_flags   12 i32 backing_id
 *
 * fuse_release_in (24)
 *   0 u64 fh   8 u32 flags   12 u32 release_flags   16 u64 lock_owner
 *
 * fuse_flush_in (24)
 *   0 u64 fh   16 u64 lock_owner
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const OPEN_IN_SIZE = 8;

export const OPEN_OUT_SIZE = 16;

export const RELEASE_IN_SIZE = 24;

export const FLUSH_IN_SIZE = 24;

export interface OpenIn {
  /** open(2) flags, O_CREAT, O_EXCL and O_NOCTTY removed. */
  flags: number;
  /** `OpenInFlag` bits. */
  openFlags: number;
}

export interface OpenOut {
  fh: number;
  /** `OpenOutFlag` bits. */
  openFlags: number;
  /** Wants OpenOutFlag.PASSTHROUGH (7.40); else 0. */
  backingId: number;
}

export interface ReleaseIn {
  fh: number;
  /** open(2) flags. */
  flags: number;
  /** `ReleaseFlag` bits. */
  releaseFlags: number;
  lockOwnerLow: number;
  lockOwnerHigh: number;
}

export interface FlushIn {
  fh: number;
  lockOwnerLow: number;
  lockOwnerHigh: number;
}

export function newOpenIn(): OpenIn {
  return {
    flags: 0,
    openFlags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeOpenIn(view: DataView, at: number, into: OpenIn): OpenIn {
  if (view.byteLength - at < OPEN_IN_SIZE) throw new FsError("EIO", "fuse_open_in is cut short");
  into.flags = view.getUint32(at, true);
  into.openFlags = view.getUint32(at + 4, true);
  return into;
}

export function encodeOpenIn(view: DataView, at: number, from: Readonly<OpenIn>): void {
  view.setUint32(at, from.flags, true);
  view.setUint32(at + 4, from.openFlags, true);
}

export function newOpenOut(): OpenOut {
  return {
    fh: 0,
    openFlags: 0,
    backingId: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeOpenOut(view: DataView, at: number, into: OpenOut): OpenOut {
  if (view.byteLength - at < OPEN_OUT_SIZE) throw new FsError("EIO", "fuse_open_out is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.openFlags = view.getUint32(at + 8, true);
  into.backingId = view.getInt32(at + 12, true);
  return into;
}

export function encodeOpenOut(view: DataView, at: number, from: Readonly<OpenOut>): void {
  setU64Le(view, at, from.fh);
  view.setUint32(at + 8, from.openFlags, true);
  view.setInt32(at + 12, from.backingId, true);
}

export function newReleaseIn(): ReleaseIn {
  return {
    fh: 0,
    flags: 0,
    releaseFlags: 0,
    lockOwnerLow: 0,
    lockOwnerHigh: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeReleaseIn(view: DataView, at: number, into: ReleaseIn): ReleaseIn {
  if (view.byteLength - at < RELEASE_IN_SIZE)
    throw new FsError("EIO", "fuse_release_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.flags = view.getUint32(at + 8, true);
  into.releaseFlags = view.getUint32(at + 12, true);
  into.lockOwnerLow = view.getUint32(at + 16, true);
  into.lockOwnerHigh = view.getUint32(at + 20, true);
  return into;
}

export function encodeReleaseIn(view: DataView, at: number, from: Readonly<ReleaseIn>): void {
  setU64Le(view, at, from.fh);
  view.setUint32(at + 8, from.flags, true);
  view.setUint32(at + 12, from.releaseFlags, true);
  view.setUint32(at + 16, from.lockOwnerLow, true);
  view.setUint32(at + 20, from.lockOwnerHigh, true);
}

export function newFlushIn(): FlushIn {
  return {
    fh: 0,
    lockOwnerLow: 0,
    lockOwnerHigh: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeFlushIn(view: DataView, at: number, into: FlushIn): FlushIn {
  if (view.byteLength - at < FLUSH_IN_SIZE) throw new FsError("EIO", "fuse_flush_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.lockOwnerLow = view.getUint32(at + 16, true);
  into.lockOwnerHigh = view.getUint32(at + 20, true);
  return into;
}

export function encodeFlushIn(view: DataView, at: number, from: Readonly<FlushIn>): void {
  setU64Le(view, at, from.fh);
  view.setUint32(at + 8, 0, true);
  view.setUint32(at + 12, 0, true);
  view.setUint32(at + 16, from.lockOwnerLow, true);
  view.setUint32(at + 20, from.lockOwnerHigh, true);
}
