/**
 * A filesystem as plain as it can be, to compare others with: inodes in memory, names in Maps, one operation after the other.
 *
 * The order of checks is that of Linux (fs/namei.c), so that the errno is the same when several would fit.
 * Paths are walked component by component, "." and ".." included; what a trailing slash means is not modelled.
 */
import { FsError } from "../../src/core/fs-error.ts";
import type { Caller } from "../conformance/posix/posix-directory.ts";
import { S_IFDIR, S_IFMT, S_ISGID, S_IXGRP, X_OK } from "../support/posix-constants.ts";
import { mayKeepGroup, ModelInode } from "./model-inode.ts";

const NAME_SIZE_MAX = 255;
const LINKS_FOLLOWED_MAX = 40;

export interface ModelOptions {
  /** Nanoseconds since 1970; asked once for each operation. */
  readonly now: () => bigint;
  readonly fileSizeMax: number;
  readonly linkCountMax: number;
  /** The unit of COLLAPSE_RANGE and INSERT_RANGE; undefined where there are none. */
  readonly allocationUnit: number | undefined;
  /** Whether the system forbids hard links to what one could not write (sysctl fs.protected_hardlinks). */
  readonly protectedHardlinks: boolean;
}

export interface ModelParent {
  readonly directory: ModelInode;
  readonly name: string;
}

/** Where a path leads. */
export interface ModelPlace extends ModelParent {
  /** undefined: nothing has that name. */
  readonly inode: ModelInode | undefined;
}

export interface NewInode {
  readonly directory: ModelInode;
  /** Type and permissions, before the umask. */
  readonly mode: number;
  readonly caller: Caller;
  /** A symbolic link's mode is not cut. */
  readonly isMasked?: boolean;
}

export class ModelFs {
  readonly options: ModelOptions;
  readonly root: ModelInode;
  #inoLast = 1;

  constructor(options: ModelOptions) {
    this.options = options;
    const now = options.now();
    this.root = new ModelInode({ ino: 1, mode: S_IFDIR | 0o755, uid: 0, gid: 0, now });
    this.root.nlink = 2;
  }

  /** Throws ENOENT when nothing is there. */
  find(caller: Caller, path: string, follow: boolean): ModelInode {
    if (path === "") return this.root;
    const { inode } = this.locate(caller, path, follow);
    if (inode === undefined) throw new FsError("ENOENT", path);
    return inode;
  }

  /** The last component may be missing, the rest may not. */
  locate(caller: Caller, path: string, follow: boolean): ModelPlace {
    return this.#walk({ caller, path, follow, from: this.root, linkCount: { followed: 0 } });
  }

  /** The directory that holds the last component, and its name: not looked up yet. */
  locateParent(caller: Caller, path: string): ModelParent {
    const components = path.split("/");
    const name = components.pop()!;
    const directory = this.find(caller, components.join("/"), true);
    if (!directory.isDirectory) throw new FsError("ENOTDIR", path);
    directory.demand(caller, X_OK);
    return { directory, name };
  }

  lookUp(caller: Caller, { directory, name }: ModelParent): ModelPlace {
    return lookUp(caller, directory, name);
  }

  #walk(walk: Walk): ModelPlace {
    const components = walk.path.split("/").filter((component) => component !== "");
    let directory = walk.path.startsWith("/") ? this.root : walk.from;
    for (const [index, name] of components.entries()) {
      const isLast = index === components.length - 1;
      const place = lookUp(walk.caller, directory, name);
      const isFollowed = place.inode?.isLink === true && (!isLast || walk.follow);
      const reached = isFollowed ? this.#follow(walk, place.inode!, directory) : place;
      if (isLast) return reached;
      if (reached.inode === undefined) throw new FsError("ENOENT", walk.path);
      directory = reached.inode;
    }
    return { directory, name: ".", inode: directory };
  }

  #follow(walk: Walk, link: ModelInode, from: ModelInode): ModelPlace {
    if (++walk.linkCount.followed > LINKS_FOLLOWED_MAX) throw new FsError("ELOOP", walk.path);
    link.stampRead(this.options.now());
    return this.#walk({ ...walk, path: link.target, from, follow: true });
  }

  /** Makes an inode as a child of the directory would be, without a name or a link. */
  create({ directory, mode, caller, isMasked = true }: NewInode): ModelInode {
    const isNewDirectory = (mode & S_IFMT) === S_IFDIR;
    const inheritsGroup = (directory.mode & S_ISGID) !== 0;
    const setGidAndExecutable = S_ISGID | S_IXGRP;
    let finalMode = mode;
    if (inheritsGroup && !isNewDirectory && (mode & setGidAndExecutable) === setGidAndExecutable) {
      if (!mayKeepGroup(caller, directory.gid)) finalMode &= ~S_ISGID;
    }
    if (isMasked) finalMode &= ~caller.umask;
    if (inheritsGroup && isNewDirectory) finalMode |= S_ISGID;
    return new ModelInode({
      ino: ++this.#inoLast,
      mode: finalMode,
      uid: caller.uid,
      gid: inheritsGroup ? directory.gid : caller.gid,
      now: this.options.now(),
    });
  }

  /** Gives an inode its name and counts the link; stamps the directory with the inode's ctime. */
  attach({ directory, name }: ModelPlace, inode: ModelInode): void {
    directory.setEntry(name, inode);
    if (inode.isDirectory) {
      inode.parent = directory;
      inode.nlink = 2;
      directory.nlink++;
    } else {
      inode.nlink++;
    }
    directory.stampChange(inode.ctimeNs);
  }
}

interface Walk {
  readonly caller: Caller;
  readonly path: string;
  readonly follow: boolean;
  readonly from: ModelInode;
  /** Shared by all links on the way. */
  readonly linkCount: { followed: number };
}

function lookUp(caller: Caller, directory: ModelInode, name: string): ModelPlace {
  if (!directory.isDirectory) throw new FsError("ENOTDIR", name);
  directory.demand(caller, X_OK);
  if (name === ".") return { directory, name, inode: directory };
  if (name === "..") return { directory, name, inode: directory.parent };
  if (name.length > NAME_SIZE_MAX) throw new FsError("ENAMETOOLONG", `${name.length} bytes`);
  return { directory, name, inode: directory.entries.get(name)?.inode };
}
