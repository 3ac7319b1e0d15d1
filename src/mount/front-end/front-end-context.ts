/** What every part of the FUSE front end works on, and the small objects they reuse for each request. */
import type { Clock, Timestamp } from "../../core/clock.ts";
import type { Ino } from "../../core/ids.ts";
import { newAttr, newEntryOut, type Attr, type EntryOut } from "../../fuse/abi/attr.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import { needsGroupsToLoseSetId } from "../../meta/attribute-change.ts";
import { S_ISGID, type Inode } from "../../meta/inode.ts";
import type { Caller } from "../../meta/operation.ts";
import { isInGroup } from "../../meta/permission.ts";
import { supplementaryGroups } from "../../sys/process.ts";
import type { Executor } from "../../vfs/executor.ts";
import { allocatedBytes } from "../../vfs/extent-walk.ts";
import type { FileReader } from "../../vfs/read.ts";
import type { FileState } from "../../vfs/file-state.ts";
import { setattr } from "../../vfs/ops/setattr.ts";
import type { VolumeSpace } from "../../volume/volume-room.ts";

/**
 * How long the kernel may keep names and attributes: a day. One writer is exclusive, whatever changes behind the
 * kernel's back is told to it (DESIGN section 10).
 */
export const VALID_SEC = 86_400;
/** Programs size their buffers by st_blksize. */
export const IO_SIZE: number = 128 * 1024;
const SECTOR_SIZE = 512;
const NO_GROUPS: readonly number[] = [];

/** What an fsync must wait for; decided by the durability level. */
export interface Durability {
  /** Answers the request itself, now or later (`reply.defer()` is up to it). */
  fsync(request: Request, reply: Reply): void;
}

/** Told of what only the kernel's caches know. */
export interface KernelCaches {
  /** Bytes of `ino` from `offset` on changed in a way the kernel did not expect. */
  invalidateData(ino: Ino, offset: number): void;
  /** An IOCTL changed attributes of `ino`, which the kernel does not expect: tells it, and answers the IOCTL then. */
  attributesChanged(request: Request, reply: Reply, ino: Ino): void;
  /** The kernel says it forgot an inode; orphans are then probed and reaped (J8). */
  forgotten(ino: Ino): void;
}

/** A caller object that is filled anew for every request. */
export class RequestCaller implements Caller {
  uid = 0;
  gid = 0;
  pid = 0;
  umask = 0;
  groups: readonly number[] = NO_GROUPS;
  /** The kernel has checked modes and ACLs: `default_permissions`. */
  checkAccess = false;
  privileged = false;
  unique = 0;
  readonly now: Timestamp = { sec: 0, nsec: 0 };
}

export class FrontEndContext {
  readonly executor: Executor;
  readonly state: FileState;
  readonly reader: FileReader;
  readonly durability: Durability;
  readonly caches: KernelCaches;
  readonly space: VolumeSpace;
  /** Called before the first 80 bytes of a WRITE are overwritten (J7). */
  readonly saveHeader: () => void;
  /** False on a read-only mount and with noatime: READs change nothing. */
  readonly keepsAtime: boolean;
  readonly #clock: Clock;
  readonly #caller = new RequestCaller();
  readonly #attr: Attr = newAttr();
  readonly #entry: EntryOut = newEntryOut();

  constructor(options: {
    readonly executor: Executor;
    readonly reader: FileReader;
    readonly durability: Durability;
    readonly caches: KernelCaches;
    readonly space: VolumeSpace;
    readonly clock: Clock;
    readonly saveHeader: () => void;
    readonly keepsAtime: boolean;
  }) {
    this.executor = options.executor;
    this.state = options.executor.state;
    this.reader = options.reader;
    this.durability = options.durability;
    this.caches = options.caches;
    this.space = options.space;
    this.saveHeader = options.saveHeader;
    this.keepsAtime = options.keepsAtime;
    this.#clock = options.clock;
  }

  /** Throws ENOSPC or EROFS when an operation that needs room must be refused; not for one that took effect before a restart. */
  checkSpace(request: Request, size = 0): void {
    if (!this.executor.isRecorded(request.unique)) this.space.check(size);
  }

  /** The request's caller; valid until the next request. */
  caller(request: Request): RequestCaller {
    const caller = this.#caller;
    caller.uid = request.uid;
    caller.gid = request.gid;
    caller.pid = request.pid;
    caller.umask = 0;
    caller.groups = NO_GROUPS;
    caller.privileged = request.uid === 0;
    caller.unique = request.unique;
    this.#clock.realtime(caller.now);
    return caller;
  }

  /**
   * Before contents change under someone who may not keep set-id bits. What the group may not execute keeps its
   * set-group-id under members of the group; the operation itself takes the bit only from the rest, for it cannot know
   * the caller's groups. Own record, like that of an access time: a request that comes again finds the bit gone.
   */
  dropSetGid(request: Request, ino: Ino): void {
    const inode = this.state.meta.getInode(ino);
    if (inode === undefined || (inode.mode & S_ISGID) === 0) return;
    const caller = this.caller(request);
    if (!needsGroupsToLoseSetId(caller, inode)) return;
    caller.groups = supplementaryGroups(caller.pid);
    if (isInGroup(caller, inode.gid)) return;
    caller.unique = 0;
    this.executor.runFile(setattr, caller, { ino, killSuidgid: true });
  }

  /** The inode's attributes as FUSE has them; one object, valid until the next call. */
  attr(inode: Inode): Attr {
    fillAttr(this.state, inode, this.#attr);
    return this.#attr;
  }

  /** An entry for `inode`; one object, valid until the next call. */
  entry(inode: Inode): EntryOut {
    const entry = this.#entry;
    entry.nodeid = inode.ino;
    entry.generation = 1;
    entry.entryValidSec = VALID_SEC;
    entry.attrValidSec = VALID_SEC;
    fillAttr(this.state, inode, entry.attr);
    return entry;
  }
}

export function fillAttr(state: FileState, inode: Inode, attr: Attr): void {
  attr.ino = inode.ino;
  attr.size = inode.size;
  attr.blocks = Math.ceil(allocatedBytes(state, inode) / SECTOR_SIZE);
  attr.atimeSec = inode.atimeSec;
  attr.atimeNsec = inode.atimeNsec;
  attr.mtimeSec = inode.mtimeSec;
  attr.mtimeNsec = inode.mtimeNsec;
  attr.ctimeSec = inode.ctimeSec;
  attr.ctimeNsec = inode.ctimeNsec;
  attr.mode = inode.mode;
  attr.nlink = inode.nlink;
  attr.uid = inode.uid;
  attr.gid = inode.gid;
  attr.rdev = inode.rdev;
  attr.blksize = IO_SIZE;
  attr.flags = 0;
}
