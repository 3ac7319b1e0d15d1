/**
 * Gives an entry another name or directory, replaces what had that name, or exchanges two entries (renameat2(2)).
 *
 * Where a reader of the directories sees the entries (cookies), so that a name that exists throughout is seen exactly
 * once and "rename every entry" comes to an end:
 *  - a replaced name, both names of an exchange, and a name left to a whiteout keep their places;
 *  - a new name in the same directory takes over the old one's place;
 *  - anything else gets a new place at the end of its directory.
 *
 * The tree stays a tree: a directory is never moved below itself. The kernel checks that for FUSE; we check it
 * for all, by the chain of parents, at any depth. Source: fs/namei.c (do_renameat2, vfs_rename), fs/ext4/namei.c.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import type { Timestamp } from "../../core/clock.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { ROOT_INO, toIno, type Ino } from "../../core/ids.ts";
import { checkNameSize, checkNewName } from "../file-name.ts";
import { inheritFlags, inheritGroup, inheritProject } from "../inherit.ts";
import { FileType, InodeFlag, type Inode } from "../inode.ts";
import type { MetaState } from "../meta-state.ts";
import { OpKind, type Caller, type Operation } from "../operation.ts";
import {
  Access,
  checkAccess,
  checkMayChangeDirectory,
  checkMayRemove,
  checkMaySearch,
} from "../permission.ts";
import type { DentryTarget } from "../tables.ts";

/** Source: include/uapi/linux/fs.h. */
export const RenameFlag = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;
const KNOWN_FLAGS = RenameFlag.NOREPLACE | RenameFlag.EXCHANGE | RenameFlag.WHITEOUT;

export interface RenameArgs {
  readonly parent: Ino;
  readonly name: string;
  readonly newParent: Ino;
  readonly newName: string;
  /** `RenameFlag` bits. */
  readonly flags: number;
}

export interface RenameResult {
  readonly ino: Ino;
  /** What had the new name; undefined when it was free. Equal to `ino`: two names of one inode, nothing happens. */
  readonly otherIno: Ino | undefined;
  readonly whiteout: Whiteout | undefined;
  readonly sec: number;
  readonly nsec: number;
}

/** The character device 0:0 that overlayfs takes for "deleted". */
export interface Whiteout {
  readonly ino: Ino;
  readonly uid: number;
  readonly gid: number;
  readonly flags: number;
  readonly projid: number;
}

export const rename: Operation<MetaState, RenameArgs, RenameResult> = {
  kind: OpKind.RENAME,
  version: 1,
  name: "rename",
  prepare,
  apply,
  encode,
  decode,
};

/** No inode has this number. */
const NO_INO = 0;

function prepare(state: MetaState, caller: Caller, args: RenameArgs): RenameResult {
  const { flags } = args;
  checkFlags(flags);
  const parent = state.requireDirectory(args.parent);
  const newParent = state.requireDirectory(args.newParent);
  checkNotDots(args.name, "EBUSY");
  checkNotDots(args.newName, flags & RenameFlag.NOREPLACE ? "EEXIST" : "EBUSY");
  checkMaySearch(state, caller, parent);
  checkMaySearch(state, caller, newParent);
  checkNameSize(args.name);
  const source = state.lookup(args.parent, args.name);
  if (source === undefined) throw new FsError("ENOENT", "no such name");
  const inode = state.requireInode(source.ino);
  checkNameSize(args.newName);
  const target = state.lookup(args.newParent, args.newName);
  const other = target === undefined ? undefined : state.requireInode(target.ino);
  if (other === undefined) {
    if (flags & RenameFlag.EXCHANGE) throw new FsError("ENOENT", "no such name to exchange with");
    checkNewName(args.newName);
  } else if (flags & RenameFlag.NOREPLACE) {
    throw new FsError("EEXIST", "the new name exists");
  }
  checkStaysTree(state, { inode, other, parent, newParent, flags });
  const result = {
    ino: inode.ino,
    otherIno: other?.ino,
    sec: caller.now.sec,
    nsec: caller.now.nsec,
  };
  if (inode.ino === other?.ino) return { ...result, whiteout: undefined };

  checkMayRemove(state, caller, parent, inode);
  if (other === undefined) checkMayChangeDirectory(state, caller, newParent);
  else checkMayReplace(state, caller, { inode, other, newParent, flags });
  if (args.parent !== args.newParent) {
    checkMayMove(state, caller, inode, newParent);
    if (flags & RenameFlag.EXCHANGE && other !== undefined) {
      checkMayMove(state, caller, other, parent);
    }
  }
  const whiteout = flags & RenameFlag.WHITEOUT ? planWhiteout(state, caller, parent) : undefined;
  return { ...result, whiteout };
}

function checkFlags(flags: number): void {
  const exclusive = RenameFlag.NOREPLACE | RenameFlag.WHITEOUT;
  if (flags & ~KNOWN_FLAGS || (flags & RenameFlag.EXCHANGE && flags & exclusive)) {
    throw new FsError("EINVAL", `rename flags ${flags}`);
  }
}

function checkNotDots(name: string, code: "EBUSY" | "EEXIST"): void {
  if (name === "." || name === "..") throw new FsError(code, `the name "${name}"`);
}

interface Move {
  readonly inode: Inode;
  readonly other: Inode | undefined;
  readonly parent: Inode;
  readonly newParent: Inode;
  readonly flags: number;
}

/** Neither entry may be an ancestor of the directory the other one lies in. */
function checkStaysTree(state: MetaState, move: Move): void {
  const { inode, other, parent, newParent } = move;
  if (parent.ino === newParent.ino) return;
  if (inode.isDirectory() && isWithin(state, newParent, inode.ino)) {
    throw new FsError("EINVAL", `directory ${inode.ino} would be moved below itself`);
  }
  if (other?.isDirectory() && isWithin(state, parent, other.ino)) {
    const code = move.flags & RenameFlag.EXCHANGE ? "EINVAL" : "ENOTEMPTY";
    throw new FsError(code, `directory ${other.ino} holds what is to be renamed`);
  }
}

/** Whether `directory` is `ancestor` or lies below it. The caller's Inode objects may leave the cache: it only reads them. */
function isWithin(state: MetaState, directory: Inode, ancestor: Ino): boolean {
  let at = directory;
  for (let steps = state.inodeCount; steps >= 0; steps--) {
    if (at.ino === ancestor) return true;
    if (at.ino === ROOT_INO) return false;
    const up = state.getInode(toIno(at.parent));
    if (up === undefined) throw new CorruptError(`directory ${at.ino} has no parent`);
    at = up;
  }
  throw new CorruptError(`the parents of directory ${directory.ino} form a circle`);
}

function checkMayReplace(
  state: MetaState,
  caller: Caller,
  move: Omit<Move, "parent" | "other"> & { readonly other: Inode },
): void {
  const { inode, other } = move;
  checkMayRemove(state, caller, move.newParent, other);
  if (move.flags & RenameFlag.EXCHANGE) return;
  if (inode.isDirectory() && !other.isDirectory()) {
    throw new FsError("ENOTDIR", `inode ${other.ino} is not a directory`);
  }
  if (!inode.isDirectory() && other.isDirectory()) {
    throw new FsError("EISDIR", `inode ${other.ino} is a directory`);
  }
  if (other.isDirectory() && !state.tables.dentries.isEmpty(other.ino)) {
    throw new FsError("ENOTEMPTY", `directory ${other.ino} is not empty`);
  }
}

/** Into another directory: a directory's ".." is rewritten, and a project's directory takes only its own. */
function checkMayMove(state: MetaState, caller: Caller, inode: Inode, to: Inode): void {
  if (inode.isDirectory()) checkAccess(state, caller, inode, Access.WRITE);
  if (to.has(InodeFlag.PROJINHERIT) && to.projid !== inode.projid) {
    throw new FsError("EXDEV", `directory ${to.ino} belongs to project ${to.projid}`);
  }
}

function planWhiteout(state: MetaState, caller: Caller, parent: Inode): Whiteout {
  return {
    ino: toIno(state.nextIno),
    uid: caller.uid,
    gid: inheritGroup(parent, caller),
    flags: inheritFlags(parent, FileType.CHARACTER),
    projid: inheritProject(parent),
  };
}

function apply(state: MetaState, args: RenameArgs, result: RenameResult): void {
  const source = state.lookup(args.parent, args.name);
  const target = state.lookup(args.newParent, args.newName);
  if (source?.ino !== result.ino || target?.ino !== result.otherIno) {
    throw new CorruptError(`rename: the names of inode ${result.ino} are not what they were`);
  }
  if (result.otherIno === result.ino) return;
  const parent = state.getInode(args.parent);
  const newParent = state.getInode(args.newParent);
  const inode = state.getInode(result.ino);
  const other = result.otherIno === undefined ? undefined : state.getInode(result.otherIno);
  if (!parent || !newParent || !inode || (target !== undefined && !other)) {
    throw new CorruptError(`rename: an inode around ${result.ino} is missing`);
  }
  if (other !== undefined && target !== undefined && args.flags & RenameFlag.EXCHANGE) {
    state.retarget(parent.ino, args.name, source, other);
    state.retarget(newParent.ino, args.newName, target, inode);
    moveDirectory(other, newParent, parent);
    other.setCtime(result);
    state.markDirty(other);
  } else {
    if (other !== undefined) dropReplaced(state, newParent, other, result);
    moveEntry(state, args, { source, target, inode, newParent, result });
  }
  moveDirectory(inode, parent, newParent);
  inode.setCtime(result);
  state.markDirty(inode);
  parent.setMtimeAndCtime(result);
  state.markDirty(parent);
  newParent.setMtimeAndCtime(result);
  state.markDirty(newParent);
}

function moveEntry(
  state: MetaState,
  args: RenameArgs,
  move: {
    readonly source: DentryTarget;
    readonly target: DentryTarget | undefined;
    readonly inode: Inode;
    readonly newParent: Inode;
    readonly result: RenameResult;
  },
): void {
  const { source, target, inode, newParent } = move;
  const { whiteout } = move.result;
  if (whiteout !== undefined) {
    state.retarget(args.parent, args.name, source, makeWhiteout(state, whiteout, move.result));
  } else if (target === undefined && args.parent === args.newParent) {
    state.renameEntry(args.parent, args.name, args.newName, source);
    return;
  } else {
    state.unlink(args.parent, args.name, source);
  }
  if (target === undefined) state.link(newParent, args.newName, inode);
  else state.retarget(args.newParent, args.newName, target, inode);
}

function makeWhiteout(state: MetaState, whiteout: Whiteout, now: Timestamp): Inode {
  const inode = state.addInode(whiteout.ino);
  inode.mode = FileType.CHARACTER;
  inode.uid = whiteout.uid;
  inode.gid = whiteout.gid;
  inode.flags = whiteout.flags;
  inode.projid = whiteout.projid;
  inode.nlink = 1;
  inode.setAllTimes(now);
  return inode;
}

/** What lost its name to the renamed entry; without another name it becomes an orphan. */
function dropReplaced(state: MetaState, directory: Inode, other: Inode, now: Timestamp): void {
  if (other.isDirectory()) {
    directory.nlink--;
    other.nlink = 0;
    other.parent = 0;
  } else {
    other.nlink--;
  }
  other.setCtime(now);
  state.markDirty(other);
  if (other.nlink === 0) state.addOrphan(other.ino);
}

function moveDirectory(inode: Inode, from: Inode, to: Inode): void {
  if (!inode.isDirectory()) return;
  from.nlink--;
  to.nlink++;
  inode.parent = to.ino;
}

function encode(into: ByteWriter, args: RenameArgs, result: RenameResult): void {
  into.uvarint(args.parent);
  into.latin1(args.name);
  into.uvarint(args.newParent);
  into.latin1(args.newName);
  into.u8(args.flags);
  into.uvarint(result.ino);
  into.uvarint(result.otherIno ?? NO_INO);
  into.svarint(result.sec);
  into.u32(result.nsec);
  const { whiteout } = result;
  into.uvarint(whiteout?.ino ?? NO_INO);
  if (whiteout === undefined) return;
  into.uvarint(whiteout.uid);
  into.uvarint(whiteout.gid);
  into.uvarint(whiteout.flags);
  into.uvarint(whiteout.projid);
}

function decode(from: ByteReader): { args: RenameArgs; result: RenameResult } {
  const args: RenameArgs = {
    parent: toIno(from.uvarint()),
    name: from.latin1(),
    newParent: toIno(from.uvarint()),
    newName: from.latin1(),
    flags: from.u8(),
  };
  const ino = toIno(from.uvarint());
  const otherIno = from.uvarint();
  const sec = from.svarint();
  const nsec = from.u32();
  const whiteoutIno = from.uvarint();
  let whiteout: Whiteout | undefined;
  if (whiteoutIno !== NO_INO) {
    whiteout = {
      ino: toIno(whiteoutIno),
      uid: from.uvarint(),
      gid: from.uvarint(),
      flags: from.uvarint(),
      projid: from.uvarint(),
    };
  }
  return {
    args,
    result: {
      ino,
      otherIno: otherIno === NO_INO ? undefined : toIno(otherIno),
      whiteout,
      sec,
      nsec,
    },
  };
}
