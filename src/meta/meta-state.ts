/**
 * The metadata as operations see it: tables, with inodes and dentries cached in front of them.
 *
 * What always holds: an inode that differs from its row is in the dirty set until `flush` (the cut) or `trickle`
 * writes it; nothing here commits; after a rollback the whole object is thrown away and built again (rule J2).
 * Inode numbers, pack numbers and cookies only grow and are never used twice.
 *
 * An Inode object is good until the next operation: it may leave the cache, and a second object may then be made from
 * the row. Whoever needs it longer keeps the number. Changing the older of two objects is an AssertionFailure.
 */
import { assert, AssertionFailure } from "../core/assert.ts";
import { FsError } from "../core/fs-error.ts";
import { ROOT_INO, toIno, toPackId, type Ino, type PackId } from "../core/ids.ts";
import type { Timestamp } from "../core/clock.ts";
import { FileType, Inode, InodeFlag, TYPE_MASK } from "./inode.ts";
import type { Dentry, DentryTarget, MetaTables } from "./tables.ts";
import { TwoGenerationCache } from "./two-generation-cache.ts";

/** Inodes kept decoded: 2 x 16,384 of about 250 bytes. */
const INODE_CACHE_GENERATION = 16_384;
/** Names remembered, missing ones too: 2 x 16,384 of about 120 bytes. */
const DENTRY_CACHE_GENERATION = 16_384;
/** Above this many dirty inodes every operation writes some back, so that no cut has to write many. */
const DIRTY_INODE_COUNT_SOFT = 1024;
const TRICKLE_COUNT = 3;
/** An operation holds fewer inodes than this at a time, so none that it holds can leave the smallest cache. */
const CACHE_GENERATION_MIN = 16;

export interface MetaStateOptions {
  /** POSIX ACLs are on (a setting of the volume). */
  readonly acl: boolean;
  /** Entries in each of the two generations of the caches; tests make them small. */
  readonly inodeCacheGeneration?: number;
  readonly dentryCacheGeneration?: number;
  readonly dirtyInodeCountSoft?: number;
}

const MISSING: DentryTarget = { ino: toIno(0), type: 0, cookie: 0 };

/** Names of the numbers kept in the setting table. */
export const Counter = {
  NEXT_INO: "next_ino",
  NEXT_PACK: "next_pack",
  INODE_COUNT: "usage_inodes",
  BYTE_COUNT: "usage_bytes",
} as const;

export class MetaState {
  readonly tables: MetaTables;
  /** Unlinked inodes that the kernel (or a library handle) may still hold. */
  readonly orphans: Set<Ino>;
  /** POSIX ACLs are on (a setting of the volume). */
  readonly acl: boolean;
  nextIno: number;
  nextPack: number;
  /** Inodes in use, the root and orphans included. */
  inodeCount: number;
  /** Bytes of all slices: allocated space, holes not counted. */
  byteCount: number;
  readonly #inodes: TwoGenerationCache<number, Inode>;
  readonly #dentries: TwoGenerationCache<string, DentryTarget>;
  readonly #dirtyInodeCountSoft: number;
  readonly #dirty = new Map<number, Inode>();
  /** Orphans whose row in the orphan table differs from the set. */
  readonly #orphanChanges = new Map<Ino, boolean>();

  constructor(tables: MetaTables, options: MetaStateOptions) {
    const inodeGeneration = options.inodeCacheGeneration ?? INODE_CACHE_GENERATION;
    assert(inodeGeneration >= CACHE_GENERATION_MIN, "an operation's inodes fit the inode cache");
    this.tables = tables;
    this.acl = options.acl;
    this.#inodes = new TwoGenerationCache(inodeGeneration);
    this.#dentries = new TwoGenerationCache(
      options.dentryCacheGeneration ?? DENTRY_CACHE_GENERATION,
    );
    this.#dirtyInodeCountSoft = options.dirtyInodeCountSoft ?? DIRTY_INODE_COUNT_SOFT;
    this.orphans = new Set(tables.orphans.list());
    this.nextIno = tables.settings.getNumber(Counter.NEXT_INO) ?? ROOT_INO + 1;
    this.nextPack = tables.settings.getNumber(Counter.NEXT_PACK) ?? 1;
    this.inodeCount = tables.settings.getNumber(Counter.INODE_COUNT) ?? 0;
    this.byteCount = tables.settings.getNumber(Counter.BYTE_COUNT) ?? 0;
  }

  getInode(ino: Ino): Inode | undefined {
    const cached = this.#inodes.get(ino);
    if (cached !== undefined) return cached;
    const inode = this.#dirty.get(ino) ?? this.tables.inodes.get(ino);
    if (inode !== undefined) this.#inodes.set(ino, inode);
    return inode;
  }

  /** Throws ESTALE: the caller holds a number of something that is gone. */
  requireInode(ino: Ino): Inode {
    const inode = this.getInode(ino);
    if (inode === undefined) throw new FsError("ESTALE", `inode ${ino} does not exist`);
    return inode;
  }

  /** Throws ENOTDIR for anything else, ENOENT for a directory that was removed. */
  requireDirectory(ino: Ino): Inode {
    const inode = this.requireInode(ino);
    if (!inode.isDirectory()) throw new FsError("ENOTDIR", `inode ${ino} is not a directory`);
    if (inode.nlink === 0) throw new FsError("ENOENT", `directory ${ino} was removed`);
    return inode;
  }

  /** To be called by whoever changed an inode, in the operation that got it from here. */
  markDirty(inode: Inode): void {
    if (inode.dirty) return;
    const cached = this.#inodes.get(inode.ino);
    if (cached === undefined) this.#inodes.set(inode.ino, inode);
    else if (cached !== inode) throw new AssertionFailure(`inode ${inode.ino} is held twice`);
    inode.dirty = true;
    this.#dirty.set(inode.ino, inode);
  }

  /** A new inode in memory, counted and dirty; the number must be the next one (replay checks it too). */
  addInode(ino: Ino): Inode {
    assert(ino >= this.nextIno, `inode number ${ino} was used before (next is ${this.nextIno})`);
    this.nextIno = ino + 1;
    this.inodeCount++;
    const inode = new Inode(ino);
    this.#inodes.set(ino, inode);
    this.markDirty(inode);
    return inode;
  }

  /** Removes an inode's rows but its slices, which the caller has removed. */
  removeInode(inode: Inode): void {
    const { ino } = inode;
    this.#dirty.delete(ino);
    inode.dirty = false;
    this.#inodes.delete(ino);
    this.tables.inodes.remove(ino);
    if (inode.isSymlink()) this.tables.symlinks.remove(ino);
    if (inode.has(InodeFlag.XATTR)) this.tables.xattrs.removeAll(ino);
    this.inodeCount--;
  }

  /** undefined when the name does not exist. */
  lookup(parent: Ino, name: string): DentryTarget | undefined {
    const key = `${parent}/${name}`;
    const cached = this.#dentries.get(key);
    if (cached !== undefined) return cached === MISSING ? undefined : cached;
    const found = this.tables.dentries.get(parent, name);
    this.#dentries.set(key, found ?? MISSING);
    return found;
  }

  /** Adds a name with the directory's next cookie. The caller has checked that it is free. */
  link(parent: Inode, name: string, inode: Inode): void {
    const dentry: Dentry = {
      name,
      ino: inode.ino,
      type: (inode.mode & TYPE_MASK) >>> 12,
      cookie: parent.nextCookie++,
    };
    this.markDirty(parent);
    this.tables.dentries.insert(parent.ino, dentry);
    this.#dentries.set(`${parent.ino}/${name}`, dentry);
  }

  /** Gives an entry another, free name in its directory. It keeps its place: a reader sees it once, under one of the names. */
  renameEntry(parent: Ino, from: string, to: string, target: DentryTarget): void {
    const dentry: Dentry = { name: to, ino: target.ino, type: target.type, cookie: target.cookie };
    this.unlink(parent, from, target);
    this.tables.dentries.insert(parent, dentry);
    this.#dentries.set(`${parent}/${to}`, dentry);
  }

  unlink(parent: Ino, name: string, target: DentryTarget): void {
    this.tables.dentries.remove(parent, { name, ...target });
    this.#dentries.set(`${parent}/${name}`, MISSING);
  }

  /** Points an existing name at another inode; readers of the directory see the old place. */
  retarget(parent: Ino, name: string, old: DentryTarget, inode: Inode): void {
    const dentry: Dentry = {
      name,
      ino: inode.ino,
      type: (inode.mode & TYPE_MASK) >>> 12,
      cookie: old.cookie,
    };
    this.tables.dentries.retarget(parent, dentry);
    this.#dentries.set(`${parent}/${name}`, dentry);
  }

  addOrphan(ino: Ino): void {
    this.orphans.add(ino);
    this.#orphanChanges.set(ino, true);
  }

  removeOrphan(ino: Ino): void {
    this.orphans.delete(ino);
    this.#orphanChanges.set(ino, false);
  }

  takePackId(): PackId {
    return toPackId(this.nextPack++);
  }

  get dirtyInodeCount(): number {
    return this.#dirty.size;
  }

  /** Writes a few of the oldest dirty inodes when there are many; called once an operation. */
  trickle(): void {
    if (this.#dirty.size < this.#dirtyInodeCountSoft) return;
    let count = 0;
    for (const inode of this.#dirty.values()) {
      this.#writeBack(inode);
      if (++count === TRICKLE_COUNT) break;
    }
  }

  /** Writes everything that is only in memory to the tables; the cut commits next. */
  flush(): void {
    for (const inode of this.#dirty.values()) this.#writeBack(inode);
    const { orphans, settings } = this.tables;
    for (const [ino, present] of this.#orphanChanges) {
      if (present) orphans.add(ino);
      else orphans.remove(ino);
    }
    this.#orphanChanges.clear();
    settings.putNumber(Counter.NEXT_INO, this.nextIno);
    settings.putNumber(Counter.NEXT_PACK, this.nextPack);
    settings.putNumber(Counter.INODE_COUNT, this.inodeCount);
    settings.putNumber(Counter.BYTE_COUNT, this.byteCount);
  }

  #writeBack(inode: Inode): void {
    this.tables.inodes.put(inode);
    inode.dirty = false;
    this.#dirty.delete(inode.ino);
  }
}

/** Makes the root directory of an empty volume. */
export function createRoot(
  state: MetaState,
  options: {
    readonly uid: number;
    readonly gid: number;
    readonly mode: number;
    readonly now: Timestamp;
  },
): void {
  assert(state.getInode(ROOT_INO) === undefined, "the volume has no root yet");
  const root = new Inode(ROOT_INO);
  root.mode = FileType.DIRECTORY | options.mode;
  root.uid = options.uid;
  root.gid = options.gid;
  root.nlink = 2;
  root.parent = ROOT_INO;
  root.nextCookie = FIRST_COOKIE;
  root.setAllTimes(options.now);
  state.tables.inodes.put(root);
  state.inodeCount++;
}

/** Cookies 1 and 2 are "." and ".."; 0 is the beginning. */
export const FIRST_COOKIE = 3;
