/**
 * Requests about a part of a file: FSYNC, FSYNCDIR, FALLOCATE, LSEEK, COPY_FILE_RANGE.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_fsync_in (16)
 *   0 u64 fh   8 u32 fsync_flags
 *
 * fuse_fallocate_in (32)
 *   0 u64 fh   8 u64 offset   16 u64 length   24 u32 mode
 *
 * fuse_lseek_in (24)
 *   0 u64 fh   8 u64 offset   16 u32 whence
 *
 * fuse_lseek_out (8)
 *   0 u64 offset
 *
 * fuse_copy_file_range_in (56): COPY_FILE_RANGE and COPY_FILE_RANGE_64
 *   0 u64 fh_in   8 u64 off_in   16 u64 nodeid_out   24 u64 fh_out   32 u64 off_out   40 u64 len
 *   48 u64 flags
 *
 * fuse_copy_file_range_out (8): answers COPY_FILE_RANGE_64 (7.45)
 *   0 u64 bytes_copied
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const FSYNC_IN_SIZE = 16;

export const FALLOCATE_IN_SIZE = 32;

export const LSEEK_IN_SIZE = 24;

export const LSEEK_OUT_SIZE = 8;

export const COPY_FILE_RANGE_IN_SIZE = 56;

export const COPY_FILE_RANGE_OUT_SIZE = 8;

export interface FsyncIn {
  fh: number;
  /** `FsyncFlag` bits. */
  fsyncFlags: number;
}

export interface FallocateIn {
  fh: number;
  offset: number;
  length: number;
  /** FALLOC_FL_* bits of fallocate(2). */
  mode: number;
}

export interface LseekIn {
  fh: number;
  offset: number;
  /** SEEK_DATA (3) or SEEK_HOLE (4). */
  whence: number;
}

export interface LseekOut {
  offset: number;
}

export interface CopyFileRangeIn {
  fhIn: number;
  offIn: number;
  nodeidOut: number;
  fhOut: number;
  offOut: number;
  len: number;
  flags: number;
}

export interface CopyFileRangeOut {
  bytesCopied: number;
}

export function newFsyncIn(): FsyncIn {
  return {
    fh: 0,
    fsyncFlags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeFsyncIn(view: DataView, at: number, into: FsyncIn): FsyncIn {
  if (view.byteLength - at < FSYNC_IN_SIZE) throw new FsError("EIO", "fuse_fsync_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.fsyncFlags = view.getUint32(at + 8, true);
  return into;
}

export function encodeFsyncIn(view: DataView, at: number, from: Readonly<FsyncIn>): void {
  setU64Le(view, at, from.fh);
  view.setUint32(at + 8, from.fsyncFlags, true);
  view.setUint32(at + 12, 0, true);
}

export function newFallocateIn(): FallocateIn {
  return {
    fh: 0,
    offset: 0,
    length: 0,
    mode: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeFallocateIn(view: DataView, at: number, into: FallocateIn): FallocateIn {
  if (view.byteLength - at < FALLOCATE_IN_SIZE)
    throw new FsError("EIO", "fuse_fallocate_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.offset = getSaturatedU64Le(view, at + 8);
  into.length = getSaturatedU64Le(view, at + 16);
  into.mode = view.getUint32(at + 24, true);
  return into;
}

export function encodeFallocateIn(view: DataView, at: number, from: Readonly<FallocateIn>): void {
  setU64Le(view, at, from.fh);
  setU64Le(view, at + 8, from.offset);
  setU64Le(view, at + 16, from.length);
  view.setUint32(at + 24, from.mode, true);
  view.setUint32(at + 28, 0, true);
}

export function newLseekIn(): LseekIn {
  return {
    fh: 0,
    offset: 0,
    whence: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeLseekIn(view: DataView, at: number, into: LseekIn): LseekIn {
  if (view.byteLength - at < LSEEK_IN_SIZE) throw new FsError("EIO", "fuse_lseek_in is cut short");
  into.fh = getSaturatedU64Le(view, at);
  into.offset = getSaturatedU64Le(view, at + 8);
  into.whence = view.getUint32(at + 16, true);
  return into;
}

export function encodeLseekIn(view: DataView, at: number, from: Readonly<LseekIn>): void {
  setU64Le(view, at, from.fh);
  setU64Le(view, at + 8, from.offset);
  view.setUint32(at + 16, from.whence, true);
  view.setUint32(at + 20, 0, true);
}

export function newLseekOut(): LseekOut {
  return {
    offset: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeLseekOut(view: DataView, at: number, into: LseekOut): LseekOut {
  if (view.byteLength - at < LSEEK_OUT_SIZE)
    throw new FsError("EIO", "fuse_lseek_out is cut short");
  into.offset = getSaturatedU64Le(view, at);
  return into;
}

export function encodeLseekOut(view: DataView, at: number, from: Readonly<LseekOut>): void {
  setU64Le(view, at, from.offset);
}

export function newCopyFileRangeIn(): CopyFileRangeIn {
  return {
    fhIn: 0,
    offIn: 0,
    nodeidOut: 0,
    fhOut: 0,
    offOut: 0,
    len: 0,
    flags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeCopyFileRangeIn(
  view: DataView,
  at: number,
  into: CopyFileRangeIn,
): CopyFileRangeIn {
  if (view.byteLength - at < COPY_FILE_RANGE_IN_SIZE)
    throw new FsError("EIO", "fuse_copy_file_range_in is cut short");
  into.fhIn = getSaturatedU64Le(view, at);
  into.offIn = getSaturatedU64Le(view, at + 8);
  into.nodeidOut = getSaturatedU64Le(view, at + 16);
  into.fhOut = getSaturatedU64Le(view, at + 24);
  into.offOut = getSaturatedU64Le(view, at + 32);
  into.len = getSaturatedU64Le(view, at + 40);
  into.flags = getSaturatedU64Le(view, at + 48);
  return into;
}

export function encodeCopyFileRangeIn(
  view: DataView,
  at: number,
  from: Readonly<CopyFileRangeIn>,
): void {
  setU64Le(view, at, from.fhIn);
  setU64Le(view, at + 8, from.offIn);
  setU64Le(view, at + 16, from.nodeidOut);
  setU64Le(view, at + 24, from.fhOut);
  setU64Le(view, at + 32, from.offOut);
  setU64Le(view, at + 40, from.len);
  setU64Le(view, at + 48, from.flags);
}

export function newCopyFileRangeOut(): CopyFileRangeOut {
  return {
    bytesCopied: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeCopyFileRangeOut(
  view: DataView,
  at: number,
  into: CopyFileRangeOut,
): CopyFileRangeOut {
  if (view.byteLength - at < COPY_FILE_RANGE_OUT_SIZE)
    throw new FsError("EIO", "fuse_copy_file_range_out is cut short");
  into.bytesCopied = getSaturatedU64Le(view, at);
  return into;
}

export function encodeCopyFileRangeOut(
  view: DataView,
  at: number,
  from: Readonly<CopyFileRangeOut>,
): void {
  setU64Le(view, at, from.bytesCopied);
}
