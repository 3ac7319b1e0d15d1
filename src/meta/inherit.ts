/**
 * What a new inode takes over from its directory besides the default ACL: group, chattr flags, project.
 * Source: fs/inode.c (inode_init_owner, mode_strip_sgid), fs/ext4/ext4.h (EXT4_FL_INHERITED, ext4_mask_flags).
 */
import { FileType, InodeFlag, S_ISGID, TYPE_MASK, type Inode } from "./inode.ts";
import type { Caller } from "./operation.ts";
import { isInGroup } from "./permission.ts";

const INHERITED_FLAGS =
  InodeFlag.NOATIME | InodeFlag.NODUMP | InodeFlag.SYNC | InodeFlag.DIRSYNC | InodeFlag.PROJINHERIT;
/** Set-gid and group-executable: the mode that lets a file run with its group's rights. */
const SGID_EXECUTABLE = S_ISGID | 0o010;

/** The chattr flags an inode of this type (S_IFMT bits) may carry. */
export function flagsFor(type: number, flags: number): number {
  if (type === FileType.DIRECTORY) return flags;
  if (type === FileType.REGULAR) return flags & ~(InodeFlag.DIRSYNC | InodeFlag.PROJINHERIT);
  return flags & (InodeFlag.NOATIME | InodeFlag.NODUMP);
}

export function inheritFlags(parent: Inode, type: number): number {
  return flagsFor(type, parent.flags & INHERITED_FLAGS);
}

export function inheritProject(parent: Inode): number {
  return parent.has(InodeFlag.PROJINHERIT) ? parent.projid : 0;
}

/** The parent's group when the parent is set-gid. */
export function inheritGroup(parent: Inode, caller: Caller): number {
  return (parent.mode & S_ISGID) !== 0 ? parent.gid : caller.gid;
}

/**
 * `mode` (type and permissions) as asked, before umask or ACL: a directory has only rwx and sticky bits to ask for, and
 * is set-gid when its parent is; a set-gid executable in another's group is not for the unprivileged.
 */
export function inheritSgid(parent: Inode, caller: Caller, mode: number): number {
  const isSgid = (parent.mode & S_ISGID) !== 0;
  if ((mode & TYPE_MASK) === FileType.DIRECTORY) {
    return (mode & (TYPE_MASK | 0o1777)) | (isSgid ? S_ISGID : 0);
  }
  const stripped =
    isSgid &&
    (mode & SGID_EXECUTABLE) === SGID_EXECUTABLE &&
    !caller.privileged &&
    caller.checkAccess &&
    !isInGroup(caller, parent.gid);
  return stripped ? mode & ~S_ISGID : mode;
}
