/**
 * Removes a name of anything but a directory. An inode without names stays as an orphan until the kernel (or the
 * library) lets go of it (rule J8); vfs then reaps it.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { checkNameSize } from "../file-name.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";
import { checkMayRemove, checkMaySearch } from "../permission.ts";

export interface UnlinkArgs {
  readonly parent: Ino;
  readonly name: string;
}

export interface UnlinkResult {
  readonly ino: Ino;
  readonly sec: number;
  readonly nsec: number;
}

export const unlink: Operation<MetaState, UnlinkArgs, UnlinkResult> = {
  kind: OpKind.UNLINK,
  version: 1,
  name: "unlink",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: MetaState, caller: Caller, args: UnlinkArgs): UnlinkResult {
  const parent = state.requireDirectory(args.parent);
  checkMaySearch(state, caller, parent);
  checkNameSize(args.name);
  const target = state.lookup(args.parent, args.name);
  if (target === undefined) throw new FsError("ENOENT", "no such name");
  const inode = state.requireInode(target.ino);
  checkMayRemove(state, caller, parent, inode);
  if (inode.isDirectory()) throw new FsError("EISDIR", `inode ${inode.ino} is a directory`);
  return { ino: target.ino, sec: caller.now.sec, nsec: caller.now.nsec };
}

function apply(state: MetaState, args: UnlinkArgs, result: UnlinkResult): void {
  const parent = state.getInode(args.parent);
  const target = state.lookup(args.parent, args.name);
  if (parent === undefined || target?.ino !== result.ino) {
    throw new CorruptError(
      `unlink: the name in directory ${args.parent} is not inode ${result.ino}`,
    );
  }
  const inode = state.getInode(result.ino);
  if (inode === undefined || inode.nlink === 0) {
    throw new CorruptError(`unlink: inode ${result.ino} is missing or has no names`);
  }
  state.unlink(args.parent, args.name, target);
  parent.setMtimeAndCtime(result);
  state.markDirty(parent);
  inode.nlink--;
  inode.setCtime(result);
  state.markDirty(inode);
  if (inode.nlink === 0) state.addOrphan(inode.ino);
}

function encode(into: ByteWriter, args: UnlinkArgs, result: UnlinkResult): void {
  into.uvarint(args.parent);
  into.latin1(args.name);
  into.uvarint(result.ino);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: UnlinkArgs; result: UnlinkResult } {
  return {
    args: { parent: toIno(from.uvarint()), name: from.latin1() },
    result: { ino: toIno(from.uvarint()), sec: from.svarint(), nsec: from.u32() },
  };
}
