/** What the model does with attributes and extended attributes. Source: fs/attr.c (setattr_prepare, notify_change), fs/utimes.c, fs/xattr.c. */
import { type ErrorCode, FsError } from "../../src/core/fs-error.ts";
import type {
  Caller,
  Owner,
  TimeChange,
  TimeChanges,
} from "../conformance/posix/posix-directory.ts";
import {
  R_OK,
  S_ISGID,
  S_ISVTX,
  W_OK,
  XATTR_CREATE,
  XATTR_REPLACE,
} from "../support/posix-constants.ts";
import { isInGroup, mayKeepGroup, type ModelInode } from "./model-inode.ts";
import { CAPABILITY_XATTR } from "./model-inode.ts";

const XATTR_NAME_SIZE_MAX = 255;
const XATTR_VALUE_SIZE_MAX = 65_536;
const NAMESPACES = ["user.", "trusted.", "security."];

export function chmod(inode: ModelInode, caller: Caller, mode: number, now: bigint): void {
  inode.demandOwner(caller);
  let bits = mode & 0o7777;
  if (!mayKeepGroup(caller, inode.gid)) bits &= ~S_ISGID;
  inode.mode = inode.type | bits;
  inode.ctimeNs = now;
}

export function chown(inode: ModelInode, caller: Caller, { uid, gid }: Owner, now: bigint): void {
  const isRoot = caller.uid === 0;
  const isOwner = caller.uid === inode.uid;
  if (uid !== undefined && !isRoot && !(isOwner && uid === inode.uid)) {
    throw new FsError("EPERM", `uid ${uid}`);
  }
  const isOwnGroup = gid === inode.gid || (gid !== undefined && isInGroup(caller, gid));
  if (gid !== undefined && !isRoot && !(isOwner && isOwnGroup))
    throw new FsError("EPERM", `gid ${gid}`);
  if (!inode.isDirectory) {
    const mode = inode.modeWithoutSetId(caller);
    if (mode !== inode.mode) inode.demandOwner(caller);
    inode.mode = mode;
    inode.xattrs.delete(CAPABILITY_XATTR);
  }
  inode.uid = uid ?? inode.uid;
  inode.gid = gid ?? inode.gid;
  inode.ctimeNs = now;
}

export function utimens(
  inode: ModelInode,
  caller: Caller,
  { atime, mtime }: TimeChanges,
  now: bigint,
): void {
  if (atime === "omit" && mtime === "omit") return;
  if (atime === "now" && mtime === "now") {
    if (!inode.isOwnedBy(caller)) inode.demand(caller, W_OK);
  } else {
    inode.demandOwner(caller);
  }
  inode.atimeNs = timeOf(atime, inode.atimeNs, now);
  inode.mtimeNs = timeOf(mtime, inode.mtimeNs, now);
  inode.ctimeNs = now;
}

function timeOf(change: TimeChange, present: bigint, now: bigint): bigint {
  if (change === "omit") return present;
  return change === "now" ? now : change;
}

export function getXattr(
  inode: ModelInode,
  caller: Caller,
  name: string,
  bufferSize: number,
): Uint8Array {
  demandName(name);
  demandXattrAccess(inode, caller, name, R_OK);
  demandNamespace(name);
  const value = inode.xattrs.get(name);
  if (value === undefined) throw new FsError("ENODATA", name);
  if (bufferSize !== 0 && value.length > bufferSize) throw new FsError("ERANGE", name);
  return value.slice();
}

export interface NewXattr {
  readonly name: string;
  readonly value: Uint8Array;
  readonly flags: number;
  readonly now: bigint;
}

export function setXattr(inode: ModelInode, caller: Caller, attribute: NewXattr): void {
  const { name, value, flags, now } = attribute;
  demandXattrAccess(inode, caller, name, W_OK);
  demandPrivilege(caller, name);
  demandNamespace(name);
  const isThere = inode.xattrs.has(name);
  if (!isThere && (flags & XATTR_REPLACE) !== 0) throw new FsError("ENODATA", name);
  if (isThere && (flags & XATTR_CREATE) !== 0) throw new FsError("EEXIST", name);
  inode.xattrs.set(name, value.slice());
  inode.ctimeNs = now;
}

/** What is refused before the path is looked at. */
export function demandXattrArguments(name: string, size: number, flags: number): void {
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0)
    throw new FsError("EINVAL", `flags ${flags}`);
  demandName(name);
  if (size > XATTR_VALUE_SIZE_MAX) throw new FsError("E2BIG", `${size} bytes`);
}

export function removeXattr(inode: ModelInode, caller: Caller, name: string, now: bigint): void {
  demandXattrAccess(inode, caller, name, W_OK);
  demandPrivilege(caller, name);
  demandNamespace(name);
  if (!inode.xattrs.delete(name)) throw new FsError("ENODATA", name);
  inode.ctimeNs = now;
}

export function listXattrs(inode: ModelInode, caller: Caller, bufferSize: number): string[] {
  const names = [...inode.xattrs.keys()].filter(
    (name) => caller.uid === 0 || !name.startsWith("trusted."),
  );
  const size = names.reduce((sum, name) => sum + name.length + 1, 0);
  if (bufferSize !== 0 && size > bufferSize) throw new FsError("ERANGE", `${size} bytes`);
  return names;
}

function demandName(name: string): void {
  if (name === "" || name.length > XATTR_NAME_SIZE_MAX) throw new FsError("ERANGE", name);
}

function demandNamespace(name: string): void {
  const namespace = NAMESPACES.find((prefix) => name.startsWith(prefix));
  if (namespace === undefined) throw new FsError("EOPNOTSUPP", name);
  if (name === namespace) throw new FsError("EINVAL", name);
}

/** fs/xattr.c xattr_permission. */
function demandXattrAccess(inode: ModelInode, caller: Caller, name: string, wanted: number): void {
  const refusal: ErrorCode = wanted === W_OK ? "EPERM" : "ENODATA";
  if (name.startsWith("security.") || name.startsWith("system.")) return;
  if (name.startsWith("trusted.")) {
    if (caller.uid !== 0) throw new FsError(refusal, name);
    return;
  }
  if (name.startsWith("user.")) {
    if (!inode.isFile && !inode.isDirectory) throw new FsError(refusal, name);
    const isSticky = inode.isDirectory && (inode.mode & S_ISVTX) !== 0;
    if (isSticky && wanted === W_OK) inode.demandOwner(caller);
  }
  inode.demand(caller, wanted);
}

function demandPrivilege(caller: Caller, name: string): void {
  if (name.startsWith("security.") && caller.uid !== 0) throw new FsError("EPERM", name);
}
