/**
 * Extended attributes: SETXATTR, GETXATTR, LISTXATTR (REMOVEXATTR has only a name).
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_setxattr_in (16): the first 8 bytes only, without SETXATTR_EXT; then name and value
 *   0 u32 size   4 u32 flags   8 u32 setxattr_flags
 *
 * fuse_getxattr_in (8): GETXATTR and LISTXATTR
 *   0 u32 size
 *
 * fuse_getxattr_out (8): answers a `size` of 0
 *   0 u32 size
 */
import { FsError } from "../../core/fs-error.ts";

export const SETXATTR_IN_SIZE = 16;

export const GETXATTR_IN_SIZE = 8;

export const GETXATTR_OUT_SIZE = 8;

export interface SetxattrIn {
  /** Length of the value. */
  size: number;
  /** XATTR_CREATE (1), XATTR_REPLACE (2). */
  flags: number;
  /** `SetxattrFlag` bits. */
  setxattrFlags: number;
}

export interface GetxattrIn {
  /** Room for the answer; 0 asks for the length only. */
  size: number;
}

export interface GetxattrOut {
  size: number;
}

export function newSetxattrIn(): SetxattrIn {
  return {
    size: 0,
    flags: 0,
    setxattrFlags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeSetxattrIn(view: DataView, at: number, into: SetxattrIn): SetxattrIn {
  if (view.byteLength - at < SETXATTR_IN_SIZE)
    throw new FsError("EIO", "fuse_setxattr_in is cut short");
  into.size = view.getUint32(at, true);
  into.flags = view.getUint32(at + 4, true);
  into.setxattrFlags = view.getUint32(at + 8, true);
  return into;
}

export function encodeSetxattrIn(view: DataView, at: number, from: Readonly<SetxattrIn>): void {
  view.setUint32(at, from.size, true);
  view.setUint32(at + 4, from.flags, true);
  view.setUint32(at + 8, from.setxattrFlags, true);
  view.setUint32(at + 12, 0, true);
}

export function newGetxattrIn(): GetxattrIn {
  return {
    size: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeGetxattrIn(view: DataView, at: number, into: GetxattrIn): GetxattrIn {
  if (view.byteLength - at < GETXATTR_IN_SIZE)
    throw new FsError("EIO", "fuse_getxattr_in is cut short");
  into.size = view.getUint32(at, true);
  return into;
}

export function encodeGetxattrIn(view: DataView, at: number, from: Readonly<GetxattrIn>): void {
  view.setUint32(at, from.size, true);
  view.setUint32(at + 4, 0, true);
}

export function newGetxattrOut(): GetxattrOut {
  return {
    size: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeGetxattrOut(view: DataView, at: number, into: GetxattrOut): GetxattrOut {
  if (view.byteLength - at < GETXATTR_OUT_SIZE)
    throw new FsError("EIO", "fuse_getxattr_out is cut short");
  into.size = view.getUint32(at, true);
  return into;
}

export function encodeGetxattrOut(view: DataView, at: number, from: Readonly<GetxattrOut>): void {
  view.setUint32(at, from.size, true);
  view.setUint32(at + 4, 0, true);
}
