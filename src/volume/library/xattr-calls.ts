/** Calls on extended attributes, by inode; arguments are checked before the path is looked at (fs/xattr.c). */
import { FsError } from "../../core/fs-error.ts";
import type { Ino } from "../../core/ids.ts";
import { XATTR_NAME_SIZE_MAX, XATTR_VALUE_SIZE_MAX } from "../../core/limits.ts";
import { removexattr } from "../../meta/ops/removexattr.ts";
import { setxattr, XattrFlag } from "../../meta/ops/setxattr.ts";
import { getXattr, listXattrs } from "../../meta/xattr-read.ts";
import type { PosixSession } from "./posix-session.ts";

/** What an inode is found by: checked first, then walked. */
export type FindInode = () => Ino;

/** Throws ENODATA when there is none. The bytes are the caller's own. */
export function getxattr(session: PosixSession, find: FindInode, name: string): Uint8Array {
  checkName(name);
  const inode = session.meta.requireInode(find());
  const value = getXattr(session.meta, session.caller(), inode, name);
  if (value === undefined) throw new FsError("ENODATA", `no attribute "${name}"`);
  return value;
}

export function listxattr(session: PosixSession, find: FindInode): string[] {
  const inode = session.meta.requireInode(find());
  return listXattrs(session.meta, session.caller(), inode);
}

/** `flags` are `XattrFlag` bits. */
export function setXattr(
  session: PosixSession,
  find: FindInode,
  attribute: { readonly name: string; readonly value: Uint8Array; readonly flags: number },
): void {
  const { name, value, flags } = attribute;
  if (flags & ~(XattrFlag.CREATE | XattrFlag.REPLACE)) {
    throw new FsError("EINVAL", `setxattr flags ${flags}`);
  }
  checkName(name);
  if (value.length > XATTR_VALUE_SIZE_MAX) {
    throw new FsError("E2BIG", `an attribute value of ${value.length} bytes`);
  }
  const ino = find();
  session.demandRoom();
  session.runMeta(setxattr, { ino, name, value, flags, killSgid: false });
}

export function removeXattr(session: PosixSession, find: FindInode, name: string): void {
  checkName(name);
  const ino = find();
  session.demandWritable();
  session.runMeta(removexattr, { ino, name });
}

function checkName(name: string): void {
  if (name.length === 0 || name.length > XATTR_NAME_SIZE_MAX) {
    throw new FsError("ERANGE", `an attribute name of ${name.length} bytes`);
  }
}
