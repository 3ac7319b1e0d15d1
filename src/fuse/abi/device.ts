/**
 * Requests that a device could answer: IOCTL, POLL, BMAP; and ACCESS.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_access_in (8)
 *   0 u32 mask
 *
 * fuse_ioctl_in (32): `inSize` bytes follow
 *   0 u64 fh   8 u32 flags   12 u32 cmd   16 u64 arg   24 u32 in_size   28 u32 out_size
 *
 * fuse_ioctl_out (16): the data for the caller follows
 *   0 i32 result   4 u32 flags   8 u32 in_iovs   12 u32 out_iovs
 *
 * fuse_poll_in (24)
 *   0 u64 fh   8 u64 kh   16 u32 flags   20 u32 events
 *
 * fuse_poll_out (8)
 *   0 u32 revents
 *
 * fuse_bmap_in (16)
 *   0 u64 block   8 u32 blocksize
 *
 * fuse_bmap_out (8)
 *   0 u64 block
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const ACCESS_IN_SIZE = 8;

export const IOCTL_IN_SIZE = 32;

export const IOCTL_OUT_SIZE = 16;

export const POLL_IN_SIZE = 24;

export const POLL_OUT_SIZE = 8;

export const BMAP_IN_SIZE = 16;

export const BMAP_OUT_SIZE = 8;

export interface AccessIn {
  /** R_OK (4), W_OK (2), X_OK (1). */
  mask: number;
}

export interface IoctlIn {
  fh: number;
  /** `IoctlFlag` bits. */
  flags: number;
  cmd: number;
  /** The caller's third argument, usually an address in its memory. */
  argLow: number;
  argHigh: number;
  inSize: number;
  outSize: number;
}

export interface IoctlOut {
  result: number;
  /** `IoctlFlag` bits. */
  flags: number;
  inIovs: number;
  outIovs: number;
}

export interface PollIn {
  fh: number;
  /** Names the waiter in NOTIFY_POLL. */
  khLow: number;
  khHigh: number;
  /** `PollFlag` bits. */
  flags: number;
  events: number;
}

export interface PollOut {
  revents: number;
}

export interface BmapIn {
  block: number;
  blocksize: number;
}

export interface BmapOut {
  block: number;
}

export function newAccessIn(): AccessIn {
  return {
    mask: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeAccessIn(view: DataView, at: number, into: AccessIn): AccessIn {
  if (view.byteLength - at < ACCESS_IN_SIZE)
    throw new FsError("EIO", "fuse_access_in is cut short");
  into.mask = view.getUint32(at, true);
  return into;
}

export function encodeAccessIn(view: DataView, at: number, from: Readonly<AccessIn>): void {
  view.setUint32(at, from.mask, true);
  view.setUint32(at + 4, 0, true);
}

export function newIoctlIn(): IoctlIn {
  return {
    fh: 0,
    flags: 0,
    cmd: 0,
    argLow: 0,
    argHigh: 0,
    inSize: 0,
    outSize: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeIoctlIn(view: DataView, at: number, into: IoctlIn): IoctlIn {
  if (view.byteLength - at < IOCTL_IN_SIZE) throw new FsError("EIO", "fuse_ioctl_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.flags = view.getUint32(at + 8, true);
  into.cmd = view.getUint32(at + 12, true);
  into.argLow = view.getUint32(at + 16, true);
  into.argHigh = view.getUint32(at + 20, true);
  into.inSize = view.getUint32(at + 24, true);
  into.outSize = view.getUint32(at + 28, true);
  return into;
}

export function encodeIoctlIn(view: DataView, at: number, from: Readonly<IoctlIn>): void {
  setU64Le(view, at, from.fh);
  view.setUint32(at + 8, from.flags, true);
  view.setUint32(at + 12, from.cmd, true);
  view.setUint32(at + 16, from.argLow, true);
  view.setUint32(at + 20, from.argHigh, true);
  view.setUint32(at + 24, from.inSize, true);
  view.setUint32(at + 28, from.outSize, true);
}

export function newIoctlOut(): IoctlOut {
  return {
    result: 0,
    flags: 0,
    inIovs: 0,
    outIovs: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeIoctlOut(view: DataView, at: number, into: IoctlOut): IoctlOut {
  if (view.byteLength - at < IOCTL_OUT_SIZE)
    throw new FsError("EIO", "fuse_ioctl_out is cut short");
  into.result = view.getInt32(at, true);
  into.flags = view.getUint32(at + 4, true);
  into.inIovs = view.getUint32(at + 8, true);
  into.outIovs = view.getUint32(at + 12, true);
  return into;
}

export function encodeIoctlOut(view: DataView, at: number, from: Readonly<IoctlOut>): void {
  view.setInt32(at, from.result, true);
  view.setUint32(at + 4, from.flags, true);
  view.setUint32(at + 8, from.inIovs, true);
  view.setUint32(at + 12, from.outIovs, true);
}

export function newPollIn(): PollIn {
  return {
    fh: 0,
    khLow: 0,
    khHigh: 0,
    flags: 0,
    events: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodePollIn(view: DataView, at: number, into: PollIn): PollIn {
  if (view.byteLength - at < POLL_IN_SIZE) throw new FsError("EIO", "fuse_poll_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.khLow = view.getUint32(at + 8, true);
  into.khHigh = view.getUint32(at + 12, true);
  into.flags = view.getUint32(at + 16, true);
  into.events = view.getUint32(at + 20, true);
  return into;
}

export function encodePollIn(view: DataView, at: number, from: Readonly<PollIn>): void {
  setU64Le(view, at, from.fh);
  view.setUint32(at + 8, from.khLow, true);
  view.setUint32(at + 12, from.khHigh, true);
  view.setUint32(at + 16, from.flags, true);
  view.setUint32(at + 20, from.events, true);
}

export function newPollOut(): PollOut {
  return {
    revents: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodePollOut(view: DataView, at: number, into: PollOut): PollOut {
  if (view.byteLength - at < POLL_OUT_SIZE) throw new FsError("EIO", "fuse_poll_out is cut short");
  into.revents = view.getUint32(at, true);
  return into;
}

export function encodePollOut(view: DataView, at: number, from: Readonly<PollOut>): void {
  view.setUint32(at, from.revents, true);
  view.setUint32(at + 4, 0, true);
}

export function newBmapIn(): BmapIn {
  return {
    block: 0,
    blocksize: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeBmapIn(view: DataView, at: number, into: BmapIn): BmapIn {
  if (view.byteLength - at < BMAP_IN_SIZE) throw new FsError("EIO", "fuse_bmap_in is cut short");
  into.block = getSaturatedU64Le(view, at);
  into.blocksize = view.getUint32(at + 8, true);
  return into;
}

export function encodeBmapIn(view: DataView, at: number, from: Readonly<BmapIn>): void {
  setU64Le(view, at, from.block);
  view.setUint32(at + 8, from.blocksize, true);
  view.setUint32(at + 12, 0, true);
}

export function newBmapOut(): BmapOut {
  return {
    block: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeBmapOut(view: DataView, at: number, into: BmapOut): BmapOut {
  if (view.byteLength - at < BMAP_OUT_SIZE) throw new FsError("EIO", "fuse_bmap_out is cut short");
  into.block = getSaturatedU64Le(view, at);
  return into;
}

export function encodeBmapOut(view: DataView, at: number, from: Readonly<BmapOut>): void {
  setU64Le(view, at, from.block);
}
