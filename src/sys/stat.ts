/**
 * statx(2), for the birth time and attribute bits that node:fs leaves out, and times set to the nanosecond.
 * Source: statx(2), utimensat(2). struct statx, 256 bytes: 0 u32 mask  4 u32 blksize  8 u64 attributes  16 u32 nlink  20 u32 uid
 * 24 u32 gid  28 u16 mode  32 u64 ino  40 u64 size  48 u64 blocks  56 u64 attributes_mask  64 atime  80 btime  96 ctime  112 mtime
 * (each i64 sec, u32 nsec)  128 u32 rdev_major  132 u32 rdev_minor  136 u32 dev_major  140 u32 dev_minor.
 */
import type { Timestamp } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { getI64Le, getSaturatedU64Le, setI64Le, setU64Le } from "../core/u64.ts";
import { checked, cString, shownPath } from "./errno.ts";
import * as libc from "./libc.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "./name.ts";

const STATX_SIZE = 256;
/** STATX_BASIC_STATS and STATX_BTIME. */
const STATX_ALL = 0xfff;

export interface StatxResult {
  readonly mask: number;
  readonly blksize: number;
  readonly attributes: number;
  readonly attributesMask: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly ino: number;
  readonly size: number;
  readonly blocks: number;
  readonly atime: Timestamp;
  readonly btime: Timestamp;
  readonly ctime: Timestamp;
  readonly mtime: Timestamp;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
}

/** AT_STATX_FORCE_SYNC (0x2000) or AT_STATX_DONT_SYNC (0x4000) may be among `flags`. Links are not followed. */
export function statxPath(path: string | Uint8Array, flags = 0): StatxResult {
  const { statx } = libc;
  if (statx === undefined) throw new FsError("ENOSYS", "this C library has no statx");
  const bytes = new Uint8Array(STATX_SIZE);
  checked(
    statx(AT_FDCWD, cString(path), AT_SYMLINK_NOFOLLOW | flags, STATX_ALL, bytes),
    `statx ${shownPath(path)}`,
  );
  const view = new DataView(bytes.buffer);
  return {
    mask: view.getUint32(0, true),
    blksize: view.getUint32(4, true),
    attributes: getSaturatedU64Le(view, 8),
    nlink: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    ino: getSaturatedU64Le(view, 32),
    size: getSaturatedU64Le(view, 40),
    blocks: getSaturatedU64Le(view, 48),
    attributesMask: getSaturatedU64Le(view, 56),
    atime: timestampAt(view, 64),
    btime: timestampAt(view, 80),
    ctime: timestampAt(view, 96),
    mtime: timestampAt(view, 112),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
  };
}

/** In place of `nsec`: the current time, or leave it as it is. */
export const UTIME_NOW: number = 0x3fff_ffff;
export const UTIME_OMIT: number = 0x3fff_fffe;

export interface Times {
  readonly atime: Readonly<Timestamp>;
  readonly mtime: Readonly<Timestamp>;
}

/** Sets both times to the nanosecond; links are not followed. */
export function setTimes(path: string | Uint8Array, times: Times): void {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  setI64Le(view, 0, times.atime.sec);
  setU64Le(view, 8, times.atime.nsec);
  setI64Le(view, 16, times.mtime.sec);
  setU64Le(view, 24, times.mtime.nsec);
  checked(
    libc.utimensat(AT_FDCWD, cString(path), bytes, AT_SYMLINK_NOFOLLOW),
    `utimensat ${shownPath(path)}`,
  );
}

function timestampAt(view: DataView, at: number): Timestamp {
  return { sec: getI64Le(view, at), nsec: view.getUint32(at + 8, true) };
}
