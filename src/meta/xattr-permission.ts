/**
 * Which names of extended attributes exist for whom.
 *
 *   user.*       regular files and directories; mode bits decide; in a sticky directory's own attributes only its owner
 *   trusted.*    the privileged see and change them
 *   security.*   everyone reads; the privileged change
 *   system.posix_acl_access, system.posix_acl_default   in meta/acl.ts; everything else under system.* does not exist
 *
 * As in meta/permission.ts, what the kernel has checked for FUSE is checked only when `caller.checkAccess` is set.
 * Source: xattr(7), fs/xattr.c (xattr_permission, may_write_xattr).
 */
import { FsError } from "../core/fs-error.ts";
import { XATTR_NAME_SIZE_MAX } from "../core/limits.ts";
import { ACCESS_ACL_NAME, DEFAULT_ACL_NAME } from "./acl.ts";
import { InodeFlag, S_ISVTX, type Inode } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";
import type { Caller } from "./operation.ts";
import { Access, checkAccess, isOwnerOrPrivileged } from "./permission.ts";

const USER = "user.";
const TRUSTED = "trusted.";
const SECURITY = "security.";

export function isAclName(name: string): boolean {
  return name === ACCESS_ACL_NAME || name === DEFAULT_ACL_NAME;
}

export function isTrustedName(name: string): boolean {
  return name.startsWith(TRUSTED);
}

export function isUserName(name: string): boolean {
  return name.startsWith(USER);
}

/** Throws ERANGE (length), EINVAL (nothing after the prefix), EOPNOTSUPP (no such namespace, ACLs off or on a symlink). */
export function checkXattrName(state: MetaState, inode: Inode, name: string): void {
  if (name.length === 0 || name.length > XATTR_NAME_SIZE_MAX) {
    throw new FsError("ERANGE", `an attribute name of ${name.length} bytes`);
  }
  if (name === USER || name === TRUSTED || name === SECURITY || name.includes("\0")) {
    throw new FsError("EINVAL", `the attribute name "${name}"`);
  }
  if (isUserName(name) || isTrustedName(name) || name.startsWith(SECURITY)) return;
  if (!isAclName(name) || !state.acl || inode.isSymlink()) {
    throw new FsError("EOPNOTSUPP", `no attribute "${name}" on inode ${inode.ino}`);
  }
}

/** user.* belongs to files and directories alone. */
export function mayHaveUserXattrs(inode: Inode): boolean {
  return inode.isRegular() || inode.isDirectory();
}

/** For whoever sets or removes. Throws EPERM, EACCES, and what `checkXattrName` throws. */
export function checkMayWriteXattr(
  state: MetaState,
  caller: Caller,
  inode: Inode,
  name: string,
): void {
  checkXattrName(state, inode, name);
  if (inode.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) {
    throw new FsError("EPERM", `inode ${inode.ino} is immutable or append-only`);
  }
  if (isUserName(name)) {
    if (!mayHaveUserXattrs(inode)) {
      throw new FsError("EPERM", `inode ${inode.ino} cannot have user attributes`);
    }
    const isSticky = inode.isDirectory() && (inode.mode & S_ISVTX) !== 0;
    if (isSticky && !isOwnerOrPrivileged(caller, inode)) {
      throw new FsError("EPERM", `directory ${inode.ino} is sticky and another's`);
    }
    checkAccess(state, caller, inode, Access.WRITE);
  } else if (isAclName(name)) {
    if (!isOwnerOrPrivileged(caller, inode)) {
      throw new FsError("EPERM", `inode ${inode.ino} is another's`);
    }
  } else if (caller.checkAccess && !caller.privileged) {
    throw new FsError("EPERM", `the attribute "${name}" needs privilege`);
  }
}
