/**
 * Who may do what to an inode, with the errors and the order of errors of Linux.
 *
 * Two kinds of checks. The chattr flags (immutable, append-only) are ours to check always: the kernel does not know
 * them. Mode, ACL and the sticky bit are checked only when `caller.checkAccess` is set: for FUSE the kernel has done
 * so (default_permissions), and it alone knows every supplementary group.
 *
 * Source: fs/namei.c (inode_permission, acl_permission_check, may_create, may_delete, __check_sticky).
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import { ACCESS_ACL_NAME, aclGrants } from "./acl.ts";
import { InodeFlag, S_ISVTX, type Inode } from "./inode.ts";
import type { MetaState } from "./meta-state.ts";
import type { Caller } from "./operation.ts";

/** What is wanted of an inode; the bits of access(2) and of a mode's last digit. */
export const Access = { EXECUTE: 1, WRITE: 2, READ: 4 } as const;

/** The caller's own group or one of the supplementary ones it came with. */
export function isInGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.groups.includes(gid);
}

/** May chmod, set times, set ACLs …: inode_owner_or_capable. True when the kernel has checked. */
export function isOwnerOrPrivileged(caller: Caller, inode: Inode): boolean {
  return !caller.checkAccess || caller.privileged || caller.uid === inode.uid;
}

/** inode_permission without the flags: mode, ACL, privilege. Evaluates whether or not `caller.checkAccess` is set. */
export function hasAccess(state: MetaState, caller: Caller, inode: Inode, wanted: number): boolean {
  if (isGranted(state, caller, inode, wanted)) return true;
  if (!caller.privileged) return false;
  // The privileged may do all but execute a file that nobody may execute.
  return inode.isDirectory() || (wanted & Access.EXECUTE) === 0 || (inode.mode & 0o111) !== 0;
}

/** `wanted` in `Access` bits. Throws EPERM (writing to what is immutable, checked always), EACCES. */
export function checkAccess(state: MetaState, caller: Caller, inode: Inode, wanted: number): void {
  if ((wanted & Access.WRITE) !== 0 && inode.has(InodeFlag.IMMUTABLE)) {
    throw new FsError("EPERM", `inode ${inode.ino} is immutable`);
  }
  if (caller.checkAccess && !hasAccess(state, caller, inode, wanted)) {
    throw new FsError("EACCES", `access to inode ${inode.ino} is denied`);
  }
}

/** For whoever looks up a name in a directory: comes before anything that tells whether the name exists. Throws EACCES. */
export function checkMaySearch(state: MetaState, caller: Caller, directory: Inode): void {
  if (caller.checkAccess) checkAccess(state, caller, directory, Access.EXECUTE);
}

/** For whoever adds a name; an append-only directory takes new ones. Throws EPERM, EACCES. */
export function checkMayChangeDirectory(state: MetaState, caller: Caller, parent: Inode): void {
  checkAccess(state, caller, parent, Access.WRITE | Access.EXECUTE);
}

/** For whoever takes the name of `victim` away or replaces it. Throws EPERM, EACCES. */
export function checkMayRemove(
  state: MetaState,
  caller: Caller,
  parent: Inode,
  victim: Inode,
): void {
  checkMayChangeDirectory(state, caller, parent);
  if (parent.has(InodeFlag.APPEND)) {
    throw new FsError("EPERM", `directory ${parent.ino} is append-only`);
  }
  if (caller.checkAccess && isStickyFor(caller, parent, victim)) {
    throw new FsError(
      "EPERM",
      `directory ${parent.ino} is sticky and inode ${victim.ino} another's`,
    );
  }
  if (victim.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) {
    throw new FsError("EPERM", `inode ${victim.ino} is immutable or append-only`);
  }
}

function isStickyFor(caller: Caller, parent: Inode, victim: Inode): boolean {
  return (
    (parent.mode & S_ISVTX) !== 0 &&
    !caller.privileged &&
    caller.uid !== victim.uid &&
    caller.uid !== parent.uid
  );
}

/** acl_permission_check: owner by mode; then the ACL, unless its mask (the group bits) is empty; then group or others. */
function isGranted(state: MetaState, caller: Caller, inode: Inode, wanted: number): boolean {
  if (caller.uid === inode.uid) return ((inode.mode >>> 6) & wanted) === wanted;
  if (state.acl && inode.has(InodeFlag.ACCESS_ACL) && (inode.mode & 0o070) !== 0) {
    const acl = state.tables.xattrs.get(inode.ino, ACCESS_ACL_NAME);
    if (acl === undefined) throw new CorruptError(`inode ${inode.ino} lost its access ACL`);
    return aclGrants(acl, caller, inode.gid, wanted);
  }
  const bits = isInGroup(caller, inode.gid) ? inode.mode >>> 3 : inode.mode;
  return (bits & wanted) === wanted;
}
