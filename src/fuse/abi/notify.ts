/**
 * Notifications: a message we write unasked, OutHeader with unique 0 and the code as its error.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_notify_poll_wakeup_out (8)
 *   0 u64 kh
 *
 * fuse_notify_inval_inode_out (24)
 *   0 u64 ino   8 i64 off   16 i64 len
 *
 * fuse_notify_inval_entry_out (16): the name and a zero byte follow
 *   0 u64 parent   8 u32 namelen   12 u32 flags
 *
 * fuse_notify_delete_out (24): the name and a zero byte follow
 *   0 u64 parent   8 u64 child   16 u32 namelen
 *
 * fuse_notify_store_out (24): the data follows
 *   0 u64 nodeid   8 u64 offset   16 u32 size
 *
 * fuse_notify_retrieve_out (32)
 *   0 u64 notify_unique   8 u64 nodeid   16 u64 offset   24 u32 size
 *
 * fuse_notify_retrieve_in (40): FUSE_NOTIFY_REPLY: what RETRIEVE asked for; the data follows
 *   8 u64 offset   16 u32 size
 *
 * fuse_notify_prune_out (16): `count` node ids of 8 bytes follow (7.45)
 *   0 u32 count
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setI64Le, setU64Le } from "../../core/u64.ts";
import { getSaturatedI64Le } from "./i64.ts";

export const NOTIFY_POLL_WAKEUP_OUT_SIZE = 8;

export const NOTIFY_INVAL_INODE_OUT_SIZE = 24;

export const NOTIFY_INVAL_ENTRY_OUT_SIZE = 16;

export const NOTIFY_DELETE_OUT_SIZE = 24;

export const NOTIFY_STORE_OUT_SIZE = 24;

export const NOTIFY_RETRIEVE_OUT_SIZE = 32;

export const NOTIFY_RETRIEVE_IN_SIZE = 40;

export const NOTIFY_PRUNE_OUT_SIZE = 16;

export interface NotifyPollWakeupOut {
  khLow: number;
  khHigh: number;
}

export interface NotifyInvalInodeOut {
  ino: number;
  /** -1: attributes only, no page is touched. */
  offset: number;
  /** 0: to the end. */
  length: number;
}

export interface NotifyInvalEntryOut {
  parent: number;
  namelen: number;
  /** `InvalEntryFlag` bits. */
  flags: number;
}

export interface NotifyDeleteOut {
  parent: number;
  child: number;
  namelen: number;
}

export interface NotifyStoreOut {
  nodeid: number;
  offset: number;
  size: number;
}

export interface NotifyRetrieveOut {
  notifyUniqueLow: number;
  notifyUniqueHigh: number;
  nodeid: number;
  offset: number;
  size: number;
}

export interface NotifyRetrieveIn {
  offset: number;
  size: number;
}

export interface NotifyPruneOut {
  count: number;
}

export function newNotifyPollWakeupOut(): NotifyPollWakeupOut {
  return {
    khLow: 0,
    khHigh: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyPollWakeupOut(
  view: DataView,
  at: number,
  into: NotifyPollWakeupOut,
): NotifyPollWakeupOut {
  if (view.byteLength - at < NOTIFY_POLL_WAKEUP_OUT_SIZE)
    throw new FsError("EIO", "fuse_notify_poll_wakeup_out is cut short");
  into.khLow = view.getUint32(at, true);
  into.khHigh = view.getUint32(at + 4, true);
  return into;
}

export function encodeNotifyPollWakeupOut(
  view: DataView,
  at: number,
  from: Readonly<NotifyPollWakeupOut>,
): void {
  view.setUint32(at, from.khLow, true);
  view.setUint32(at + 4, from.khHigh, true);
}

export function newNotifyInvalInodeOut(): NotifyInvalInodeOut {
  return {
    ino: 0,
    offset: 0,
    length: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyInvalInodeOut(
  view: DataView,
  at: number,
  into: NotifyInvalInodeOut,
): NotifyInvalInodeOut {
  if (view.byteLength - at < NOTIFY_INVAL_INODE_OUT_SIZE)
    throw new FsError("EIO", "fuse_notify_inval_inode_out is cut short");
  into.ino = getSaturatedU64Le(view, at);
  into.offset = getSaturatedI64Le(view, at + 8);
  into.length = getSaturatedI64Le(view, at + 16);
  return into;
}

export function encodeNotifyInvalInodeOut(
  view: DataView,
  at: number,
  from: Readonly<NotifyInvalInodeOut>,
): void {
  setU64Le(view, at, from.ino);
  setI64Le(view, at + 8, from.offset);
  setI64Le(view, at + 16, from.length);
}

export function newNotifyInvalEntryOut(): NotifyInvalEntryOut {
  return {
    parent: 0,
    namelen: 0,
    flags: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyInvalEntryOut(
  view: DataView,
  at: number,
  into: NotifyInvalEntryOut,
): NotifyInvalEntryOut {
  if (view.byteLength - at < NOTIFY_INVAL_ENTRY_OUT_SIZE)
    throw new FsError("EIO", "fuse_notify_inval_entry_out is cut short");
  into.parent = getSaturatedU64Le(view, at);
  into.namelen = view.getUint32(at + 8, true);
  into.flags = view.getUint32(at + 12, true);
  return into;
}

export function encodeNotifyInvalEntryOut(
  view: DataView,
  at: number,
  from: Readonly<NotifyInvalEntryOut>,
): void {
  setU64Le(view, at, from.parent);
  view.setUint32(at + 8, from.namelen, true);
  view.setUint32(at + 12, from.flags, true);
}

export function newNotifyDeleteOut(): NotifyDeleteOut {
  return {
    parent: 0,
    child: 0,
    namelen: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyDeleteOut(
  view: DataView,
  at: number,
  into: NotifyDeleteOut,
): NotifyDeleteOut {
  if (view.byteLength - at < NOTIFY_DELETE_OUT_SIZE)
    throw new FsError("EIO", "fuse_notify_delete_out is cut short");
  into.parent = getSaturatedU64Le(view, at);
  into.child = getSaturatedU64Le(view, at + 8);
  into.namelen = view.getUint32(at + 16, true);
  return into;
}

export function encodeNotifyDeleteOut(
  view: DataView,
  at: number,
  from: Readonly<NotifyDeleteOut>,
): void {
  setU64Le(view, at, from.parent);
  setU64Le(view, at + 8, from.child);
  view.setUint32(at + 16, from.namelen, true);
  view.setUint32(at + 20, 0, true);
}

export function newNotifyStoreOut(): NotifyStoreOut {
  return {
    nodeid: 0,
    offset: 0,
    size: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyStoreOut(
  view: DataView,
  at: number,
  into: NotifyStoreOut,
): NotifyStoreOut {
  if (view.byteLength - at < NOTIFY_STORE_OUT_SIZE)
    throw new FsError("EIO", "fuse_notify_store_out is cut short");
  into.nodeid = getSaturatedU64Le(view, at);
  into.offset = getSaturatedU64Le(view, at + 8);
  into.size = view.getUint32(at + 16, true);
  return into;
}

export function encodeNotifyStoreOut(
  view: DataView,
  at: number,
  from: Readonly<NotifyStoreOut>,
): void {
  setU64Le(view, at, from.nodeid);
  setU64Le(view, at + 8, from.offset);
  view.setUint32(at + 16, from.size, true);
  view.setUint32(at + 20, 0, true);
}

export function newNotifyRetrieveOut(): NotifyRetrieveOut {
  return {
    notifyUniqueLow: 0,
    notifyUniqueHigh: 0,
    nodeid: 0,
    offset: 0,
    size: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyRetrieveOut(
  view: DataView,
  at: number,
  into: NotifyRetrieveOut,
): NotifyRetrieveOut {
  if (view.byteLength - at < NOTIFY_RETRIEVE_OUT_SIZE)
    throw new FsError("EIO", "fuse_notify_retrieve_out is cut short");
  into.notifyUniqueLow = view.getUint32(at, true);
  into.notifyUniqueHigh = view.getUint32(at + 4, true);
  into.nodeid = getSaturatedU64Le(view, at + 8);
  into.offset = getSaturatedU64Le(view, at + 16);
  into.size = view.getUint32(at + 24, true);
  return into;
}

export function encodeNotifyRetrieveOut(
  view: DataView,
  at: number,
  from: Readonly<NotifyRetrieveOut>,
): void {
  view.setUint32(at, from.notifyUniqueLow, true);
  view.setUint32(at + 4, from.notifyUniqueHigh, true);
  setU64Le(view, at + 8, from.nodeid);
  setU64Le(view, at + 16, from.offset);
  view.setUint32(at + 24, from.size, true);
  view.setUint32(at + 28, 0, true);
}

export function newNotifyRetrieveIn(): NotifyRetrieveIn {
  return {
    offset: 0,
    size: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyRetrieveIn(
  view: DataView,
  at: number,
  into: NotifyRetrieveIn,
): NotifyRetrieveIn {
  if (view.byteLength - at < NOTIFY_RETRIEVE_IN_SIZE)
    throw new FsError("EIO", "fuse_notify_retrieve_in is cut short");
  into.offset = getSaturatedU64Le(view, at + 8);
  into.size = view.getUint32(at + 16, true);
  return into;
}

export function encodeNotifyRetrieveIn(
  view: DataView,
  at: number,
  from: Readonly<NotifyRetrieveIn>,
): void {
  view.setUint32(at, 0, true);
  view.setUint32(at + 4, 0, true);
  setU64Le(view, at + 8, from.offset);
  view.setUint32(at + 16, from.size, true);
  view.setUint32(at + 20, 0, true);
  view.setUint32(at + 24, 0, true);
  view.setUint32(at + 28, 0, true);
  view.setUint32(at + 32, 0, true);
  view.setUint32(at + 36, 0, true);
}

export function newNotifyPruneOut(): NotifyPruneOut {
  return {
    count: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeNotifyPruneOut(
  view: DataView,
  at: number,
  into: NotifyPruneOut,
): NotifyPruneOut {
  if (view.byteLength - at < NOTIFY_PRUNE_OUT_SIZE)
    throw new FsError("EIO", "fuse_notify_prune_out is cut short");
  into.count = view.getUint32(at, true);
  return into;
}

export function encodeNotifyPruneOut(
  view: DataView,
  at: number,
  from: Readonly<NotifyPruneOut>,
): void {
  view.setUint32(at, from.count, true);
  view.setUint32(at + 4, 0, true);
  view.setUint32(at + 8, 0, true);
  view.setUint32(at + 12, 0, true);
}
