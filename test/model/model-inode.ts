/**
 * A file, directory, link or node of the model, and the rules that depend on it alone: permission, set-id bits, atime.
 *
 * Source: path_resolution(7), inode(7), fs/attr.c (setattr_should_drop_suidgid), fs/inode.c (relatime_need_update).
 */
import { FsError } from "../../src/core/fs-error.ts";
import type { Caller } from "../conformance/posix/posix-directory.ts";
import {
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_ISGID,
  S_ISUID,
  S_ISVTX,
  S_IXGRP,
  X_OK,
} from "../support/posix-constants.ts";
import { SparseBytes } from "./sparse-bytes.ts";

const DAY_NS = 86_400_000_000_000n;
export const CAPABILITY_XATTR = "security.capability";

export interface ModelEntry {
  inode: ModelInode;
  /** Grows within a directory; the place of the entry in every listing. */
  readonly cookie: bigint;
}

export interface ModelInodeFields {
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly now: bigint;
}

export class ModelInode {
  readonly ino: number;
  mode: number;
  uid: number;
  gid: number;
  nlink = 0;
  rdevMajor = 0;
  rdevMinor = 0;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly xattrs: Map<string, Uint8Array> = new Map();
  /** Of a regular file. */
  readonly content: SparseBytes = new SparseBytes();
  /** Of a symbolic link. */
  target = "";
  /** Of a directory, in the order of their cookies; without "." and "..". */
  readonly entries: Map<string, ModelEntry> = new Map();
  /** Of a directory; the root is its own. */
  parent: ModelInode = this;
  /** 1 and 2 are "." and "..". */
  nextCookie = 3n;
  /** Made by O_TMPFILE without O_EXCL: may be given a first name. */
  isLinkable = false;

  constructor({ ino, mode, uid, gid, now }: ModelInodeFields) {
    this.ino = ino;
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.atimeNs = this.mtimeNs = this.ctimeNs = this.birthtimeNs = now;
  }

  get type(): number {
    return this.mode & S_IFMT;
  }
  get isDirectory(): boolean {
    return this.type === S_IFDIR;
  }
  get isFile(): boolean {
    return this.type === S_IFREG;
  }
  get isLink(): boolean {
    return this.type === S_IFLNK;
  }

  get size(): number {
    if (this.isLink) return this.target.length;
    return this.isDirectory ? 4096 : this.content.size;
  }

  setEntry(name: string, inode: ModelInode): void {
    const existing = this.entries.get(name);
    if (existing === undefined) this.entries.set(name, { inode, cookie: this.nextCookie++ });
    else existing.inode = inode;
  }

  /** Marks contents and attributes as changed. */
  stampChange(now: bigint): void {
    this.mtimeNs = now;
    this.ctimeNs = now;
  }

  /** relatime: only an atime that is not later than the changes, or a day old, moves. */
  stampRead(now: bigint): void {
    const isStale = this.atimeNs <= this.mtimeNs || this.atimeNs <= this.ctimeNs;
    if (isStale || now - this.atimeNs >= DAY_NS) this.atimeNs = now;
  }

  mayDo(caller: Caller, wanted: number): boolean {
    if (caller.uid === 0) {
      return this.isDirectory || (wanted & X_OK) === 0 || (this.mode & 0o111) !== 0;
    }
    let bits = this.mode;
    if (caller.uid === this.uid) bits >>= 6;
    else if (isInGroup(caller, this.gid)) bits >>= 3;
    return (bits & wanted) === wanted;
  }

  /** Throws EACCES. */
  demand(caller: Caller, wanted: number): void {
    if (!this.mayDo(caller, wanted)) throw new FsError("EACCES", `inode ${this.ino}`);
  }

  isOwnedBy(caller: Caller): boolean {
    return caller.uid === 0 || caller.uid === this.uid;
  }

  /** Throws EPERM. */
  demandOwner(caller: Caller): void {
    if (!this.isOwnedBy(caller)) throw new FsError("EPERM", `inode ${this.ino} is another's`);
  }

  /** Whether this directory's sticky bit keeps `caller` from removing `victim`. */
  protects(caller: Caller, victim: ModelInode): boolean {
    return (this.mode & S_ISVTX) !== 0 && !victim.isOwnedBy(caller) && !this.isOwnedBy(caller);
  }

  /**
   * Throws EACCES where O_CREAT meets what another left in this directory, sticky and writable to all. Plain files and
   * pipes are let through: the model runs where fs.protected_regular and fs.protected_fifos are off, or makes nothing
   * sticky. Source: fs/namei.c may_create_in_sticky, which comes before ELOOP and ENXIO.
   */
  demandOpenInSticky(caller: Caller, found: ModelInode): void {
    if ((this.mode & S_ISVTX) === 0 || (this.mode & 0o002) === 0) return;
    const type = found.mode & S_IFMT;
    if (type === S_IFREG || type === S_IFIFO) return;
    if (found.uid === this.uid || found.uid === caller.uid) return;
    throw new FsError("EACCES", `inode ${found.ino} is another's, in a sticky directory`);
  }

  /** What a change of contents takes away. */
  dropPrivileges(caller: Caller): void {
    this.xattrs.delete(CAPABILITY_XATTR);
    if (caller.uid !== 0) this.dropSetIdBits(caller);
  }

  dropSetIdBits(caller: Caller): void {
    this.mode = this.modeWithoutSetId(caller);
  }

  modeWithoutSetId(caller: Caller): number {
    let mode = this.mode & ~S_ISUID;
    const groupMayExecute = (mode & S_IXGRP) !== 0;
    if (groupMayExecute || !mayKeepGroup(caller, this.gid)) mode &= ~S_ISGID;
    return mode;
  }
}

export function isInGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.groups.includes(gid);
}

/** Whether a set-group-id bit for this group may stand. */
export function mayKeepGroup(caller: Caller, gid: number): boolean {
  return caller.uid === 0 || isInGroup(caller, gid);
}
