/**
 * What CREATE, MKNOD, MKDIR, SYMLINK and TMPFILE carry behind their names: the security context of the new
 * inode (SECURITY_CTX, 7.36) and the one supplementary group that is also the parent's (CREATE_SUPP_GROUP, 7.38).
 * Source: linux/fuse.h of protocol 7.45; fs/fuse/dir.c get_security_context, get_create_supp_group.
 * Offsets in bytes. Each extension begins with its size, this header included, and is padded to 8 bytes:
 *
 * fuse_ext_header      0 u32 size   4 u32 type
 *   type <= 31: fuse_secctx_header, the type counts contexts: fuse_secctx (0 u32 size  4 padding), name, zero byte, value
 *   type 32:    fuse_supp_groups: 0 u32 nr_groups   4 u32 each
 *   any other type is skipped.
 *
 * The extensions begin right after the last name's zero byte, so they are not aligned. No kernel sends more than
 * one security context; of several the first is taken.
 */
import { FsError } from "../../core/fs-error.ts";
import { ExtensionType } from "./flags.ts";
import { nameEnd } from "./name.ts";

export const EXTENSION_HEADER_SIZE = 8;
const SECURITY_CONTEXT_SIZE = 8;

export interface Extensions {
  /** Whole name of the attribute, as in `security.selinux`; empty when there is none. */
  securityName: string;
  /** Where the value lies in the request's bytes, and its length. */
  securityValueAt: number;
  securityValueSize: number;
  /** A group of the caller's that owns the parent directory too; -1 when there is none. */
  suppGroup: number;
}

export function newExtensions(): Extensions {
  return { securityName: "", securityValueAt: 0, securityValueSize: 0, suppGroup: -1 };
}

/** Reads `bytes`, of which `view` is a view, from `at` to `end` into `into`. Throws EIO when something is cut short. */
export function decodeExtensions(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  into: Extensions,
): Extensions {
  into.securityName = "";
  into.securityValueAt = 0;
  into.securityValueSize = 0;
  into.suppGroup = -1;
  let next = at;
  while (next < end) {
    if (end - next < EXTENSION_HEADER_SIZE) throw cutShort();
    const size = view.getUint32(next, true);
    const type = view.getUint32(next + 4, true);
    if (size < EXTENSION_HEADER_SIZE || size > end - next) throw cutShort();
    const inner = next + EXTENSION_HEADER_SIZE;
    if (type <= ExtensionType.SECURITY_CONTEXT_MAX) {
      if (type > 0) decodeSecurityContext(bytes, view, inner, next + size, into);
    } else if (type === ExtensionType.GROUPS) {
      decodeGroups(view, inner, next + size, into);
    }
    next += (size + 7) & ~7;
  }
  return into;
}

function decodeSecurityContext(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  into: Extensions,
): void {
  if (end - at < SECURITY_CONTEXT_SIZE) throw cutShort();
  const size = view.getUint32(at, true);
  const nameAt = at + SECURITY_CONTEXT_SIZE;
  const nameStop = nameEnd(bytes, nameAt, end);
  if (size > end - nameStop - 1) throw cutShort();
  into.securityName = Buffer.from(
    bytes.buffer,
    bytes.byteOffset + nameAt,
    nameStop - nameAt,
  ).toString("latin1");
  into.securityValueAt = nameStop + 1;
  into.securityValueSize = size;
}

function decodeGroups(view: DataView, at: number, end: number, into: Extensions): void {
  if (end - at < 4) throw cutShort();
  const count = view.getUint32(at, true);
  if (count > (end - at - 4) / 4) throw cutShort();
  if (count > 0) into.suppGroup = view.getUint32(at + 4, true);
}

function cutShort(): FsError {
  return new FsError("EIO", "the extensions of a request are cut short");
}
