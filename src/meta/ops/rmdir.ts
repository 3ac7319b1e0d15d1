/** Removes an empty directory. It stays as an orphan with nlink 0 until nothing refers to it (rule J8). Source: fs/namei.c vfs_rmdir. */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { ROOT_INO, toIno, type Ino } from "../../core/ids.ts";
import { checkNameSize } from "../file-name.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";
import { checkMayRemove, checkMaySearch } from "../permission.ts";

export interface RmdirArgs {
  readonly parent: Ino;
  readonly name: string;
}

export interface RmdirResult {
  readonly ino: Ino;
  readonly sec: number;
  readonly nsec: number;
}

export const rmdir: Operation<MetaState, RmdirArgs, RmdirResult> = {
  kind: OpKind.RMDIR,
  version: 1,
  name: "rmdir",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: MetaState, caller: Caller, args: RmdirArgs): RmdirResult {
  const parent = state.requireDirectory(args.parent);
  if (args.name === ".") throw new FsError("EINVAL", 'the name "."');
  if (args.name === "..") throw new FsError("ENOTEMPTY", 'the name ".."');
  checkMaySearch(state, caller, parent);
  checkNameSize(args.name);
  const target = state.lookup(args.parent, args.name);
  if (target === undefined) throw new FsError("ENOENT", "no such name");
  const inode = state.requireInode(target.ino);
  checkMayRemove(state, caller, parent, inode);
  if (!inode.isDirectory()) throw new FsError("ENOTDIR", `inode ${inode.ino} is not a directory`);
  if (inode.ino === ROOT_INO) throw new FsError("EBUSY", "the root directory stays");
  if (!state.tables.dentries.isEmpty(inode.ino)) {
    throw new FsError("ENOTEMPTY", `directory ${inode.ino} is not empty`);
  }
  return { ino: inode.ino, sec: caller.now.sec, nsec: caller.now.nsec };
}

function apply(state: MetaState, args: RmdirArgs, result: RmdirResult): void {
  const parent = state.getInode(args.parent);
  const target = state.lookup(args.parent, args.name);
  if (parent === undefined || target?.ino !== result.ino) {
    throw new CorruptError(
      `rmdir: the name in directory ${args.parent} is not inode ${result.ino}`,
    );
  }
  const inode = state.getInode(result.ino);
  if (inode?.parent !== args.parent) {
    throw new CorruptError(`rmdir: inode ${result.ino} does not lie in directory ${args.parent}`);
  }
  state.unlink(args.parent, args.name, target);
  parent.nlink--;
  parent.setMtimeAndCtime(result);
  state.markDirty(parent);
  inode.nlink = 0;
  inode.parent = 0;
  inode.setCtime(result);
  state.markDirty(inode);
  state.addOrphan(inode.ino);
}

function encode(into: ByteWriter, args: RmdirArgs, result: RmdirResult): void {
  into.uvarint(args.parent);
  into.latin1(args.name);
  into.uvarint(result.ino);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: RmdirArgs; result: RmdirResult } {
  return {
    args: { parent: toIno(from.uvarint()), name: from.latin1() },
    result: { ino: toIno(from.uvarint()), sec: from.svarint(), nsec: from.u32() },
  };
}
