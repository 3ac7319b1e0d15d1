/**
 * From a path to an inode, as Linux walks it. For front ends without a kernel before them: the library, in-process tests.
 *
 * Paths, names and link targets are latin1 strings, one character a byte. What always holds: every directory on the way
 * is searched on the caller's behalf before a name in it is looked up; at most LINK_COUNT_MAX links are followed.
 *
 * A link is followed by putting its target before what is left of the path: "l/rest" becomes "target/rest".
 * Source: fs/namei.c (link_path_walk, step_into, trailing_slashes), path_resolution(7), linux/limits.h.
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import { ROOT_INO, toIno, type Ino } from "../core/ids.ts";
import { checkNameSize } from "../meta/file-name.ts";
import type { Inode } from "../meta/inode.ts";
import type { MetaState } from "../meta/meta-state.ts";
import type { Caller } from "../meta/operation.ts";
import { checkMaySearch } from "../meta/permission.ts";

/** PATH_MAX, which counts the NUL: a path has at most one byte less. */
export const PATH_SIZE_MAX = 4096;
/** MAXSYMLINKS: links followed in one walk, wherever in the path they stand. */
export const LINK_COUNT_MAX = 40;

/** What the last component of a path is: only a name can be made, removed or renamed. */
export const LastComponent = { NAME: 0, DOT: 1, DOT_DOT: 2, ROOT: 3 } as const;

/** Where a path ends: a component, not yet looked up, in a directory that was searched. */
export interface PathEnd {
  readonly directory: Ino;
  /** The component itself; "" for the root. */
  readonly name: string;
  /** `LastComponent` */
  readonly last: number;
  /** The path said that a directory stands here. */
  readonly hasTrailingSlash: boolean;
}

/** Where a whole walk led. */
export interface PathPlace extends PathEnd {
  /** undefined: nothing has that name. */
  readonly inode: Inode | undefined;
}

export interface PathWalkOptions {
  readonly caller: Caller;
  /** Where a relative path begins. */
  readonly from: Ino;
  /** Told of every link that is read on the way: its atime may be due. */
  readonly onLinkRead?: (link: Inode) => void;
}

/** One walk: links are counted over all of its steps. */
export class PathWalk {
  readonly #meta: MetaState;
  readonly #options: PathWalkOptions;
  #linkCount = 0;

  constructor(meta: MetaState, options: PathWalkOptions) {
    this.#meta = meta;
    this.#options = options;
  }

  /** All but the last component. Throws ENOENT (also for ""), ENOTDIR, EACCES, ELOOP, ENAMETOOLONG. */
  parent(path: string): PathEnd {
    checkPath(path);
    return this.#parent(this.#options.from, path);
  }

  /** The whole path, the last component as `lookUp` does. A name that is missing is a value here. */
  place(path: string, follow: boolean): PathPlace {
    return this.lookUp(this.parent(path), follow);
  }

  /** The inode at the path; throws ENOENT when there is none. A trailing slash asks for a directory, behind links too. */
  inode(path: string, follow: boolean): Inode {
    const place = this.place(path, follow);
    if (place.inode === undefined) throw new FsError("ENOENT", "no such name");
    return place.inode;
  }

  /** The last component: a link there is followed if `follow` says so, or a trailing slash. ENOTDIR where that slash lies. */
  lookUp(end: PathEnd, follow: boolean): PathPlace {
    let at = end;
    let wantsDirectory = false;
    for (;;) {
      wantsDirectory ||= at.hasTrailingSlash;
      const inode = this.find(at);
      if (inode?.isSymlink() === true && (follow || wantsDirectory)) {
        const target = this.#readLink(inode);
        at = this.#parent(at.directory, wantsDirectory ? `${target}/` : target);
        continue;
      }
      if (wantsDirectory && inode !== undefined && !inode.isDirectory()) throw notDirectory(inode);
      return { ...at, inode };
    }
  }

  /** What the component stands for, links not followed; undefined when nothing has the name. Throws ENAMETOOLONG. */
  find(end: PathEnd): Inode | undefined {
    const { directory, name, last } = end;
    switch (last) {
      case LastComponent.NAME: {
        // The directory first: one that was removed has no names, however long they are.
        this.#meta.requireDirectory(directory);
        checkNameSize(name);
        const target = this.#meta.lookup(directory, name);
        return target === undefined ? undefined : this.#meta.requireInode(target.ino);
      }
      case LastComponent.DOT_DOT:
        return this.#up(directory);
      default:
        return this.#meta.requireInode(directory);
    }
  }

  #parent(from: Ino, path: string): PathEnd {
    let rest = path;
    let at = 0;
    let directory = rest.startsWith("/") ? ROOT_INO : from;
    for (;;) {
      const start = skipSlashes(rest, at);
      if (start === rest.length) {
        return { directory, name: "", last: LastComponent.ROOT, hasTrailingSlash: false };
      }
      const inode = this.#meta.requireInode(directory);
      if (!inode.isDirectory()) throw notDirectory(inode);
      checkMaySearch(this.#meta, this.#options.caller, inode);
      const slash = rest.indexOf("/", start);
      const end = slash < 0 ? rest.length : slash;
      at = skipSlashes(rest, end);
      const name = rest.slice(start, end);
      const component = {
        directory,
        name,
        last: kindOf(name),
        hasTrailingSlash: slash >= 0,
      };
      if (at === rest.length) return component;
      const found = this.find(component);
      if (found === undefined) throw new FsError("ENOENT", "no such directory on the way");
      if (found.isSymlink()) {
        rest = `${this.#readLink(found)}/${rest.slice(at)}`;
        at = 0;
        if (rest.startsWith("/")) directory = ROOT_INO;
      } else {
        if (!found.isDirectory()) throw notDirectory(found);
        directory = found.ino;
      }
    }
  }

  #up(directory: Ino): Inode {
    const inode = this.#meta.requireInode(directory);
    // A removed directory has lost its place in the tree.
    if (inode.parent === 0) throw new FsError("ENOENT", `directory ${directory} was removed`);
    return this.#meta.requireInode(toIno(inode.parent));
  }

  #readLink(link: Inode): string {
    if (++this.#linkCount > LINK_COUNT_MAX) {
      throw new FsError("ELOOP", `more than ${LINK_COUNT_MAX} symbolic links on the way`);
    }
    const target = this.#meta.tables.symlinks.get(link.ino);
    if (target === undefined) throw new CorruptError(`symbolic link ${link.ino} lost its target`);
    this.#options.onLinkRead?.(link);
    return target;
  }
}

/** Throws what Linux says before it looks at a path at all: ENOENT for an empty one, ENAMETOOLONG, EINVAL for a NUL. */
export function checkPath(path: string): void {
  if (path === "") throw new FsError("ENOENT", "an empty path");
  if (path.length >= PATH_SIZE_MAX) {
    throw new FsError("ENAMETOOLONG", `a path of ${path.length} bytes`);
  }
  if (path.includes("\0")) throw new FsError("EINVAL", "a path holds a NUL");
}

function kindOf(name: string): number {
  if (name === ".") return LastComponent.DOT;
  return name === ".." ? LastComponent.DOT_DOT : LastComponent.NAME;
}

function skipSlashes(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] === "/") at++;
  return at;
}

function notDirectory(inode: Inode): FsError {
  return new FsError("ENOTDIR", `inode ${inode.ino} is not a directory`);
}
