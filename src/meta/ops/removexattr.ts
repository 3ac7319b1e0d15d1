/** Removes an extended attribute. An ACL that is not there is removed with success, as Linux does; its mode stays. Source: fs/xattr.c. */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";
import { checkMayWriteXattr, isAclName } from "../xattr-permission.ts";
import { dropXattr, hasXattr } from "../xattr-store.ts";

export interface RemovexattrArgs {
  readonly ino: Ino;
  readonly name: string;
}

export interface RemovexattrResult {
  /** False: an ACL that was not there; nothing changes, the ctime neither. */
  readonly existed: boolean;
  readonly sec: number;
  readonly nsec: number;
}

export const removexattr: Operation<MetaState, RemovexattrArgs, RemovexattrResult> = {
  kind: OpKind.REMOVEXATTR,
  version: 1,
  name: "removexattr",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: MetaState, caller: Caller, args: RemovexattrArgs): RemovexattrResult {
  const inode = state.requireInode(args.ino);
  checkMayWriteXattr(state, caller, inode, args.name);
  const existed = hasXattr(state, inode, args.name);
  if (!existed && !isAclName(args.name)) {
    throw new FsError("ENODATA", `no attribute "${args.name}"`);
  }
  return { existed, sec: caller.now.sec, nsec: caller.now.nsec };
}

function apply(state: MetaState, args: RemovexattrArgs, result: RemovexattrResult): void {
  const inode = state.getInode(args.ino);
  if (inode === undefined) throw new CorruptError(`removexattr: inode ${args.ino} is missing`);
  if (hasXattr(state, inode, args.name) !== result.existed) {
    throw new CorruptError(`removexattr: "${args.name}" of inode ${args.ino} is not what it was`);
  }
  if (!result.existed) return;
  dropXattr(state, inode, args.name);
  inode.setCtime(result);
  state.markDirty(inode);
}

function encode(into: ByteWriter, args: RemovexattrArgs, result: RemovexattrResult): void {
  into.uvarint(args.ino);
  into.latin1(args.name);
  into.u8(result.existed ? 1 : 0);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: RemovexattrArgs; result: RemovexattrResult } {
  const args = { ino: toIno(from.uvarint()), name: from.latin1() };
  const existed = from.u8();
  if (existed > 1) throw new CorruptError(`removexattr: ${existed} is neither yes nor no`);
  return { args, result: { existed: existed === 1, sec: from.svarint(), nsec: from.u32() } };
}
