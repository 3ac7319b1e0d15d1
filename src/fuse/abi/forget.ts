/**
 * FUSE_FORGET, BATCH_FORGET and INTERRUPT, which have no reply.
 * Source: linux/fuse.h of protocol 7.45, where it is host byte order, which we require to be little-endian.
 * Offsets in bytes; what is not listed is padding, written as zeros and ignored when read.
 *
 * fuse_forget_in (8)
 *   0 u64 nlookup
 *
 * fuse_forget_one (16): `count` of them follow BatchForgetIn
 *   0 u64 nodeid   8 u64 nlookup
 *
 * fuse_batch_forget_in (8)
 *   0 u32 count
 *
 * fuse_interrupt_in (8)
 *   0 u64 unique
 */
import { FsError } from "../../core/fs-error.ts";
import { getSaturatedU64Le, setU64Le } from "../../core/u64.ts";

export const FORGET_IN_SIZE = 8;

export const FORGET_ONE_SIZE = 16;

export const BATCH_FORGET_IN_SIZE = 8;

export const INTERRUPT_IN_SIZE = 8;

export interface ForgetIn {
  nlookup: number;
}

export interface ForgetOne {
  nodeid: number;
  nlookup: number;
}

export interface BatchForgetIn {
  count: number;
}

export interface InterruptIn {
  /** Of the request that is to be interrupted. */
  uniqueLow: number;
  uniqueHigh: number;
}

export function newForgetIn(): ForgetIn {
  return {
    nlookup: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeForgetIn(view: DataView, at: number, into: ForgetIn): ForgetIn {
  if (view.byteLength - at < FORGET_IN_SIZE)
    throw new FsError("EIO", "fuse_forget_in is cut short");
  into.nlookup = getSaturatedU64Le(view, at);
  return into;
}

export function encodeForgetIn(view: DataView, at: number, from: Readonly<ForgetIn>): void {
  setU64Le(view, at, from.nlookup);
}

export function newForgetOne(): ForgetOne {
  return {
    nodeid: 0,
    nlookup: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeForgetOne(view: DataView, at: number, into: ForgetOne): ForgetOne {
  if (view.byteLength - at < FORGET_ONE_SIZE)
    throw new FsError("EIO", "fuse_forget_one is cut short");
  into.nodeid = getSaturatedU64Le(view, at);
  into.nlookup = getSaturatedU64Le(view, at + 8);
  return into;
}

export function encodeForgetOne(view: DataView, at: number, from: Readonly<ForgetOne>): void {
  setU64Le(view, at, from.nodeid);
  setU64Le(view, at + 8, from.nlookup);
}

export function newBatchForgetIn(): BatchForgetIn {
  return {
    count: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeBatchForgetIn(
  view: DataView,
  at: number,
  into: BatchForgetIn,
): BatchForgetIn {
  if (view.byteLength - at < BATCH_FORGET_IN_SIZE)
    throw new FsError("EIO", "fuse_batch_forget_in is cut short");
  into.count = view.getUint32(at, true);
  return into;
}

export function encodeBatchForgetIn(
  view: DataView,
  at: number,
  from: Readonly<BatchForgetIn>,
): void {
  view.setUint32(at, from.count, true);
  view.setUint32(at + 4, 0, true);
}

export function newInterruptIn(): InterruptIn {
  return {
    uniqueLow: 0,
    uniqueHigh: 0,
  };
}

/** Fills `into` and returns it. Throws EIO when the bytes are cut short. */
export function decodeInterruptIn(view: DataView, at: number, into: InterruptIn): InterruptIn {
  if (view.byteLength - at < INTERRUPT_IN_SIZE)
    throw new FsError("EIO", "fuse_interrupt_in is cut short");
  into.uniqueLow = view.getUint32(at, true);
  into.uniqueHigh = view.getUint32(at + 4, true);
  return into;
}

export function encodeInterruptIn(view: DataView, at: number, from: Readonly<InterruptIn>): void {
  view.setUint32(at, from.uniqueLow, true);
  view.setUint32(at + 4, from.uniqueHigh, true);
}
