/**
 * Attributes of an inode, and what asks for them or changes them.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_attr (88)
 *   0 u64 ino   8 u64 size   16 u64 blocks   24 i64 atime   32 i64 mtime   40 i64 ctime
 *   48 u32 atimensec   52 u32 mtimensec   56 u32 ctimensec   60 u32 mode   64 u32 nlink   68 u32 uid
 *   72 u32 gid   76 u32 rdev   80 u32 blksize   84 u32 flags
 *
 * fuse_getattr_in (16)
 *   0 u32 getattr_flags   8 u64 fh
 *
 * fuse_setattr_in (88)
 *   0 u32 valid   8 u64 fh   16 u64 size   24 u64 lock_owner   32 i64 atime   40 i64 mtime   48 i64 ctime
 *   56 u32 atimensec   60 u32 mtimensec   64 u32 ctimensec   68 u32 mode   76 u32 uid   80 u32 gid
 *
 * fuse_attr_out (104)
 *   0 u64 attr_valid   8 u32 attr_valid_nsec   16 fuse_attr
 *
 * fuse_entry_out (128): answers LOOKUP and whatever makes a name
 *   0 u64 nodeid   8 u64 generation   16 u64 entry_valid   24 u64 attr_valid   32 u32 entry_valid_nsec
 *   36 u32 attr_valid_nsec   40 fuse_attr
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setI64Le, setU64Le } from "../../core/u64.ts";
import { getSaturatedI64Le } from "./i64.ts";

export const ATTR_SIZE = 88;

export const GETATTR_IN_SIZE = 16;

export const SETATTR_IN_SIZE = 88;

export const ATTR_OUT_SIZE = 104;

export const ENTRY_OUT_SIZE = 128;

export interface Attr {
  ino: number;
  size: number;
  /** Units of 512 bytes. */
  blocks: number;
  atimeSec: number;
  mtimeSec: number;
  ctimeSec: number;
  atimeNsec: number;
  mtimeNsec: number;
  ctimeNsec: number;
  /** Type and permission bits. */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  /** As the kernel's new_encode_dev: minor low byte, major 12 bits, minor high bits. */
  rdev: number;
  blksize: number;
  /** `AttrFlag` bits. */
  flags: number;
}

export interface GetattrIn {
  /** `GetattrFlag` bits. */
  getattrFlags: number;
  /** Valid with GetattrFlag.FH. */
  fh: number;
}

export interface SetattrIn {
  /** `SetattrValid` bits say which of the rest count. */
  valid: number;
  fh: number;
  size: number;
  lockOwnerLow: number;
  lockOwnerHigh: number;
  atimeSec: number;
  mtimeSec: number;
  ctimeSec: number;
  atimeNsec: number;
  mtimeNsec: number;
  ctimeNsec: number;
  mode: number;
  uid: number;
  gid: number;
}

export interface AttrOut {
  /** How long the kernel may keep the attributes. */
  attrValidSec: number;
  attrValidNsec: number;
  readonly attr: Attr;
}

export interface EntryOut {
  /** 0 with a validity is a name that does not exist, to be kept. */
  nodeid: number;
  generation: number;
  /** How long the kernel may keep the name. */
  entryValidSec: number;
  /** How long the kernel may keep the attributes. */
  attrValidSec: number;
  entryValidNsec: number;
  attrValidNsec: number;
  readonly attr: Attr;
}

export function newAttr(): Attr {
  return {
    ino: 0,
    size: 0,
    blocks: 0,
    atimeSec: 0,
    mtimeSec: 0,
    ctimeSec: 0,
    atimeNsec: 0,
    mtimeNsec: 0,
    ctimeNsec: 0,
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    rdev: 0,
    blksize: 0,
    flags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeAttr(view: DataView, at: number, into: Attr): Attr {
  if (view.byteLength - at < ATTR_SIZE) throw new FsError("EIO", "fuse_attr is cut short");
  into.ino = getSaturatedU64Le(view, at);
  into.size = getSaturatedU64Le(view, at + 8);
  into.blocks = getSaturatedU64Le(view, at + 16);
  into.atimeSec = getSaturatedI64Le(view, at + 24);
  into.mtimeSec = getSaturatedI64Le(view, at + 32);
  into.ctimeSec = getSaturatedI64Le(view, at + 40);
  into.atimeNsec = view.getUint32(at + 48, true);
  into.mtimeNsec = view.getUint32(at + 52, true);
  into.ctimeNsec = view.getUint32(at + 56, true);
  into.mode = view.getUint32(at + 60, true);
  into.nlink = view.getUint32(at + 64, true);
  into.uid = view.getUint32(at + 68, true);
  into.gid = view.getUint32(at + 72, true);
  into.rdev = view.getUint32(at + 76, true);
  into.blksize = view.getUint32(at + 80, true);
  into.flags = view.getUint32(at + 84, true);
  return into;
}

export function encodeAttr(view: DataView, at: number, from: Readonly<Attr>): void {
  setU64Le(view, at, from.ino);
  setU64Le(view, at + 8, from.size);
  setU64Le(view, at + 16, from.blocks);
  setI64Le(view, at + 24, from.atimeSec);
  setI64Le(view, at + 32, from.mtimeSec);
  setI64Le(view, at + 40, from.ctimeSec);
  view.setUint32(at + 48, from.atimeNsec, true);
  view.setUint32(at + 52, from.mtimeNsec, true);
  view.setUint32(at + 56, from.ctimeNsec, true);
  view.setUint32(at + 60, from.mode, true);
  view.setUint32(at + 64, from.nlink, true);
  view.setUint32(at + 68, from.uid, true);
  view.setUint32(at + 72, from.gid, true);
  view.setUint32(at + 76, from.rdev, true);
  view.setUint32(at + 80, from.blksize, true);
  view.setUint32(at + 84, from.flags, true);
}

export function newGetattrIn(): GetattrIn {
  return {
    getattrFlags: 0,
    fh: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeGetattrIn(view: DataView, at: number, into: GetattrIn): GetattrIn {
  if (view.byteLength - at < GETATTR_IN_SIZE)
    throw new FsError("EIO", "fuse_getattr_in is cut short");
  into.getattrFlags = view.getUint32(at, true);
  into.fh = getSaturatedU64Le(view, at + 8);
  return into;
}

export function encodeGetattrIn(view: DataView, at: number, from: Readonly<GetattrIn>): void {
  view.setUint32(at, from.getattrFlags, true);
  view.setUint32(at + 4, 0, true);
  setU64Le(view, at + 8, from.fh);
}

export function newSetattrIn(): SetattrIn {
  return {
    valid: 0,
    fh: 0,
    size: 0,
    lockOwnerLow: 0,
    lockOwnerHigh: 0,
    atimeSec: 0,
    mtimeSec: 0,
    ctimeSec: 0,
    atimeNsec: 0,
    mtimeNsec: 0,
    ctimeNsec: 0,
    mode: 0,
    uid: 0,
    gid: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeSetattrIn(view: DataView, at: number, into: SetattrIn): SetattrIn {
  if (view.byteLength - at < SETATTR_IN_SIZE)
    throw new FsError("EIO", "fuse_setattr_in is cut short");
  into.valid = view.getUint32(at, true);
  into.fh = getSaturatedU64Le(view, at + 8);
  into.size = getSize(view, at + 16);
  into.lockOwnerLow = view.getUint32(at + 24, true);
  into.lockOwnerHigh = view.getUint32(at + 28, true);
  into.atimeSec = getSaturatedI64Le(view, at + 32);
  into.mtimeSec = getSaturatedI64Le(view, at + 40);
  into.ctimeSec = getSaturatedI64Le(view, at + 48);
  into.atimeNsec = view.getUint32(at + 56, true);
  into.mtimeNsec = view.getUint32(at + 60, true);
  into.ctimeNsec = view.getUint32(at + 64, true);
  into.mode = view.getUint32(at + 68, true);
  into.uid = view.getUint32(at + 76, true);
  into.gid = view.getUint32(at + 80, true);
  return into;
}

export function encodeSetattrIn(view: DataView, at: number, from: Readonly<SetattrIn>): void {
  view.setUint32(at, from.valid, true);
  view.setUint32(at + 4, 0, true);
  setU64Le(view, at + 8, from.fh);
  setU64Le(view, at + 16, from.size);
  view.setUint32(at + 24, from.lockOwnerLow, true);
  view.setUint32(at + 28, from.lockOwnerHigh, true);
  setI64Le(view, at + 32, from.atimeSec);
  setI64Le(view, at + 40, from.mtimeSec);
  setI64Le(view, at + 48, from.ctimeSec);
  view.setUint32(at + 56, from.atimeNsec, true);
  view.setUint32(at + 60, from.mtimeNsec, true);
  view.setUint32(at + 64, from.ctimeNsec, true);
  view.setUint32(at + 68, from.mode, true);
  view.setUint32(at + 72, 0, true);
  view.setUint32(at + 76, from.uid, true);
  view.setUint32(at + 80, from.gid, true);
  view.setUint32(at + 84, 0, true);
}

export function newAttrOut(): AttrOut {
  return {
    attrValidSec: 0,
    attrValidNsec: 0,
    attr: newAttr(),
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeAttrOut(view: DataView, at: number, into: AttrOut): AttrOut {
  if (view.byteLength - at < ATTR_OUT_SIZE) throw new FsError("EIO", "fuse_attr_out is cut short");
  into.attrValidSec = getSaturatedU64Le(view, at);
  into.attrValidNsec = view.getUint32(at + 8, true);
  decodeAttr(view, at + 16, into.attr);
  return into;
}

export function encodeAttrOut(view: DataView, at: number, from: Readonly<AttrOut>): void {
  setU64Le(view, at, from.attrValidSec);
  view.setUint32(at + 8, from.attrValidNsec, true);
  view.setUint32(at + 12, 0, true);
  encodeAttr(view, at + 16, from.attr);
}

export function newEntryOut(): EntryOut {
  return {
    nodeid: 0,
    generation: 0,
    entryValidSec: 0,
    attrValidSec: 0,
    entryValidNsec: 0,
    attrValidNsec: 0,
    attr: newAttr(),
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeEntryOut(view: DataView, at: number, into: EntryOut): EntryOut {
  if (view.byteLength - at < ENTRY_OUT_SIZE)
    throw new FsError("EIO", "fuse_entry_out is cut short");
  into.nodeid = getSaturatedU64Le(view, at);
  into.generation = getSaturatedU64Le(view, at + 8);
  into.entryValidSec = getSaturatedU64Le(view, at + 16);
  into.attrValidSec = getSaturatedU64Le(view, at + 24);
  into.entryValidNsec = view.getUint32(at + 32, true);
  into.attrValidNsec = view.getUint32(at + 36, true);
  decodeAttr(view, at + 40, into.attr);
  return into;
}

export function encodeEntryOut(view: DataView, at: number, from: Readonly<EntryOut>): void {
  setU64Le(view, at, from.nodeid);
  setU64Le(view, at + 8, from.generation);
  setU64Le(view, at + 16, from.entryValidSec);
  setU64Le(view, at + 24, from.attrValidSec);
  view.setUint32(at + 32, from.entryValidNsec, true);
  view.setUint32(at + 36, from.attrValidNsec, true);
  encodeAttr(view, at + 40, from.attr);
}

/** 2^53 for anything above 2^53 - 1: saturated to the largest file's size it would pass for one that is allowed. */
function getSize(view: DataView, at: number): number {
  const isTooLarge = view.getUint32(at + 4, true) > 0x1f_ffff;
  return isTooLarge ? Number.MAX_SAFE_INTEGER + 1 : getSaturatedU64Le(view, at);
}
