/** Attributes through FUSE: GETATTR, SETATTR, STATX (for the time of birth) and READLINK. */
import { ERRNO, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import type { GetattrIn, SetattrIn } from "../../fuse/abi/attr.ts";
import { SetattrValid } from "../../fuse/abi/flags.ts";
import { newStatxOut, type StatxIn } from "../../fuse/abi/statx.ts";
import type { AttributeOperations } from "../../fuse/filesystem.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import { needsGroupsToLoseSetId } from "../../meta/attribute-change.ts";
import { InodeFlag, S_ISGID, S_ISUID } from "../../meta/inode.ts";
import { Access, hasAccess } from "../../meta/permission.ts";
import { supplementaryGroups } from "../../sys/process.ts";
import { setattr, type SetattrArgs } from "../../vfs/ops/setattr.ts";
import { allocatedBytes } from "../../vfs/extent-walk.ts";
import {
  IO_SIZE,
  VALID_SEC,
  type FrontEndContext,
  type RequestCaller,
} from "./front-end-context.ts";

/** STATX_BASIC_STATS and STATX_BTIME. Source: include/uapi/linux/stat.h. */
const STATX_MASK = 0x7ff | 0x800;
const StatxAttribute = { IMMUTABLE: 0x10, APPEND: 0x20, NODUMP: 0x40 } as const;
const SECTOR_SIZE = 512;
/**
 * What a SETATTR can ask for. One that asks for nothing comes from chown(2) with both ids -1, and before a change of
 * contents by someone who may not keep set-id bits: "kill them" has no bit of its own there (fs/fuse/dir.c, fuse_setattr).
 */
const CHANGES: number = ~(SetattrValid.FH | SetattrValid.LOCKOWNER);

export class VolumeAttributes implements AttributeOperations {
  readonly #context: FrontEndContext;
  readonly #statx = newStatxOut();

  constructor(context: FrontEndContext) {
    this.#context = context;
  }

  getattr(request: Request, _argument: GetattrIn, reply: Reply): void {
    const inode = this.#context.state.meta.getInode(toIno(request.nodeid));
    if (inode === undefined) reply.error(-ERRNO.ESTALE);
    else reply.attr(this.#context.attr(inode), VALID_SEC);
  }

  setattr(request: Request, argument: SetattrIn, reply: Reply): void {
    const ino = toIno(request.nodeid);
    if (argument.valid & SetattrValid.SIZE) {
      const inode = this.#context.state.meta.requireInode(ino);
      if (argument.size > inode.size) this.#context.checkSpace(request);
    }
    const caller = this.#context.caller(request);
    const args = toSetattrArgs(ino, argument);
    if ((argument.valid & CHANGES) === 0) args.killSuidgid = this.#mayKillSetId(caller, ino);
    if (mayLoseSetId(args)) this.#addGroups(caller, ino);
    this.#context.executor.runFile(setattr, caller, args);
    const inode = this.#context.state.meta.requireInode(ino);
    reply.attr(this.#context.attr(inode), VALID_SEC);
  }

  /**
   * A SETATTR that asks for nothing may come from a chown(2) that the kernel has not checked: nobody may take set-id
   * bits away who could not do so by writing. A writer whose right to write has gone since the file was opened is told
   * nothing: the WRITE behind this says by a flag of its own what is to go.
   */
  #mayKillSetId(caller: RequestCaller, ino: Ino): boolean {
    const { meta } = this.#context.state;
    const inode = meta.getInode(ino);
    if (inode === undefined) return false;
    if (!(inode.mode & (S_ISUID | S_ISGID)) && !inode.has(InodeFlag.CAPABILITY)) return false;
    if (caller.privileged || caller.uid === inode.uid) return true;
    caller.groups = supplementaryGroups(caller.pid);
    return hasAccess(meta, caller, inode, Access.WRITE);
  }

  #addGroups(caller: RequestCaller, ino: Ino): void {
    const inode = this.#context.state.meta.getInode(ino);
    if (inode === undefined || !needsGroupsToLoseSetId(caller, inode)) return;
    caller.groups = supplementaryGroups(caller.pid);
  }

  statx(request: Request, _argument: StatxIn, reply: Reply): void {
    const inode = this.#context.state.meta.requireInode(toIno(request.nodeid));
    const out = this.#statx;
    const { stat } = out;
    out.attrValidSec = VALID_SEC;
    stat.mask = STATX_MASK;
    stat.blksize = IO_SIZE;
    stat.nlink = inode.nlink;
    stat.uid = inode.uid;
    stat.gid = inode.gid;
    stat.mode = inode.mode;
    stat.ino = inode.ino;
    stat.size = inode.size;
    stat.blocks = Math.ceil(allocatedBytes(this.#context.state, inode) / SECTOR_SIZE);
    stat.attributesMask = StatxAttribute.IMMUTABLE | StatxAttribute.APPEND | StatxAttribute.NODUMP;
    stat.attributes =
      (inode.has(InodeFlag.IMMUTABLE) ? StatxAttribute.IMMUTABLE : 0) |
      (inode.has(InodeFlag.APPEND) ? StatxAttribute.APPEND : 0) |
      (inode.has(InodeFlag.NODUMP) ? StatxAttribute.NODUMP : 0);
    stat.atime.sec = inode.atimeSec;
    stat.atime.nsec = inode.atimeNsec;
    stat.btime.sec = inode.btimeSec;
    stat.btime.nsec = inode.btimeNsec;
    stat.ctime.sec = inode.ctimeSec;
    stat.ctime.nsec = inode.ctimeNsec;
    stat.mtime.sec = inode.mtimeSec;
    stat.mtime.nsec = inode.mtimeNsec;
    stat.rdevMajor = (inode.rdev >>> 8) & 0xfff;
    stat.rdevMinor = (inode.rdev & 0xff) | ((inode.rdev >>> 12) & 0xf_ff00);
    reply.statx(out);
  }

  readlink(request: Request, reply: Reply): void {
    const ino = toIno(request.nodeid);
    const target = this.#context.state.meta.tables.symlinks.get(ino);
    if (target === undefined) throw new FsError("EINVAL", `inode ${ino} is no symbolic link`);
    reply.name(target);
  }
}

function toSetattrArgs(ino: Ino, argument: SetattrIn): NewSetattrArgs {
  const { valid } = argument;
  return {
    ino,
    size: valid & SetattrValid.SIZE ? argument.size : undefined,
    mode: valid & SetattrValid.MODE ? argument.mode : undefined,
    uid: valid & SetattrValid.UID ? argument.uid : undefined,
    gid: valid & SetattrValid.GID ? argument.gid : undefined,
    atime: toTime(valid, SetattrValid.ATIME, SetattrValid.ATIME_NOW, {
      sec: argument.atimeSec,
      nsec: argument.atimeNsec,
    }),
    mtime: toTime(valid, SetattrValid.MTIME, SetattrValid.MTIME_NOW, {
      sec: argument.mtimeSec,
      nsec: argument.mtimeNsec,
    }),
    ctime:
      valid & SetattrValid.CTIME ? { sec: argument.ctimeSec, nsec: argument.ctimeNsec } : undefined,
    killSuidgid: (valid & SetattrValid.KILL_SUIDGID) !== 0,
  };
}

type NewSetattrArgs = SetattrArgs & { killSuidgid: boolean };

function mayLoseSetId(args: SetattrArgs): boolean {
  return args.killSuidgid === true || args.uid !== undefined || args.gid !== undefined;
}

function toTime(
  valid: number,
  given: number,
  now: number,
  time: { sec: number; nsec: number },
): { sec: number; nsec: number } | "now" | undefined {
  if (valid & now) return "now";
  return valid & given ? time : undefined;
}
