/**
 * FUSE_STATX (7.39): attributes with birth time and masks, in the layout of statx(2).
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_sx_time (16)
 *   0 i64 tv_sec   8 u32 tv_nsec
 *
 * fuse_statx (256)
 *   0 u32 mask   4 u32 blksize   8 u64 attributes   16 u32 nlink   20 u32 uid   24 u32 gid   28 u16 mode
 *   32 u64 ino   40 u64 size   48 u64 blocks   56 u64 attributes_mask   64 fuse_atime   80 fuse_btime
 *   96 fuse_ctime   112 fuse_mtime   128 u32 rdev_major   132 u32 rdev_minor   136 u32 dev_major
 *   140 u32 dev_minor
 *
 * fuse_statx_in (24)
 *   0 u32 getattr_flags   8 u64 fh   16 u32 sx_flags   20 u32 sx_mask
 *
 * fuse_statx_out (288)
 *   0 u64 attr_valid   8 u32 attr_valid_nsec   12 u32 flags   32 fuse_stat
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setI64Le, setU64Le } from "../../core/u64.ts";
import { getSaturatedI64Le } from "./i64.ts";

export const SX_TIME_SIZE = 16;

export const STATX_SIZE = 256;

export const STATX_IN_SIZE = 24;

export const STATX_OUT_SIZE = 288;

export interface SxTime {
  sec: number;
  nsec: number;
}

export interface Statx {
  /** `STATX_*` bits that are filled. */
  mask: number;
  blksize: number;
  /** `STATX_ATTR_*` bits. */
  attributes: number;
  nlink: number;
  uid: number;
  gid: number;
  mode: number;
  ino: number;
  size: number;
  /** Units of 512 bytes. */
  blocks: number;
  /** `STATX_ATTR_*` bits that the filesystem knows at all. */
  attributesMask: number;
  readonly atime: SxTime;
  readonly btime: SxTime;
  readonly ctime: SxTime;
  readonly mtime: SxTime;
  rdevMajor: number;
  rdevMinor: number;
  devMajor: number;
  devMinor: number;
}

export interface StatxIn {
  /** `GetattrFlag` bits. */
  getattrFlags: number;
  /** Valid with GetattrFlag.FH. */
  fh: number;
  /** `AT_STATX_*` bits of the caller. */
  sxFlags: number;
  /** `STATX_*` bits that the caller wants. */
  sxMask: number;
}

export interface StatxOut {
  attrValidSec: number;
  attrValidNsec: number;
  flags: number;
  readonly stat: Statx;
}

export function newSxTime(): SxTime {
  return {
    sec: 0,
    nsec: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeSxTime(view: DataView, at: number, into: SxTime): SxTime {
  if (view.byteLength - at < SX_TIME_SIZE) throw new FsError("EIO", "fuse_sx_time is cut short");
  into.sec = getSaturatedI64Le(view, at);
  into.nsec = view.getUint32(at + 8, true);
  return into;
}

export function encodeSxTime(view: DataView, at: number, from: Readonly<SxTime>): void {
  setI64Le(view, at, from.sec);
  view.setUint32(at + 8, from.nsec, true);
  view.setUint32(at + 12, 0, true);
}

export function newStatx(): Statx {
  return {
    mask: 0,
    blksize: 0,
    attributes: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    mode: 0,
    ino: 0,
    size: 0,
    blocks: 0,
    attributesMask: 0,
    atime: newSxTime(),
    btime: newSxTime(),
    ctime: newSxTime(),
    mtime: newSxTime(),
    rdevMajor: 0,
    rdevMinor: 0,
    devMajor: 0,
    devMinor: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeStatx(view: DataView, at: number, into: Statx): Statx {
  if (view.byteLength - at < STATX_SIZE) throw new FsError("EIO", "fuse_statx is cut short");
  into.mask = view.getUint32(at, true);
  into.blksize = view.getUint32(at + 4, true);
  into.attributes = getSaturatedU64Le(view, at + 8);
  into.nlink = view.getUint32(at + 16, true);
  into.uid = view.getUint32(at + 20, true);
  into.gid = view.getUint32(at + 24, true);
  into.mode = view.getUint16(at + 28, true);
  into.ino = getSaturatedU64Le(view, at + 32);
  into.size = getSaturatedU64Le(view, at + 40);
  into.blocks = getSaturatedU64Le(view, at + 48);
  into.attributesMask = getSaturatedU64Le(view, at + 56);
  decodeSxTime(view, at + 64, into.atime);
  decodeSxTime(view, at + 80, into.btime);
  decodeSxTime(view, at + 96, into.ctime);
  decodeSxTime(view, at + 112, into.mtime);
  into.rdevMajor = view.getUint32(at + 128, true);
  into.rdevMinor = view.getUint32(at + 132, true);
  into.devMajor = view.getUint32(at + 136, true);
  into.devMinor = view.getUint32(at + 140, true);
  return into;
}

export function encodeStatx(view: DataView, at: number, from: Readonly<Statx>): void {
  view.setUint32(at, from.mask, true);
  view.setUint32(at + 4, from.blksize, true);
  setU64Le(view, at + 8, from.attributes);
  view.setUint32(at + 16, from.nlink, true);
  view.setUint32(at + 20, from.uid, true);
  view.setUint32(at + 24, from.gid, true);
  view.setUint16(at + 28, from.mode, true);
  view.setUint16(at + 30, 0, true);
  setU64Le(view, at + 32, from.ino);
  setU64Le(view, at + 40, from.size);
  setU64Le(view, at + 48, from.blocks);
  setU64Le(view, at + 56, from.attributesMask);
  encodeSxTime(view, at + 64, from.atime);
  encodeSxTime(view, at + 80, from.btime);
  encodeSxTime(view, at + 96, from.ctime);
  encodeSxTime(view, at + 112, from.mtime);
  view.setUint32(at + 128, from.rdevMajor, true);
  view.setUint32(at + 132, from.rdevMinor, true);
  view.setUint32(at + 136, from.devMajor, true);
  view.setUint32(at + 140, from.devMinor, true);
  view.setUint32(at + 144, 0, true);
  view.setUint32(at + 148, 0, true);
  view.setUint32(at + 152, 0, true);
  view.setUint32(at + 156, 0, true);
  view.setUint32(at + 160, 0, true);
  view.setUint32(at + 164, 0, true);
  view.setUint32(at + 168, 0, true);
  view.setUint32(at + 172, 0, true);
  view.setUint32(at + 176, 0, true);
  view.setUint32(at + 180, 0, true);
  view.setUint32(at + 184, 0, true);
  view.setUint32(at + 188, 0, true);
  view.setUint32(at + 192, 0, true);
  view.setUint32(at + 196, 0, true);
  view.setUint32(at + 200, 0, true);
  view.setUint32(at + 204, 0, true);
  view.setUint32(at + 208, 0, true);
  view.setUint32(at + 212, 0, true);
  view.setUint32(at + 216, 0, true);
  view.setUint32(at + 220, 0, true);
  view.setUint32(at + 224, 0, true);
  view.setUint32(at + 228, 0, true);
  view.setUint32(at + 232, 0, true);
  view.setUint32(at + 236, 0, true);
  view.setUint32(at + 240, 0, true);
  view.setUint32(at + 244, 0, true);
  view.setUint32(at + 248, 0, true);
  view.setUint32(at + 252, 0, true);
}

export function newStatxIn(): StatxIn {
  return {
    getattrFlags: 0,
    fh: 0,
    sxFlags: 0,
    sxMask: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeStatxIn(view: DataView, at: number, into: StatxIn): StatxIn {
  if (view.byteLength - at < STATX_IN_SIZE) throw new FsError("EIO", "fuse_statx_in is cut short");
  into.getattrFlags = view.getUint32(at, true);
  into.fh = getSaturatedU64Le(view, at + 8);
  into.sxFlags = view.getUint32(at + 16, true);
  into.sxMask = view.getUint32(at + 20, true);
  return into;
}

export function encodeStatxIn(view: DataView, at: number, from: Readonly<StatxIn>): void {
  view.setUint32(at, from.getattrFlags, true);
  view.setUint32(at + 4, 0, true);
  setU64Le(view, at + 8, from.fh);
  view.setUint32(at + 16, from.sxFlags, true);
  view.setUint32(at + 20, from.sxMask, true);
}

export function newStatxOut(): StatxOut {
  return {
    attrValidSec: 0,
    attrValidNsec: 0,
    flags: 0,
    stat: newStatx(),
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeStatxOut(view: DataView, at: number, into: StatxOut): StatxOut {
  if (view.byteLength - at < STATX_OUT_SIZE)
    throw new FsError("EIO", "fuse_statx_out is cut short");
  into.attrValidSec = getSaturatedU64Le(view, at);
  into.attrValidNsec = view.getUint32(at + 8, true);
  into.flags = view.getUint32(at + 12, true);
  decodeStatx(view, at + 32, into.stat);
  return into;
}

export function encodeStatxOut(view: DataView, at: number, from: Readonly<StatxOut>): void {
  setU64Le(view, at, from.attrValidSec);
  view.setUint32(at + 8, from.attrValidNsec, true);
  view.setUint32(at + 12, from.flags, true);
  view.setUint32(at + 16, 0, true);
  view.setUint32(at + 20, 0, true);
  view.setUint32(at + 24, 0, true);
  view.setUint32(at + 28, 0, true);
  encodeStatx(view, at + 32, from.stat);
}
