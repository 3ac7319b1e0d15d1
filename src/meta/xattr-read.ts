/** Reading extended attributes. A miss is `undefined`: the kernel asks for security.capability before writes, mostly in vain. */
import { InodeFlag, type Inode } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";
import type { Caller } from "./operation.ts";
import { Access, checkAccess } from "./permission.ts";
import {
  checkXattrName,
  isAclName,
  isTrustedName,
  isUserName,
  mayHaveUserXattrs,
} from "./xattr-permission.ts";
import { CAPABILITY_NAME, readXattr } from "./xattr-store.ts";

/** undefined = ENODATA. Throws EOPNOTSUPP, ERANGE, EINVAL for the name and EACCES. The bytes are the caller's own. */
export function getXattr(
  state: MetaState,
  caller: Caller,
  inode: Inode,
  name: string,
): Uint8Array | undefined {
  if (name === CAPABILITY_NAME) return readXattr(state, inode, name);
  checkXattrName(state, inode, name);
  if (isTrustedName(name) && !caller.privileged) return undefined;
  if (isUserName(name)) {
    if (!mayHaveUserXattrs(inode)) return undefined;
    checkAccess(state, caller, inode, Access.READ);
  }
  return readXattr(state, inode, name);
}

/** Names in order, as far as the caller may see them: trusted.* is for the privileged, ACLs for volumes that have them on. */
export function listXattrs(state: MetaState, caller: Caller, inode: Inode): string[] {
  const names = listNames(state, inode);
  return names.filter((name) => {
    if (isAclName(name)) return state.acl;
    return caller.privileged || !isTrustedName(name);
  });
}

/** Bytes of the list as listxattr(2) gives it: every name with its NUL. */
export function xattrListSize(names: readonly string[]): number {
  let size = 0;
  for (const name of names) size += name.length + 1;
  return size;
}

function listNames(state: MetaState, inode: Inode): string[] {
  return inode.has(InodeFlag.XATTR) ? state.tables.xattrs.names(inode.ino) : [];
}
