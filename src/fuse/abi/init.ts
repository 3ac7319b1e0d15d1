/**
 * FUSE_INIT: what both sides can do.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_init_in (64): since 7.36 this long; before, the first 16 bytes
 *   0 u32 major   4 u32 minor   8 u32 max_readahead   12 u32 flags   16 u32 flags2
 *
 * fuse_init_out (64)
 *   0 u32 major   4 u32 minor   8 u32 max_readahead   12 u32 flags   16 u16 max_background
 *   18 u16 congestion_threshold   20 u32 max_write   24 u32 time_gran   28 u16 max_pages
 *   30 u16 map_alignment   32 u32 flags2   36 u32 max_stack_depth   40 u16 request_timeout
 */
import { FsError } from "../../core/fs-error.ts";

export const INIT_IN_SIZE = 64;

export const INIT_OUT_SIZE = 64;

export interface InitIn {
  major: number;
  minor: number;
  maxReadahead: number;
  /** `InitFlag` bits. */
  flags: number;
  /** `InitFlag2` bits. */
  flags2: number;
}

export interface InitOut {
  major: number;
  minor: number;
  maxReadahead: number;
  /** `InitFlag` bits. */
  flags: number;
  maxBackground: number;
  congestionThreshold: number;
  maxWrite: number;
  /** Granularity of times, in nanoseconds. */
  timeGran: number;
  /** Pages of one request at most; wants MAX_PAGES. */
  maxPages: number;
  /** log2 of the alignment of DAX mappings; wants MAP_ALIGNMENT. */
  mapAlignment: number;
  /** `InitFlag2` bits. */
  flags2: number;
  /** Wants PASSTHROUGH. */
  maxStackDepth: number;
  /** Seconds after which the kernel aborts the connection; wants REQUEST_TIMEOUT. */
  requestTimeout: number;
}

export function newInitIn(): InitIn {
  return {
    major: 0,
    minor: 0,
    maxReadahead: 0,
    flags: 0,
    flags2: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeInitIn(view: DataView, at: number, into: InitIn): InitIn {
  if (view.byteLength - at < INIT_IN_SIZE) throw new FsError("EIO", "fuse_init_in is cut short");
  into.major = view.getUint32(at, true);
  into.minor = view.getUint32(at + 4, true);
  into.maxReadahead = view.getUint32(at + 8, true);
  into.flags = view.getUint32(at + 12, true);
  into.flags2 = view.getUint32(at + 16, true);
  return into;
}

export function encodeInitIn(view: DataView, at: number, from: Readonly<InitIn>): void {
  view.setUint32(at, from.major, true);
  view.setUint32(at + 4, from.minor, true);
  view.setUint32(at + 8, from.maxReadahead, true);
  view.setUint32(at + 12, from.flags, true);
  view.setUint32(at + 16, from.flags2, true);
  view.setUint32(at + 20, 0, true);
  view.setUint32(at + 24, 0, true);
  view.setUint32(at + 28, 0, true);
  view.setUint32(at + 32, 0, true);
  view.setUint32(at + 36, 0, true);
  view.setUint32(at + 40, 0, true);
  view.setUint32(at + 44, 0, true);
  view.setUint32(at + 48, 0, true);
  view.setUint32(at + 52, 0, true);
  view.setUint32(at + 56, 0, true);
  view.setUint32(at + 60, 0, true);
}

export function newInitOut(): InitOut {
  return {
    major: 0,
    minor: 0,
    maxReadahead: 0,
    flags: 0,
    maxBackground: 0,
    congestionThreshold: 0,
    maxWrite: 0,
    timeGran: 0,
    maxPages: 0,
    mapAlignment: 0,
    flags2: 0,
    maxStackDepth: 0,
    requestTimeout: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeInitOut(view: DataView, at: number, into: InitOut): InitOut {
  if (view.byteLength - at < INIT_OUT_SIZE) throw new FsError("EIO", "fuse_init_out is cut short");
  into.major = view.getUint32(at, true);
  into.minor = view.getUint32(at + 4, true);
  into.maxReadahead = view.getUint32(at + 8, true);
  into.flags = view.getUint32(at + 12, true);
  into.maxBackground = view.getUint16(at + 16, true);
  into.congestionThreshold = view.getUint16(at + 18, true);
  into.maxWrite = view.getUint32(at + 20, true);
  into.timeGran = view.getUint32(at + 24, true);
  into.maxPages = view.getUint16(at + 28, true);
  into.mapAlignment = view.getUint16(at + 30, true);
  into.flags2 = view.getUint32(at + 32, true);
  into.maxStackDepth = view.getUint32(at + 36, true);
  into.requestTimeout = view.getUint16(at + 40, true);
  return into;
}

export function encodeInitOut(view: DataView, at: number, from: Readonly<InitOut>): void {
  view.setUint32(at, from.major, true);
  view.setUint32(at + 4, from.minor, true);
  view.setUint32(at + 8, from.maxReadahead, true);
  view.setUint32(at + 12, from.flags, true);
  view.setUint16(at + 16, from.maxBackground, true);
  view.setUint16(at + 18, from.congestionThreshold, true);
  view.setUint32(at + 20, from.maxWrite, true);
  view.setUint32(at + 24, from.timeGran, true);
  view.setUint16(at + 28, from.maxPages, true);
  view.setUint16(at + 30, from.mapAlignment, true);
  view.setUint32(at + 32, from.flags2, true);
  view.setUint32(at + 36, from.maxStackDepth, true);
  view.setUint16(at + 40, from.requestTimeout, true);
  view.setUint32(at + 42, 0, true);
  view.setUint32(at + 46, 0, true);
  view.setUint32(at + 50, 0, true);
  view.setUint32(at + 54, 0, true);
  view.setUint32(at + 58, 0, true);
  view.setUint16(at + 62, 0, true);
}
