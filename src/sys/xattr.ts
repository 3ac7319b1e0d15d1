/**
 * Extended attributes of a path itself, symbolic links not followed. Names are ASCII or bytes, values bytes.
 * Source: lgetxattr(2), lsetxattr(2), llistxattr(2), lremovexattr(2).
 */
import { XATTR_LIST_SIZE_MAX, XATTR_VALUE_SIZE_MAX } from "../core/limits.ts";
import { checked, cString, shownPath } from "./errno.ts";
import * as libc from "./libc.ts";

type Bytes = string | Uint8Array;

export const XattrFlag = { CREATE: 1, REPLACE: 2 } as const;

/** Throws ENODATA when there is none by that name. */
export function getXattr(path: Bytes, name: Bytes): Uint8Array {
  const value = new Uint8Array(XATTR_VALUE_SIZE_MAX);
  const size = checked(
    libc.lgetxattr(cString(path), cString(name), value, value.length),
    `lgetxattr ${shownPath(name)} of ${shownPath(path)}`,
  );
  return value.slice(0, size);
}

/** Length of the value, as a call with no room asks for it. */
export function getXattrSize(path: Bytes, name: Bytes): number {
  return checked(
    libc.lgetxattr(cString(path), cString(name), new Uint8Array(1), 0),
    `lgetxattr ${shownPath(name)} of ${shownPath(path)}`,
  );
}

/** `flags` are `XattrFlag` bits. */
export function setXattr(path: Bytes, name: Bytes, value: Uint8Array, flags = 0): void {
  checked(
    libc.lsetxattr(cString(path), cString(name), value, value.length, flags),
    `lsetxattr ${shownPath(name)} of ${shownPath(path)}`,
  );
}

/** Names as latin1, one character a byte. */
export function listXattrs(path: Bytes): string[] {
  const list = new Uint8Array(XATTR_LIST_SIZE_MAX);
  const size = checked(
    libc.llistxattr(cString(path), list, list.length),
    `llistxattr ${shownPath(path)}`,
  );
  const names = Buffer.from(list.buffer, 0, size).toString("latin1").split("\0");
  names.pop();
  return names;
}

export function removeXattr(path: Bytes, name: Bytes): void {
  checked(
    libc.lremovexattr(cString(path), cString(name)),
    `lremovexattr ${shownPath(name)} of ${shownPath(path)}`,
  );
}
