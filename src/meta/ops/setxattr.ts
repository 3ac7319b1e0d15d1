/**
 * Sets an extended attribute, or an ACL by its attribute name (which may change the mode, or leave no attribute at all).
 * Source: setxattr(2), fs/xattr.c, fs/posix_acl.c (posix_acl_update_mode).
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { XATTR_LIST_SIZE_MAX, XATTR_VALUE_SIZE_MAX } from "../../core/limits.ts";
import { DEFAULT_ACL_NAME, decodeAcl, encodeAcl, equivalentMode } from "../acl.ts";
import { InodeFlag, S_ISGID, type Inode } from "../inode.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";
import { isInGroup } from "../permission.ts";
import { checkMayWriteXattr, isAclName } from "../xattr-permission.ts";
import { xattrListSize } from "../xattr-read.ts";
import { dropXattr, hasXattr, putXattr } from "../xattr-store.ts";

/** Source: include/uapi/linux/xattr.h. */
export const XattrFlag = { CREATE: 1, REPLACE: 2 } as const;

export interface SetxattrArgs {
  readonly ino: Ino;
  readonly name: string;
  readonly value: Uint8Array;
  /** `XattrFlag` bits; ACLs ignore them, as Linux does. */
  readonly flags: number;
  /** The kernel found that the caller may not keep set-gid (FUSE_SETXATTR_ACL_KILL_SGID); access ACLs only. */
  readonly killSgid: boolean;
}

export interface SetxattrResult {
  /** What is stored; undefined: nothing, what was there goes. */
  readonly value: Uint8Array | undefined;
  readonly mode: number;
  readonly sec: number;
  readonly nsec: number;
}

export const setxattr: Operation<MetaState, SetxattrArgs, SetxattrResult> = {
  kind: OpKind.SETXATTR,
  version: 1,
  name: "setxattr",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: MetaState, caller: Caller, args: SetxattrArgs): SetxattrResult {
  const { name, value, flags } = args;
  const inode = state.requireInode(args.ino);
  if (flags & ~(XattrFlag.CREATE | XattrFlag.REPLACE)) {
    throw new FsError("EINVAL", `setxattr flags ${flags}`);
  }
  if (value.length > XATTR_VALUE_SIZE_MAX) {
    throw new FsError("E2BIG", `an attribute value of ${value.length} bytes`);
  }
  checkMayWriteXattr(state, caller, inode, name);
  const { sec, nsec } = caller.now;
  if (isAclName(name)) return { ...prepareAcl(state, caller, args, inode), sec, nsec };
  if (!hasXattr(state, inode, name)) {
    if (flags & XattrFlag.REPLACE) throw new FsError("ENODATA", `no attribute "${name}"`);
    checkRoomForName(state, inode, name);
  } else if (flags & XattrFlag.CREATE) {
    throw new FsError("EEXIST", `the attribute "${name}" exists`);
  }
  return { value, mode: inode.mode, sec, nsec };
}

function prepareAcl(
  state: MetaState,
  caller: Caller,
  args: SetxattrArgs,
  inode: Inode,
): Pick<SetxattrResult, "value" | "mode"> {
  const entries = decodeAcl(args.value);
  let { mode } = inode;
  let value = entries === undefined ? undefined : encodeAcl(entries);
  if (args.name === DEFAULT_ACL_NAME) {
    if (entries !== undefined && !inode.isDirectory()) {
      throw new FsError("EACCES", `inode ${inode.ino} is not a directory`);
    }
  } else if (entries !== undefined) {
    const equivalent = equivalentMode(entries);
    mode = (mode & ~0o777) | equivalent.mode;
    if (equivalent.minimal) value = undefined;
    const isOutsider = caller.checkAccess && !caller.privileged && !isInGroup(caller, inode.gid);
    if (args.killSgid || isOutsider) mode &= ~S_ISGID;
  }
  if (value !== undefined && !hasXattr(state, inode, args.name)) {
    checkRoomForName(state, inode, args.name);
  }
  return { value, mode };
}

/** A list longer than listxattr(2) can return would lose names. */
function checkRoomForName(state: MetaState, inode: Inode, name: string): void {
  if (!inode.has(InodeFlag.XATTR)) return;
  const size = xattrListSize(state.tables.xattrs.names(inode.ino)) + name.length + 1;
  if (size > XATTR_LIST_SIZE_MAX) {
    throw new FsError("ENOSPC", `the attribute names of inode ${inode.ino} take ${size} bytes`);
  }
}

function apply(state: MetaState, args: SetxattrArgs, result: SetxattrResult): void {
  const inode = state.getInode(args.ino);
  if (inode === undefined) throw new CorruptError(`setxattr: inode ${args.ino} is missing`);
  if (result.value === undefined) dropXattr(state, inode, args.name);
  else putXattr(state, inode, args.name, result.value);
  inode.mode = result.mode;
  inode.setCtime(result);
  state.markDirty(inode);
}

/** Bits above XattrFlag's in the record's first byte. */
const KILL_SGID = 4;
const STORED = 8;
const NOTHING = new Uint8Array(0);

function encode(into: ByteWriter, args: SetxattrArgs, result: SetxattrResult): void {
  const { value } = result;
  into.u8(args.flags | (args.killSgid ? KILL_SGID : 0) | (value === undefined ? 0 : STORED));
  into.uvarint(args.ino);
  into.latin1(args.name);
  if (value !== undefined) into.bytes(value);
  into.uvarint(result.mode);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

/** The value as asked for is not recorded, only what came of it. */
function decode(from: ByteReader): { args: SetxattrArgs; result: SetxattrResult } {
  const bits = from.u8();
  if (bits & ~0xf) throw new CorruptError(`setxattr: unknown bits ${bits}`);
  const ino = toIno(from.uvarint());
  const name = from.latin1();
  const value = bits & STORED ? from.bytes() : undefined;
  return {
    args: {
      ino,
      name,
      value: value ?? NOTHING,
      flags: bits & (XattrFlag.CREATE | XattrFlag.REPLACE),
      killSgid: (bits & KILL_SGID) !== 0,
    },
    result: { value, mode: from.uvarint(), sec: from.svarint(), nsec: from.u32() },
  };
}
