/**
 * What SETATTR changes besides the size: mode, owner, group, times, and with them the access ACL and file
 * capabilities. `prepareAttributeChange` decides or refuses; the `AttributeChange` goes into the journal record;
 * `applyAttributeChange` is the effect, the same in live work and replay (rule J3).
 *
 * The change names final values, and only of what changes: whoever holds a newer mtime or mode in an overlay keeps it
 * unless the change has that field. The record: u8 fields, then per field in order of its bit: uvarint mode · uvarint
 * uid · uvarint gid · svarint sec and u32 nsec for atime, mtime, ctime · bytes of the ACL.
 *
 * Source: fs/attr.c (may_setattr, setattr_prepare, setattr_copy, setattr_should_drop_sgid), fs/open.c (chown_common,
 * do_truncate), fs/utimes.c (vfs_utimes).
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { Timestamp } from "../core/clock.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { ACCESS_ACL_NAME, chmodAcl } from "./acl.ts";
import { InodeFlag, MODE_MASK, S_ISGID, S_ISUID, TIME_SEC_MAX, type Inode } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";
import type { Caller } from "./operation.ts";
import { Access, checkAccess, isInGroup, isOwnerOrPrivileged } from "./permission.ts";
import { CAPABILITY_NAME, dropXattr, putXattr } from "./xattr-store.ts";

export interface AttributeRequest {
  /** Permission bits; a type in it is ignored. */
  readonly mode?: number | undefined;
  /** `ID_UNCHANGED` leaves it, yet it is a chown. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly atime?: Timestamp | "now" | undefined;
  readonly mtime?: Timestamp | "now" | undefined;
  /** Given by a kernel that keeps times itself; the caller's clock otherwise. */
  readonly ctime?: Timestamp | undefined;
  /** The size is set by the same call (truncate): needs no ownership, changes mtime, drops file capabilities. */
  readonly resizes?: boolean;
  /** The kernel asks to drop set-id bits (FATTR_KILL_SUIDGID). */
  readonly killSuidgid?: boolean;
}

/** (uid_t) -1 */
export const ID_UNCHANGED = 0xffff_ffff;

/** Bits of `AttributeChange.fields`; never renumbered. */
export const AttributeField = {
  MODE: 1,
  UID: 2,
  GID: 4,
  ATIME: 8,
  MTIME: 16,
  CTIME: 32,
  ACCESS_ACL: 64,
  /** security.capability is removed. */
  DROP_CAPABILITY: 128,
} as const;

/** Values whose field is not set are meaningless. */
export interface AttributeChange {
  /** `AttributeField` bits. */
  readonly fields: number;
  /** With the type. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atime: Timestamp;
  readonly mtime: Timestamp;
  readonly ctime: Timestamp;
  readonly accessAcl: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const NO_TIME: Timestamp = { sec: 0, nsec: 0 };

/** Throws EPERM, EACCES, EOPNOTSUPP (chmod of a symlink). Changes nothing. */
export function prepareAttributeChange(
  state: MetaState,
  caller: Caller,
  inode: Inode,
  request: AttributeRequest,
): AttributeChange {
  const uid = wanted(request.uid, inode.uid);
  const gid = wanted(request.gid, inode.gid);
  checkFlags(inode, request);
  checkOwnership(state, caller, inode, { request, uid, gid });
  const { atime, mtime, ctime } = request;
  const mode = finalMode(caller, inode, request, gid);
  let fields: number = AttributeField.CTIME;
  let accessAcl: Uint8Array = NOTHING;
  if (mode !== inode.mode) fields |= AttributeField.MODE;
  if (uid !== inode.uid) fields |= AttributeField.UID;
  if (gid !== inode.gid) fields |= AttributeField.GID;
  if (atime !== undefined) fields |= AttributeField.ATIME;
  if (mtime !== undefined || request.resizes === true) fields |= AttributeField.MTIME;
  if ((mode ^ inode.mode) & 0o777 && inode.has(InodeFlag.ACCESS_ACL)) {
    const stored = state.tables.xattrs.get(inode.ino, ACCESS_ACL_NAME);
    if (stored === undefined) throw new CorruptError(`inode ${inode.ino} lost its access ACL`);
    accessAcl = chmodAcl(stored, mode);
    fields |= AttributeField.ACCESS_ACL;
  }
  const losesCapability =
    request.resizes === true || request.killSuidgid === true || isChown(request);
  if (losesCapability && inode.has(InodeFlag.CAPABILITY)) fields |= AttributeField.DROP_CAPABILITY;
  const now: Timestamp = { sec: caller.now.sec, nsec: caller.now.nsec };
  return {
    fields,
    mode,
    uid,
    gid,
    atime: finalTime(atime, now),
    mtime: finalTime(mtime, now),
    ctime: finalTime(ctime, now),
    accessAcl,
  };
}

export function applyAttributeChange(
  state: MetaState,
  inode: Inode,
  change: AttributeChange,
): void {
  const { fields } = change;
  if (fields & AttributeField.MODE) inode.mode = change.mode;
  if (fields & AttributeField.UID) inode.uid = change.uid;
  if (fields & AttributeField.GID) inode.gid = change.gid;
  if (fields & AttributeField.ATIME) {
    inode.atimeSec = change.atime.sec;
    inode.atimeNsec = change.atime.nsec;
  }
  if (fields & AttributeField.MTIME) {
    inode.mtimeSec = change.mtime.sec;
    inode.mtimeNsec = change.mtime.nsec;
  }
  if (fields & AttributeField.CTIME) inode.setCtime(change.ctime);
  state.markDirty(inode);
  if (fields & AttributeField.ACCESS_ACL) {
    putXattr(state, inode, ACCESS_ACL_NAME, change.accessAcl);
  }
  if (fields & AttributeField.DROP_CAPABILITY) dropXattr(state, inode, CAPABILITY_NAME);
}

export function encodeAttributeChange(into: ByteWriter, change: AttributeChange): void {
  const { fields } = change;
  into.u8(fields);
  if (fields & AttributeField.MODE) into.uvarint(change.mode);
  if (fields & AttributeField.UID) into.uvarint(change.uid);
  if (fields & AttributeField.GID) into.uvarint(change.gid);
  if (fields & AttributeField.ATIME) encodeTime(into, change.atime);
  if (fields & AttributeField.MTIME) encodeTime(into, change.mtime);
  if (fields & AttributeField.CTIME) encodeTime(into, change.ctime);
  if (fields & AttributeField.ACCESS_ACL) into.bytes(change.accessAcl);
}

/** Throws CorruptError when it is cut short. */
export function decodeAttributeChange(from: ByteReader): AttributeChange {
  const fields = from.u8();
  return {
    fields,
    mode: fields & AttributeField.MODE ? from.uvarint() : 0,
    uid: fields & AttributeField.UID ? from.uvarint() : 0,
    gid: fields & AttributeField.GID ? from.uvarint() : 0,
    atime: fields & AttributeField.ATIME ? decodeTime(from) : NO_TIME,
    mtime: fields & AttributeField.MTIME ? decodeTime(from) : NO_TIME,
    ctime: fields & AttributeField.CTIME ? decodeTime(from) : NO_TIME,
    accessAcl: fields & AttributeField.ACCESS_ACL ? from.bytes() : NOTHING,
  };
}

/**
 * The mode of a file after its contents changed under someone without the right to keep set-id bits: no set-uid, no
 * set-gid on what its group may execute. For WRITE, FALLOCATE and their like; capabilities go regardless of who writes.
 */
export function modeWithoutSetId(mode: number): number {
  return mode & ~(S_ISUID | ((mode & 0o010) !== 0 ? S_ISGID : 0));
}

/** may_setattr. Truncating counts: an append-only file does not shrink. Times both "now" are all that append-only leaves. */
function checkFlags(inode: Inode, request: AttributeRequest): void {
  if (!inode.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) return;
  const onlyTouches =
    request.mode === undefined &&
    !isChown(request) &&
    request.resizes !== true &&
    (isTouch(request) || !setsTimes(request));
  if (onlyTouches && !inode.has(InodeFlag.IMMUTABLE)) return;
  throw new FsError("EPERM", `inode ${inode.ino} is immutable or append-only`);
}

/** setattr_prepare, and vfs_utimes for "now". */
function checkOwnership(
  state: MetaState,
  caller: Caller,
  inode: Inode,
  what: { readonly request: AttributeRequest; readonly uid: number; readonly gid: number },
): void {
  const { request, uid, gid } = what;
  if (request.mode !== undefined && inode.isSymlink()) {
    throw new FsError("EOPNOTSUPP", `inode ${inode.ino} is a symbolic link`);
  }
  if (isOwnerOrPrivileged(caller, inode)) {
    if (!caller.checkAccess || caller.privileged) return;
    if (uid !== inode.uid) throw new FsError("EPERM", "only the privileged give files away");
    if (gid !== inode.gid && !isInGroup(caller, gid)) {
      throw new FsError("EPERM", `the caller is not in group ${gid}`);
    }
    return;
  }
  if (request.mode !== undefined || isChown(request)) throw anothers(inode);
  if (request.resizes === true || !setsTimes(request)) return;
  if (!isTouch(request)) throw anothers(inode);
  checkAccess(state, caller, inode, Access.WRITE);
}

function anothers(inode: Inode): FsError {
  return new FsError("EPERM", `inode ${inode.ino} is another's`);
}

/** With the type. Set-id bits fall with a change of owner, on the kernel's word, or when the group is not the caller's. */
function finalMode(caller: Caller, inode: Inode, request: AttributeRequest, gid: number): number {
  if (request.mode !== undefined) {
    const mode = inode.type | (request.mode & MODE_MASK);
    return mayKeepSgid(caller, gid) ? mode : mode & ~S_ISGID;
  }
  const losesSetId =
    (isChown(request) && !inode.isDirectory()) ||
    (request.killSuidgid === true && inode.isRegular());
  if (!losesSetId) return inode.mode;
  const mode = modeWithoutSetId(inode.mode);
  return caller.privileged || isInGroup(caller, inode.gid) ? mode : mode & ~S_ISGID;
}

/**
 * Whether losing set-id bits depends on the caller's groups: set-group-id on what the group may not execute stays for
 * the group's members. The caller must come with its supplementary groups then.
 */
export function needsGroupsToLoseSetId(caller: Caller, inode: Inode): boolean {
  const bits = inode.mode & (S_ISGID | 0o010);
  return bits === S_ISGID && !caller.privileged && caller.gid !== inode.gid;
}

/** For FUSE the kernel has taken the bit away already, and it alone knows all groups. */
function mayKeepSgid(caller: Caller, gid: number): boolean {
  return !caller.checkAccess || caller.privileged || isInGroup(caller, gid);
}

function isChown(request: AttributeRequest): boolean {
  return request.uid !== undefined || request.gid !== undefined;
}

function setsTimes(request: AttributeRequest): boolean {
  return request.atime !== undefined || request.mtime !== undefined;
}

/** utimes(path, NULL): whoever may write may do it. One "now" alone is not that. */
function isTouch(request: AttributeRequest): boolean {
  return request.atime === "now" && request.mtime === "now";
}

function wanted(id: number | undefined, present: number): number {
  return id === undefined || id === ID_UNCHANGED ? present : id;
}

function finalTime(time: Timestamp | "now" | undefined, now: Timestamp): Timestamp {
  if (time === undefined || time === "now") return now;
  const sec = Math.min(TIME_SEC_MAX, Math.max(-TIME_SEC_MAX, time.sec));
  return { sec, nsec: sec === time.sec ? time.nsec : 0 };
}

function encodeTime(into: ByteWriter, time: Timestamp): void {
  into.svarint(time.sec);
  into.u32(time.nsec);
}

function decodeTime(from: ByteReader): Timestamp {
  return { sec: from.svarint(), nsec: from.u32() };
}
