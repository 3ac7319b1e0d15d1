/**
 * open(2): from a path and flags to an open file.
 *
 * Permission is checked here and once: what was opened stays usable. The order of checks is that of fs/namei.c
 * (build_open_flags, open_last_lookups, do_open, may_open), so that the errno is the same when several would fit.
 */
import { FsError } from "../../core/fs-error.ts";
import { FileType, InodeFlag, MODE_MASK, type Inode } from "../../meta/inode.ts";
import { create } from "../../meta/ops/create.ts";
import { Access, checkAccess, isOwnerOrPrivileged } from "../../meta/permission.ts";
import { LastComponent, type PathPlace } from "../../vfs/path-walk.ts";
import { truncateInode } from "./attribute-calls.ts";
import { OpenFile } from "./open-file.ts";
import { OpenFlag } from "./open-flags.ts";
import type { PosixSession } from "./posix-session.ts";

/** By O_ACCMODE; 3 asks for both and allows neither. */
const WANTED = [
  Access.READ,
  Access.WRITE,
  Access.READ | Access.WRITE,
  Access.READ | Access.WRITE,
] as const;

/** `mode` is for a file that is made. The caller closes what it gets. */
export function openPath(
  session: PosixSession,
  path: string,
  flags: number,
  mode: number,
): OpenFile {
  if (flags & OpenFlag.PATH) return openPlace(session, path, flags);
  if ((flags & OpenFlag.TMPFILE) === OpenFlag.TMPFILE) {
    return openTemporary(session, path, flags, mode);
  }
  const creates = (flags & OpenFlag.CREAT) !== 0;
  if (creates && flags & OpenFlag.DIRECTORY) {
    throw new FsError("EINVAL", "open makes no directories");
  }
  const isExclusive = creates && (flags & OpenFlag.EXCL) !== 0;
  const place = locate(session, path, {
    follow: (flags & OpenFlag.NOFOLLOW) === 0 && !isExclusive,
    creates,
  });
  if (place.inode === undefined) return openNew(session, place, flags, mode);
  if (isExclusive) throw new FsError("EEXIST", "the name exists");
  return openExisting(session, place.inode, flags);
}

/** With O_CREAT a name with a slash behind it is a directory's, which open does not make. */
function locate(
  session: PosixSession,
  path: string,
  options: { readonly follow: boolean; readonly creates: boolean },
): PathPlace {
  const walk = session.walk();
  const end = walk.parent(path);
  if (options.creates && end.last === LastComponent.NAME && end.hasTrailingSlash) {
    throw new FsError("EISDIR", "open makes no directories");
  }
  const place = walk.lookUp(end, options.follow);
  if (options.creates && place.inode === undefined && place.hasTrailingSlash) {
    throw new FsError("EISDIR", "open makes no directories");
  }
  return place;
}

function openNew(session: PosixSession, place: PathPlace, flags: number, mode: number): OpenFile {
  if ((flags & OpenFlag.CREAT) === 0) throw new FsError("ENOENT", "no such name");
  session.demandRoom();
  const { ino } = session.runMeta(create, {
    parent: place.directory,
    name: place.name,
    mode: FileType.REGULAR | (mode & MODE_MASK),
    rdev: 0,
  });
  return OpenFile.open(session.volume, ino, flags);
}

/** Whatever is there, for its place alone. */
function openPlace(session: PosixSession, path: string, flags: number): OpenFile {
  const inode = session.walk().inode(path, (flags & OpenFlag.NOFOLLOW) === 0);
  checkDirectory(inode, flags);
  return OpenFile.open(session.volume, inode.ino, flags);
}

function openTemporary(session: PosixSession, path: string, flags: number, mode: number): OpenFile {
  if (flags & OpenFlag.CREAT || (flags & OpenFlag.ACCESS_MODE) === OpenFlag.RDONLY) {
    throw new FsError("EINVAL", "a file without a name is opened for writing");
  }
  const directory = session.walk().inode(path, (flags & OpenFlag.NOFOLLOW) === 0);
  if (!directory.isDirectory()) {
    throw new FsError("ENOTDIR", `inode ${directory.ino} is not a directory`);
  }
  session.demandRoom();
  const { ino } = session.runMeta(create, {
    parent: directory.ino,
    name: undefined,
    mode: FileType.REGULAR | (mode & MODE_MASK),
    rdev: 0,
  });
  return OpenFile.open(session.volume, ino, flags);
}

/** For what is there already. Throws EISDIR, ENOTDIR, ELOOP, EACCES, EPERM, EROFS, ENXIO. */
export function openExisting(session: PosixSession, inode: Inode, flags: number): OpenFile {
  if (flags & OpenFlag.CREAT && inode.isDirectory()) throw isDirectory(inode);
  checkDirectory(inode, flags);
  if (inode.isSymlink()) throw new FsError("ELOOP", `inode ${inode.ino} is a symbolic link`);
  const truncates = (flags & OpenFlag.TRUNC) !== 0;
  const wanted = WANTED[flags & OpenFlag.ACCESS_MODE]! | (truncates ? Access.WRITE : 0);
  if (inode.isDirectory() && wanted & Access.WRITE) throw isDirectory(inode);
  if (wanted & Access.WRITE && inode.isRegular()) session.demandWritable();
  const caller = session.caller();
  checkAccess(session.meta, caller, inode, wanted);
  if (inode.has(InodeFlag.APPEND) && wanted & Access.WRITE) {
    if (truncates || (flags & OpenFlag.APPEND) === 0) {
      throw new FsError("EPERM", `inode ${inode.ino} is append-only`);
    }
  }
  if (flags & OpenFlag.NOATIME && !isOwnerOrPrivileged(caller, inode)) {
    throw new FsError("EPERM", `inode ${inode.ino} is another's`);
  }
  if (!inode.isRegular() && !inode.isDirectory()) {
    throw new FsError("ENXIO", `nobody stands behind the special file ${inode.ino}`);
  }
  if (truncates && inode.isRegular()) truncateInode(session, inode, 0);
  return OpenFile.open(session.volume, inode.ino, flags);
}

function checkDirectory(inode: Inode, flags: number): void {
  if (flags & OpenFlag.DIRECTORY && !inode.isDirectory()) {
    throw new FsError("ENOTDIR", `inode ${inode.ino} is not a directory`);
  }
}

function isDirectory(inode: Inode): FsError {
  return new FsError("EISDIR", `inode ${inode.ino} is a directory`);
}
