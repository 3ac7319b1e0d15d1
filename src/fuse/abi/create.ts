/**
 * FUSE_CREATE, MKNOD, MKDIR, TMPFILE; the name follows, then the extensions.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_create_in (16): CREATE and TMPFILE
 *   0 u32 flags   4 u32 mode   8 u32 umask   12 u32 open_flags
 *
 * fuse_mknod_in (16)
 *   0 u32 mode   4 u32 rdev   8 u32 umask
 *
 * fuse_mkdir_in (8)
 *   0 u32 mode   4 u32 umask
 */
import { FsError } from "../../core/fs-error.ts";

export const CREATE_IN_SIZE = 16;

export const MKNOD_IN_SIZE = 16;

export const MKDIR_IN_SIZE = 8;

export interface CreateIn {
  /** open(2) flags. */
  flags: number;
  mode: number;
  umask: number;
  /** `OpenInFlag` bits. */
  openFlags: number;
}

export interface MknodIn {
  mode: number;
  rdev: number;
  umask: number;
}

export interface MkdirIn {
  mode: number;
  umask: number;
}

export function newCreateIn(): CreateIn {
  return {
    flags: 0,
    mode: 0,
    umask: 0,
    openFlags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeCreateIn(view: DataView, at: number, into: CreateIn): CreateIn {
  if (view.byteLength - at < CREATE_IN_SIZE)
    throw new FsError("EIO", "fuse_create_in is cut short");
  into.flags = view.getUint32(at, true);
  into.mode = view.getUint32(at + 4, true);
  into.umask = view.getUint32(at + 8, true);
  into.openFlags = view.getUint32(at + 12, true);
  return into;
}

export function encodeCreateIn(view: DataView, at: number, from: Readonly<CreateIn>): void {
  view.setUint32(at, from.flags, true);
  view.setUint32(at + 4, from.mode, true);
  view.setUint32(at + 8, from.umask, true);
  view.setUint32(at + 12, from.openFlags, true);
}

export function newMknodIn(): MknodIn {
  return {
    mode: 0,
    rdev: 0,
    umask: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeMknodIn(view: DataView, at: number, into: MknodIn): MknodIn {
  if (view.byteLength - at < MKNOD_IN_SIZE) throw new FsError("EIO", "fuse_mknod_in is cut short");
  into.mode = view.getUint32(at, true);
  into.rdev = view.getUint32(at + 4, true);
  into.umask = view.getUint32(at + 8, true);
  return into;
}

export function encodeMknodIn(view: DataView, at: number, from: Readonly<MknodIn>): void {
  view.setUint32(at, from.mode, true);
  view.setUint32(at + 4, from.rdev, true);
  view.setUint32(at + 8, from.umask, true);
  view.setUint32(at + 12, 0, true);
}

export function newMkdirIn(): MkdirIn {
  return {
    mode: 0,
    umask: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeMkdirIn(view: DataView, at: number, into: MkdirIn): MkdirIn {
  if (view.byteLength - at < MKDIR_IN_SIZE) throw new FsError("EIO", "fuse_mkdir_in is cut short");
  into.mode = view.getUint32(at, true);
  into.umask = view.getUint32(at + 4, true);
  return into;
}

export function encodeMkdirIn(view: DataView, at: number, from: Readonly<MkdirIn>): void {
  view.setUint32(at, from.mode, true);
  view.setUint32(at + 4, from.umask, true);
}
