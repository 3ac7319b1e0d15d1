/**
 * POSIX ACLs as Linux stores them in extended attributes, and what the kernel's own filesystems do with them.
 *
 * The value: u32 version (2), then entries of 8 bytes: u16 tag · u16 permissions (rwx = 4 2 1) · u32 id, all little
 * endian. The id matters for USER and GROUP entries only and is 0xffffffff elsewhere. A value without entries, and one
 * of no bytes, mean "no ACL". Entries stand in the order USER_OBJ, USER…, GROUP_OBJ, GROUP…, MASK, OTHER.
 * What holds for every stored value: it is valid, canonical (`encodeAcl`), and an access ACL that says no more than
 * a mode is not stored at all.
 *
 * Source: include/uapi/linux/posix_acl_xattr.h, fs/posix_acl.c (the functions named below), acl(5).
 */
import { CorruptError, FsError } from "../core/fs-error.ts";

export const ACCESS_ACL_NAME = "system.posix_acl_access";
export const DEFAULT_ACL_NAME = "system.posix_acl_default";

/** Entry tags. Source: include/uapi/linux/posix_acl.h. */
export const AclTag = {
  USER_OBJ: 0x01,
  USER: 0x02,
  GROUP_OBJ: 0x04,
  GROUP: 0x08,
  MASK: 0x10,
  OTHER: 0x20,
} as const;

export interface AclEntry {
  readonly tag: number;
  /** rwx bits: 4, 2, 1. */
  readonly perm: number;
  /** A uid or gid for USER and GROUP; `ACL_UNDEFINED_ID` otherwise. */
  readonly id: number;
}

export const ACL_UNDEFINED_ID = 0xffff_ffff;

const VERSION = 2;
const HEADER_SIZE = 4;
const ENTRY_SIZE = 8;
/** rwx for user, group and others. */
const PERMISSION_MASK = 0o777;

/**
 * undefined = no ACL. Throws EOPNOTSUPP for another version, EINVAL for what the kernel's posix_acl_from_xattr and
 * posix_acl_valid refuse (like them it accepts an id that is named twice).
 */
export function decodeAcl(value: Uint8Array): AclEntry[] | undefined {
  if (value.length === 0) return undefined;
  if (value.length < HEADER_SIZE) throw new FsError("EINVAL", "an ACL without its header");
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const version = view.getUint32(0, true);
  if (version !== VERSION) {
    throw new FsError("EOPNOTSUPP", `ACL version ${version}; only ${VERSION} is known`);
  }
  if ((value.length - HEADER_SIZE) % ENTRY_SIZE !== 0) {
    throw new FsError("EINVAL", `an ACL of ${value.length} bytes ends inside an entry`);
  }
  const entries: AclEntry[] = [];
  for (let at = HEADER_SIZE; at < value.length; at += ENTRY_SIZE) {
    const tag = view.getUint16(at, true);
    const named = tag === AclTag.USER || tag === AclTag.GROUP;
    const id = named ? view.getUint32(at + 4, true) : ACL_UNDEFINED_ID;
    entries.push({ tag, perm: view.getUint16(at + 2, true), id });
  }
  if (entries.length === 0) return undefined;
  checkEntries(entries);
  return entries;
}

/** The canonical value. */
export function encodeAcl(entries: readonly AclEntry[]): Uint8Array {
  const value = new Uint8Array(HEADER_SIZE + entries.length * ENTRY_SIZE);
  const view = new DataView(value.buffer);
  view.setUint32(0, VERSION, true);
  let at = HEADER_SIZE;
  for (const entry of entries) {
    view.setUint16(at, entry.tag, true);
    view.setUint16(at + 2, entry.perm, true);
    view.setUint32(at + 4, entry.id, true);
    at += ENTRY_SIZE;
  }
  return value;
}

/** The rwx bits that show the ACL in a mode (posix_acl_equiv_mode); `minimal` when they say all there is to say. */
export function equivalentMode(entries: readonly AclEntry[]): { mode: number; minimal: boolean } {
  let mode = 0;
  let minimal = true;
  for (const { tag, perm } of entries) {
    if (tag === AclTag.USER_OBJ) mode |= perm << 6;
    else if (tag === AclTag.GROUP_OBJ) mode |= perm << 3;
    else if (tag === AclTag.OTHER) mode |= perm;
    else {
      minimal = false;
      if (tag === AclTag.MASK) mode = (mode & ~0o070) | (perm << 3);
    }
  }
  return { mode, minimal };
}

/**
 * What a new inode gets under a directory with a default ACL (posix_acl_create): the asked bits less what the ACL does
 * not grant, and the access ACL less what was not asked for. No umask here. Throws CorruptError: `defaultAcl` is stored.
 */
export function inheritAcl(
  defaultAcl: Uint8Array,
  mode: number,
): { mode: number; accessAcl: Uint8Array | undefined } {
  const entries = decodeStoredAcl(defaultAcl);
  const masked = maskEntries(entries, mode, "and");
  const granted = equivalentMode(masked);
  return {
    mode: (mode & ~PERMISSION_MASK) | granted.mode,
    accessAcl: granted.minimal ? undefined : encodeAcl(masked),
  };
}

/** The stored access ACL after chmod (posix_acl_chmod): owner, mask (or group) and others as the mode says. */
export function chmodAcl(accessAcl: Uint8Array, mode: number): Uint8Array {
  return encodeAcl(maskEntries(decodeStoredAcl(accessAcl), mode, "set"));
}

/**
 * The permission algorithm of acl(5) for someone who does not own the inode (the owner's bits are the mode's).
 * `wanted` in rwx bits; groups as the caller has them. Reads the stored bytes as they are: nothing is allocated.
 * Throws CorruptError.
 */
export function aclGrants(
  accessAcl: Uint8Array,
  who: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] },
  owningGid: number,
  wanted: number,
): boolean {
  const size = accessAcl.length;
  if (size <= HEADER_SIZE || (size - HEADER_SIZE) % ENTRY_SIZE !== 0) throw corruptAcl();
  let groupMatched = false;
  for (let at = HEADER_SIZE; at < size; at += ENTRY_SIZE) {
    const tag = accessAcl[at]!;
    const perm = accessAcl[at + 2]!;
    if (tag === AclTag.USER) {
      if (idAt(accessAcl, at) === who.uid)
        return isGrantedUnderMask(accessAcl, at, perm & wanted, wanted);
    } else if (tag === AclTag.GROUP_OBJ || tag === AclTag.GROUP) {
      const gid = tag === AclTag.GROUP ? idAt(accessAcl, at) : owningGid;
      if (who.gid !== gid && !who.groups.includes(gid)) continue;
      groupMatched = true;
      if ((perm & wanted) === wanted) return isGrantedUnderMask(accessAcl, at, perm, wanted);
    } else if (tag === AclTag.OTHER) {
      return !groupMatched && (perm & wanted) === wanted;
    }
  }
  throw corruptAcl();
}

/** An ACL that was validated before it was stored. Throws CorruptError. */
export function decodeStoredAcl(value: Uint8Array): AclEntry[] {
  try {
    const entries = decodeAcl(value);
    if (entries !== undefined) return entries;
  } catch (error) {
    throw new CorruptError("a stored ACL is not valid", { cause: error });
  }
  throw corruptAcl();
}

/** posix_acl_valid: a small automaton over the tags. `state` is the tag that may come next (0: the end). */
function checkEntries(entries: readonly AclEntry[]): void {
  let state: number = AclTag.USER_OBJ;
  let needsMask = false;
  for (const { tag, perm, id } of entries) {
    if (perm > 7) throw new FsError("EINVAL", `ACL permissions ${perm}`);
    if (tag === AclTag.USER_OBJ && state === AclTag.USER_OBJ) {
      state = AclTag.USER;
    } else if (tag === AclTag.GROUP_OBJ && state === AclTag.USER) {
      state = AclTag.GROUP;
    } else if ((tag === AclTag.USER || tag === AclTag.GROUP) && state === tag) {
      if (id === ACL_UNDEFINED_ID) throw new FsError("EINVAL", "a named ACL entry without an id");
      needsMask = true;
    } else if (tag === AclTag.MASK && state === AclTag.GROUP) {
      state = AclTag.OTHER;
    } else if (
      tag === AclTag.OTHER &&
      (state === AclTag.OTHER || (state === AclTag.GROUP && !needsMask))
    ) {
      state = 0;
    } else {
      throw new FsError("EINVAL", `the ACL entry with tag ${tag} is out of place`);
    }
  }
  if (state !== 0) throw new FsError("EINVAL", "an ACL without an entry for others");
}

/**
 * The entries that a mode limits ("and": posix_acl_create_masq) or decides ("set": __posix_acl_chmod_masq): the
 * owner's, the mask's (without one: the owning group's) and others'.
 */
function maskEntries(entries: readonly AclEntry[], mode: number, how: "and" | "set"): AclEntry[] {
  const groupTag = entries.some((entry) => entry.tag === AclTag.MASK)
    ? AclTag.MASK
    : AclTag.GROUP_OBJ;
  return entries.map((entry) => {
    let bits: number;
    if (entry.tag === AclTag.USER_OBJ) bits = (mode >>> 6) & 7;
    else if (entry.tag === groupTag) bits = (mode >>> 3) & 7;
    else if (entry.tag === AclTag.OTHER) bits = mode & 7;
    else return entry;
    return { ...entry, perm: how === "set" ? bits : entry.perm & bits };
  });
}

/** `perm` of the entry at `at`, less what the mask that follows takes away. Without a mask: as it is (minimal ACL). */
function isGrantedUnderMask(acl: Uint8Array, at: number, perm: number, wanted: number): boolean {
  for (let next = at + ENTRY_SIZE; next < acl.length; next += ENTRY_SIZE) {
    if (acl[next] === AclTag.MASK) return (perm & acl[next + 2]! & wanted) === wanted;
  }
  return (perm & wanted) === wanted;
}

function idAt(acl: Uint8Array, at: number): number {
  return (acl[at + 4]! | (acl[at + 5]! << 8) | (acl[at + 6]! << 16) | (acl[at + 7]! << 24)) >>> 0;
}

function corruptAcl(): CorruptError {
  return new CorruptError("a stored ACL is not valid");
}
