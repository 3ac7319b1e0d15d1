/**
 * What every part of the Linux driver shares: the root of the tree, and running one call on behalf of a caller.
 *
 * Between calls the thread always is what it was at first; the ids and the umask are changed for one call only.
 */
import type { Caller, PosixStat } from "./posix-directory.ts";
import { becomeOnThisThread, cString, libc } from "../../support/posix-libc.ts";
import { UTIME_NOW, UTIME_OMIT } from "../../support/posix-constants.ts";
import type { TimeChange, TimeChanges } from "./posix-directory.ts";

const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_SYMLINK_FOLLOW = 0x400;
/** "Leave this id": (uid_t) -1. */
export const ID_UNCHANGED = 0xffff_ffff;
const STATX_BASIC_STATS_AND_BTIME = 0xfff;
const STATX_SIZE = 256;
const STATX_BTIME = 0x800;
const NSEC_PER_SEC = 1_000_000_000n;

/** A tree and a caller. */
export interface LinuxContext {
  readonly rootFd: number;
  /** Absolute, for the calls that take no directory descriptor. */
  readonly rootPath: string;
  readonly caller: Caller;
}

export const ROOT_CALLER: Caller = { uid: 0, gid: 0, groups: [], umask: 0 };

/** Runs `call` as the context's caller. */
export function runAs<T>({ caller }: LinuxContext, call: () => T): T {
  const isRoot = caller.uid === 0 && caller.gid === 0 && caller.groups.length === 0;
  const umask = libc.umask(caller.umask);
  try {
    if (isRoot) return call();
    becomeOnThisThread(caller.uid, caller.gid, caller.groups);
    return call();
  } finally {
    if (!isRoot) becomeOnThisThread(0, 0, []);
    libc.umask(umask);
  }
}

/** For calls with a directory descriptor: the root itself is ".". */
export function relativePath(path: string): Uint8Array {
  return cString(path === "" ? "." : path);
}

export function absolutePath(context: LinuxContext, path: string): Uint8Array {
  return cString(path === "" ? context.rootPath : `${context.rootPath}/${path}`);
}

export function statAt(fd: number, path: Uint8Array, flags: number): PosixStat {
  const bytes = new Uint8Array(STATX_SIZE);
  libc.statx(fd, path, flags, STATX_BASIC_STATS_AND_BTIME, bytes);
  return decodeStatx(new DataView(bytes.buffer));
}

export function statFd(fd: number): PosixStat {
  return statAt(fd, cString(""), AT_EMPTY_PATH);
}

/** struct statx, linux/stat.h. */
function decodeStatx(view: DataView): PosixStat {
  const hasBirthtime = (view.getUint32(0, true) & STATX_BTIME) !== 0;
  return {
    nlink: view.getUint32(16, true),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    mode: view.getUint16(28, true),
    ino: Number(view.getBigUint64(32, true)),
    size: Number(view.getBigUint64(40, true)),
    blockCount: Number(view.getBigUint64(48, true)),
    atimeNs: timestampNs(view, 64),
    birthtimeNs: hasBirthtime ? timestampNs(view, 80) : undefined,
    ctimeNs: timestampNs(view, 96),
    mtimeNs: timestampNs(view, 112),
    rdevMajor: view.getUint32(128, true),
    rdevMinor: view.getUint32(132, true),
  };
}

function timestampNs(view: DataView, at: number): bigint {
  return view.getBigInt64(at, true) * NSEC_PER_SEC + BigInt(view.getUint32(at + 8, true));
}

/** Two struct timespec: atime, mtime. */
export function encodeTimes(times: TimeChanges): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  encodeTime(view, 0, times.atime);
  encodeTime(view, 16, times.mtime);
  return new Uint8Array(view.buffer);
}

function encodeTime(view: DataView, at: number, time: TimeChange): void {
  if (time === "now" || time === "omit") {
    view.setBigInt64(at + 8, BigInt(time === "now" ? UTIME_NOW : UTIME_OMIT), true);
    return;
  }
  const nsec = ((time % NSEC_PER_SEC) + NSEC_PER_SEC) % NSEC_PER_SEC;
  view.setBigInt64(at, (time - nsec) / NSEC_PER_SEC, true);
  view.setBigInt64(at + 8, nsec, true);
}
