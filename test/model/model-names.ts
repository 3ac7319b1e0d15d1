/** What the model does with names: create, link, remove, rename. Checks stand in the order of fs/namei.c (may_create, may_delete, vfs_rename). */
import { FsError } from "../../src/core/fs-error.ts";
import type { Caller, Device } from "../conformance/posix/posix-directory.ts";
import {
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISGID,
  S_ISUID,
  S_IXGRP,
  R_OK,
  W_OK,
  X_OK,
} from "../support/posix-constants.ts";
import type { ModelFs, ModelPlace } from "./model-fs.ts";
import type { ModelInode } from "./model-inode.ts";

const SYMLINK_SIZE_MAX = 4095;
const RENAME_FLAGS = RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT;

export class ModelNames {
  readonly #fs: ModelFs;
  readonly #caller: Caller;

  constructor(fs: ModelFs, caller: Caller) {
    this.#fs = fs;
    this.#caller = caller;
  }

  mkdir(path: string, mode: number): void {
    const place = this.#newPlace(path);
    this.#demandChange(place.directory);
    const inode = this.#create(place, S_IFDIR | (mode & 0o1777));
    this.#fs.attach(place, inode);
  }

  mknod(path: string, mode: number, device: Device): void {
    const type = mode & S_IFMT;
    if (type === S_IFDIR) throw new FsError("EPERM", path);
    const isDevice = type === S_IFCHR || type === S_IFBLK;
    if (![0, S_IFREG, S_IFIFO, S_IFSOCK].includes(type) && !isDevice) {
      throw new FsError("EINVAL", path);
    }
    const place = this.#newPlace(path);
    this.#demandChange(place.directory);
    const isWhiteout = type === S_IFCHR && device.major === 0 && device.minor === 0;
    if (isDevice && !isWhiteout && this.#caller.uid !== 0) throw new FsError("EPERM", path);
    const inode = this.#create(place, (mode & 0o7777) | (type === 0 ? S_IFREG : type));
    if (isDevice) {
      inode.rdevMajor = device.major;
      inode.rdevMinor = device.minor;
    }
    this.#fs.attach(place, inode);
  }

  symlink(target: string, path: string): void {
    if (target === "") throw new FsError("ENOENT", "an empty target");
    if (target.length > SYMLINK_SIZE_MAX) throw new FsError("ENAMETOOLONG", path);
    const place = this.#newPlace(path);
    this.#demandChange(place.directory);
    const { directory } = place;
    const mode = S_IFLNK | 0o777;
    const inode = this.#fs.create({ directory, mode, caller: this.#caller, isMasked: false });
    inode.target = target;
    this.#fs.attach(place, inode);
  }

  link(from: string, to: string, follow: boolean): void {
    this.linkInode(this.#fs.find(this.#caller, from, follow), to);
  }

  linkInode(inode: ModelInode, to: string): void {
    const place = this.#newPlace(to);
    if (this.#fs.options.protectedHardlinks && !this.#mayLink(inode))
      throw new FsError("EPERM", to);
    this.#demandChange(place.directory);
    if (inode.isDirectory) throw new FsError("EPERM", to);
    if (inode.nlink === 0 && !inode.isLinkable) throw new FsError("ENOENT", to);
    if (inode.nlink >= this.#fs.options.linkCountMax) throw new FsError("EMLINK", to);
    inode.ctimeNs = this.#fs.options.now();
    inode.isLinkable = false;
    this.#fs.attach(place, inode);
  }

  unlink(path: string): void {
    const { place, inode } = this.#oldPlace(path);
    this.#demandRemoval(place.directory, inode, false);
    place.directory.entries.delete(place.name);
    const now = this.#fs.options.now();
    place.directory.stampChange(now);
    inode.nlink--;
    inode.ctimeNs = now;
  }

  rmdir(path: string): void {
    const { place, inode } = this.#oldPlace(path);
    this.#demandRemoval(place.directory, inode, true);
    if (inode.entries.size > 0) throw new FsError("ENOTEMPTY", path);
    const now = this.#fs.options.now();
    this.#removeDirectory(place, inode, now);
    place.directory.stampChange(now);
  }

  rename(from: string, to: string, flags: number): void {
    if ((flags & ~RENAME_FLAGS) !== 0) throw new FsError("EINVAL", `flags ${flags}`);
    const isExchange = (flags & RENAME_EXCHANGE) !== 0;
    if (isExchange && flags !== RENAME_EXCHANGE) throw new FsError("EINVAL", `flags ${flags}`);
    const move = this.#locateMove(from, to, flags);
    if (move.source === move.target) return;
    this.#demandMove(move, isExchange);
    if (isExchange) this.#exchange(move);
    else this.#replace(move, (flags & RENAME_WHITEOUT) !== 0);
  }

  /** Both parents are found before either name is looked up. */
  #locateMove(from: string, to: string, flags: number): Move {
    const oldParent = this.#fs.locateParent(this.#caller, from);
    const nextParent = this.#fs.locateParent(this.#caller, to);
    const old = this.#fs.lookUp(this.#caller, oldParent);
    const source = old.inode;
    if (source === undefined) throw new FsError("ENOENT", from);
    const next = this.#fs.lookUp(this.#caller, nextParent);
    const target = next.inode;
    const isExchange = (flags & RENAME_EXCHANGE) !== 0;
    if ((flags & RENAME_NOREPLACE) !== 0 && target !== undefined) throw new FsError("EEXIST", to);
    if (isExchange && target === undefined) throw new FsError("ENOENT", to);
    if (isWithin(next.directory, source)) throw new FsError("EINVAL", to);
    if (target !== undefined && isWithin(old.directory, target)) {
      throw new FsError(isExchange ? "EINVAL" : "ENOTEMPTY", to);
    }
    return { old, next, source, target };
  }

  #demandMove({ old, next, source, target }: Move, isExchange: boolean): void {
    this.#demandRemoval(old.directory, source, source.isDirectory);
    if (target === undefined) {
      this.#demandChange(next.directory);
    } else {
      const asDirectory = isExchange ? target.isDirectory : source.isDirectory;
      this.#demandRemoval(next.directory, target, asDirectory);
    }
    if (old.directory === next.directory) return;
    if (source.isDirectory) source.demand(this.#caller, W_OK);
    if (isExchange && target?.isDirectory === true) target.demand(this.#caller, W_OK);
  }

  #exchange({ old, next, source, target }: Move): void {
    const other = target!;
    const now = this.#fs.options.now();
    old.directory.setEntry(old.name, other);
    next.directory.setEntry(next.name, source);
    this.#changeParent(source, old.directory, next.directory);
    this.#changeParent(other, next.directory, old.directory);
    source.ctimeNs = other.ctimeNs = now;
    old.directory.stampChange(now);
    next.directory.stampChange(now);
  }

  #replace({ old, next, source, target }: Move, leavesWhiteout: boolean): void {
    if (target?.isDirectory === true && target.entries.size > 0) {
      throw new FsError("ENOTEMPTY", next.name);
    }
    const now = this.#fs.options.now();
    if (target?.isDirectory === true) {
      this.#removeDirectory(next, target, now);
    } else if (target !== undefined) {
      next.directory.entries.delete(next.name);
      target.nlink--;
      target.ctimeNs = now;
    }
    old.directory.entries.delete(old.name);
    next.directory.setEntry(next.name, source);
    this.#changeParent(source, old.directory, next.directory);
    source.ctimeNs = now;
    if (leavesWhiteout) this.#fs.attach(old, this.#create(old, S_IFCHR));
    old.directory.stampChange(now);
    next.directory.stampChange(now);
  }

  #removeDirectory({ directory, name }: ModelPlace, inode: ModelInode, now: bigint): void {
    directory.entries.delete(name);
    directory.nlink--;
    inode.nlink = 0;
    inode.ctimeNs = now;
  }

  #changeParent(inode: ModelInode, from: ModelInode, to: ModelInode): void {
    if (!inode.isDirectory) return;
    inode.parent = to;
    from.nlink--;
    to.nlink++;
  }

  #create({ directory }: ModelPlace, mode: number): ModelInode {
    return this.#fs.create({ directory, mode, caller: this.#caller });
  }

  /** EEXIST before permission, as Linux has it. */
  #newPlace(path: string): ModelPlace {
    const place = this.#fs.locate(this.#caller, path, false);
    if (place.inode !== undefined) throw new FsError("EEXIST", path);
    return place;
  }

  #oldPlace(path: string): { place: ModelPlace; inode: ModelInode } {
    const place = this.#fs.locate(this.#caller, path, false);
    if (place.inode === undefined) throw new FsError("ENOENT", path);
    return { place, inode: place.inode };
  }

  #demandChange(directory: ModelInode): void {
    directory.demand(this.#caller, W_OK | X_OK);
  }

  #demandRemoval(directory: ModelInode, victim: ModelInode, asDirectory: boolean): void {
    this.#demandChange(directory);
    if (directory.protects(this.#caller, victim)) throw new FsError("EPERM", "sticky");
    if (asDirectory && !victim.isDirectory) throw new FsError("ENOTDIR", "no directory");
    if (!asDirectory && victim.isDirectory) throw new FsError("EISDIR", "a directory");
  }

  /** fs.protected_hardlinks: one's own, or a plain file that one could write anyway. */
  #mayLink(inode: ModelInode): boolean {
    if (inode.isOwnedBy(this.#caller)) return true;
    const isPrivileged =
      (inode.mode & S_ISUID) !== 0 || (inode.mode & (S_ISGID | S_IXGRP)) === (S_ISGID | S_IXGRP);
    return inode.isFile && !isPrivileged && inode.mayDo(this.#caller, R_OK | W_OK);
  }
}

interface Move {
  readonly old: ModelPlace;
  readonly next: ModelPlace;
  readonly source: ModelInode;
  readonly target: ModelInode | undefined;
}

/** Whether `inode` is `ancestor` or lies below it. */
function isWithin(inode: ModelInode, ancestor: ModelInode): boolean {
  for (let at = inode; ; at = at.parent) {
    if (at === ancestor) return true;
    if (at === at.parent) return false;
  }
}
