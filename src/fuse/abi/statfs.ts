/**
 * FUSE_STATFS.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_kstatfs (80)
 *   0 u64 blocks   8 u64 bfree   16 u64 bavail   24 u64 files   32 u64 ffree   40 u32 bsize
 *   44 u32 namelen   48 u32 frsize
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const KSTATFS_SIZE = 80;

export interface Kstatfs {
  /** Units of `frsize`. */
  blocks: number;
  bfree: number;
  bavail: number;
  files: number;
  ffree: number;
  bsize: number;
  namelen: number;
  frsize: number;
}

export function newKstatfs(): Kstatfs {
  return {
    blocks: 0,
    bfree: 0,
    bavail: 0,
    files: 0,
    ffree: 0,
    bsize: 0,
    namelen: 0,
    frsize: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeKstatfs(view: DataView, at: number, into: Kstatfs): Kstatfs {
  if (view.byteLength - at < KSTATFS_SIZE) throw new FsError("EIO", "fuse_kstatfs is cut short");
  into.blocks = getSaturatedU64Le(view, at);
  into.bfree = getSaturatedU64Le(view, at + 8);
  into.bavail = getSaturatedU64Le(view, at + 16);
  into.files = getSaturatedU64Le(view, at + 24);
  into.ffree = getSaturatedU64Le(view, at + 32);
  into.bsize = view.getUint32(at + 40, true);
  into.namelen = view.getUint32(at + 44, true);
  into.frsize = view.getUint32(at + 48, true);
  return into;
}

export function encodeKstatfs(view: DataView, at: number, from: Readonly<Kstatfs>): void {
  setU64Le(view, at, from.blocks);
  setU64Le(view, at + 8, from.bfree);
  setU64Le(view, at + 16, from.bavail);
  setU64Le(view, at + 24, from.files);
  setU64Le(view, at + 32, from.ffree);
  view.setUint32(at + 40, from.bsize, true);
  view.setUint32(at + 44, from.namelen, true);
  view.setUint32(at + 48, from.frsize, true);
  view.setUint32(at + 52, 0, true);
  view.setUint32(at + 56, 0, true);
  view.setUint32(at + 60, 0, true);
  view.setUint32(at + 64, 0, true);
  view.setUint32(at + 68, 0, true);
  view.setUint32(at + 72, 0, true);
  view.setUint32(at + 76, 0, true);
}
