/**
 * Changing an inode's extended attributes and, always together with them, the bits of `flags` that remember which
 * exist (so that an inode without any costs no question to the table). Used when operations are applied.
 */
import { ACCESS_ACL_NAME, DEFAULT_ACL_NAME } from "./acl.ts";
import { InodeFlag, type Inode } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";

/** File capabilities (capabilities(7)); lost when the file is written to or changes owner. */
export const CAPABILITY_NAME = "security.capability";

/** Sets or replaces. `value` is copied by the table. */
export function putXattr(state: MetaState, inode: Inode, name: string, value: Uint8Array): void {
  state.tables.xattrs.put(inode.ino, name, value);
  inode.flags |= InodeFlag.XATTR | flagOf(name);
  state.markDirty(inode);
}

/** Nothing happens when there is none of that name. */
export function dropXattr(state: MetaState, inode: Inode, name: string): void {
  if (!inode.has(InodeFlag.XATTR)) return;
  const { xattrs } = state.tables;
  xattrs.remove(inode.ino, name);
  inode.flags &= ~flagOf(name);
  if (xattrs.names(inode.ino).length === 0) inode.flags &= ~InodeFlag.XATTR;
  state.markDirty(inode);
}

/** False without a question to the table when the flags can tell. */
export function hasXattr(state: MetaState, inode: Inode, name: string): boolean {
  return readXattr(state, inode, name) !== undefined;
}

export function readXattr(state: MetaState, inode: Inode, name: string): Uint8Array | undefined {
  if (!inode.has(InodeFlag.XATTR)) return undefined;
  const flag = flagOf(name);
  if (flag !== 0 && !inode.has(flag)) return undefined;
  return state.tables.xattrs.get(inode.ino, name);
}

/** The bit of its own that a well-known name has; 0 for the others. */
function flagOf(name: string): number {
  if (name === CAPABILITY_NAME) return InodeFlag.CAPABILITY;
  if (name === ACCESS_ACL_NAME) return InodeFlag.ACCESS_ACL;
  if (name === DEFAULT_ACL_NAME) return InodeFlag.DEFAULT_ACL;
  return 0;
}
