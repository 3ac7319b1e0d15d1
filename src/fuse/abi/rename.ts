/**
 * FUSE_RENAME, RENAME2, LINK; the names follow, each ended by a zero byte.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_rename_in (8)
 *   0 u64 newdir
 *
 * fuse_rename2_in (16)
 *   0 u64 newdir   8 u32 flags
 *
 * fuse_link_in (8)
 *   0 u64 oldnodeid
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const RENAME_IN_SIZE = 8;

export const RENAME2_IN_SIZE = 16;

export const LINK_IN_SIZE = 8;

export interface RenameIn {
  newdir: number;
}

export interface Rename2In {
  newdir: number;
  /** RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT of renameat2(2). */
  flags: number;
}

export interface LinkIn {
  oldnodeid: number;
}

export function newRenameIn(): RenameIn {
  return {
    newdir: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeRenameIn(view: DataView, at: number, into: RenameIn): RenameIn {
  if (view.byteLength - at < RENAME_IN_SIZE)
    throw new FsError("EIO", "fuse_rename_in is cut short");
  into.newdir = getSaturatedU64Le(view, at);
  return into;
}

export function encodeRenameIn(view: DataView, at: number, from: Readonly<RenameIn>): void {
  setU64Le(view, at, from.newdir);
}

export function newRename2In(): Rename2In {
  return {
    newdir: 0,
    flags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeRename2In(view: DataView, at: number, into: Rename2In): Rename2In {
  if (view.byteLength - at < RENAME2_IN_SIZE)
    throw new FsError("EIO", "fuse_rename2_in is cut short");
  into.newdir = getSaturatedU64Le(view, at);
  into.flags = view.getUint32(at + 8, true);
  return into;
}

export function encodeRename2In(view: DataView, at: number, from: Readonly<Rename2In>): void {
  setU64Le(view, at, from.newdir);
  view.setUint32(at + 8, from.flags, true);
  view.setUint32(at + 12, 0, true);
}

export function newLinkIn(): LinkIn {
  return {
    oldnodeid: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeLinkIn(view: DataView, at: number, into: LinkIn): LinkIn {
  if (view.byteLength - at < LINK_IN_SIZE) throw new FsError("EIO", "fuse_link_in is cut short");
  into.oldnodeid = getSaturatedU64Le(view, at);
  return into;
}

export function encodeLinkIn(view: DataView, at: number, from: Readonly<LinkIn>): void {
  setU64Le(view, at, from.oldnodeid);
}
