/**
 * Gives an inode another name. Of the inodes without any name only one that was made so (O_TMPFILE) may get one.
 * Source: fs/namei.c vfs_link, fs/ext4/namei.c ext4_link.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { LINK_COUNT_MAX } from "../../core/limits.ts";
import { checkNewName } from "../file-name.ts";
import { InodeFlag } from "../inode.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";
import { checkMayChangeDirectory, checkMaySearch } from "../permission.ts";

export interface LinkArgs {
  readonly ino: Ino;
  readonly parent: Ino;
  readonly name: string;
}

export interface LinkResult {
  readonly sec: number;
  readonly nsec: number;
}

export const link: Operation<MetaState, LinkArgs, LinkResult> = {
  kind: OpKind.LINK,
  version: 1,
  name: "link",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: MetaState, caller: Caller, args: LinkArgs): LinkResult {
  const inode = state.requireInode(args.ino);
  const parent = state.requireDirectory(args.parent);
  checkNewName(args.name);
  checkMaySearch(state, caller, parent);
  if (state.lookup(args.parent, args.name) !== undefined) {
    throw new FsError("EEXIST", "the name exists");
  }
  checkMayChangeDirectory(state, caller, parent);
  if (inode.has(InodeFlag.IMMUTABLE | InodeFlag.APPEND)) {
    throw new FsError("EPERM", `inode ${inode.ino} is immutable or append-only`);
  }
  if (inode.isDirectory()) throw new FsError("EPERM", `inode ${inode.ino} is a directory`);
  if (inode.nlink === 0 && !inode.has(InodeFlag.LINKABLE)) {
    throw new FsError("ENOENT", `inode ${inode.ino} was removed`);
  }
  if (inode.nlink >= LINK_COUNT_MAX) {
    throw new FsError("EMLINK", `inode ${inode.ino} has ${inode.nlink} names`);
  }
  if (parent.has(InodeFlag.PROJINHERIT) && parent.projid !== inode.projid) {
    throw new FsError("EXDEV", `directory ${parent.ino} belongs to project ${parent.projid}`);
  }
  return { sec: caller.now.sec, nsec: caller.now.nsec };
}

function apply(state: MetaState, args: LinkArgs, result: LinkResult): void {
  const parent = state.getInode(args.parent);
  const inode = state.getInode(args.ino);
  if (parent === undefined || inode === undefined) {
    throw new CorruptError(`link: inode ${args.ino} or directory ${args.parent} is missing`);
  }
  if (state.lookup(args.parent, args.name) !== undefined) {
    throw new CorruptError(`link: the name in directory ${args.parent} exists`);
  }
  if (inode.nlink === 0) {
    inode.flags &= ~InodeFlag.LINKABLE;
    state.removeOrphan(inode.ino);
  }
  inode.nlink++;
  inode.setCtime(result);
  state.markDirty(inode);
  state.link(parent, args.name, inode);
  parent.setMtimeAndCtime(result);
}

function encode(into: ByteWriter, args: LinkArgs, result: LinkResult): void {
  into.uvarint(args.ino);
  into.uvarint(args.parent);
  into.latin1(args.name);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: LinkArgs; result: LinkResult } {
  return {
    args: { ino: toIno(from.uvarint()), parent: toIno(from.uvarint()), name: from.latin1() },
    result: { sec: from.svarint(), nsec: from.u32() },
  };
}
