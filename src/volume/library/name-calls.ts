/**
 * Calls that make, move and remove names, by path.
 *
 * The order of checks is Linux's (fs/namei.c: filename_create, do_unlinkat, do_rmdir, do_renameat2), so that the errno
 * is the same when several would fit; what the operations check themselves is left to them.
 */
import { FsError } from "../../core/fs-error.ts";
import type { Ino } from "../../core/ids.ts";
import { SYMLINK_SIZE_MAX } from "../../core/limits.ts";
import { FileType, MODE_MASK, TYPE_MASK, type Inode } from "../../meta/inode.ts";
import { create } from "../../meta/ops/create.ts";
import { link } from "../../meta/ops/link.ts";
import { rename, RenameFlag } from "../../meta/ops/rename.ts";
import { rmdir } from "../../meta/ops/rmdir.ts";
import { unlink } from "../../meta/ops/unlink.ts";
import { LastComponent, type PathEnd } from "../../vfs/path-walk.ts";
import type { PosixSession } from "./posix-session.ts";

const RENAME_FLAGS = RenameFlag.NOREPLACE | RenameFlag.EXCHANGE | RenameFlag.WHITEOUT;

export interface Device {
  readonly major: number;
  readonly minor: number;
}

export function mkdir(session: PosixSession, path: string, mode: number): void {
  const end = placeForNew(session, path, { isDirectory: true });
  session.demandRoom();
  session.runMeta(create, {
    parent: end.directory,
    name: end.name,
    mode: FileType.DIRECTORY | (mode & MODE_MASK),
    rdev: 0,
  });
}

/** Throws EPERM for a directory and, to the unprivileged, for a device that is no whiteout; EINVAL for an unknown type. */
export function mknod(session: PosixSession, path: string, mode: number, device: Device): void {
  const type = (mode & TYPE_MASK) === 0 ? FileType.REGULAR : mode & TYPE_MASK;
  if (type === FileType.DIRECTORY) throw new FsError("EPERM", "mknod makes no directories");
  const isDevice = type === FileType.CHARACTER || type === FileType.BLOCK;
  if (!isDevice && !PLAIN_TYPES.has(type)) {
    throw new FsError("EINVAL", `mknod of type ${type.toString(8)}`);
  }
  const end = placeForNew(session, path, { isDirectory: false });
  session.demandRoom();
  const isWhiteout = type === FileType.CHARACTER && device.major === 0 && device.minor === 0;
  if (isDevice && !isWhiteout && session.credentials.uid !== 0) {
    throw new FsError("EPERM", "only root makes devices");
  }
  session.runMeta(create, {
    parent: end.directory,
    name: end.name,
    mode: type | (mode & MODE_MASK),
    rdev: isDevice ? encodeDevice(device) : 0,
  });
}

const PLAIN_TYPES: ReadonlySet<number> = new Set([
  FileType.REGULAR,
  FileType.FIFO,
  FileType.SOCKET,
]);

export function symlink(session: PosixSession, target: string, path: string): void {
  if (target === "") throw new FsError("ENOENT", "a symbolic link needs a target");
  if (target.length > SYMLINK_SIZE_MAX) {
    throw new FsError("ENAMETOOLONG", `a symbolic link's target of ${target.length} bytes`);
  }
  if (target.includes("\0")) throw new FsError("EINVAL", "a symbolic link's target holds a NUL");
  const end = placeForNew(session, path, { isDirectory: false });
  session.demandRoom();
  session.runMeta(create, {
    parent: end.directory,
    name: end.name,
    mode: FileType.SYMLINK | 0o777,
    rdev: 0,
    target,
  });
}

/** A symbolic link at `from` is linked itself unless `follow`. */
export function linkPath(
  session: PosixSession,
  from: string,
  to: string,
  options: { readonly follow: boolean },
): void {
  const { ino } = session.walk().inode(from, options.follow);
  linkInode(session, ino, to);
}

export function linkInode(session: PosixSession, ino: Ino, to: string): void {
  const end = placeForNew(session, to, { isDirectory: false });
  session.demandRoom();
  session.runMeta(link, { ino, parent: end.directory, name: end.name });
}

export function unlinkPath(session: PosixSession, path: string): void {
  const walk = session.walk();
  const end = walk.parent(path);
  if (end.last !== LastComponent.NAME) throw new FsError("EISDIR", "the path ends in a directory");
  session.demandWritable();
  if (end.hasTrailingSlash) {
    const inode = walk.find(end);
    if (inode === undefined) throw new FsError("ENOENT", "no such name");
    throw new FsError(inode.isDirectory() ? "EISDIR" : "ENOTDIR", "unlink with a trailing slash");
  }
  const { ino } = session.runMeta(unlink, { parent: end.directory, name: end.name });
  session.volume.unlinked(ino);
}

export function rmdirPath(session: PosixSession, path: string): void {
  const end = session.walk().parent(path);
  if (end.last === LastComponent.DOT_DOT) throw new FsError("ENOTEMPTY", 'the name ".."');
  if (end.last === LastComponent.DOT) throw new FsError("EINVAL", 'the name "."');
  if (end.last === LastComponent.ROOT) throw new FsError("EBUSY", "the root directory stays");
  session.demandWritable();
  const { ino } = session.runMeta(rmdir, { parent: end.directory, name: end.name });
  session.volume.unlinked(ino);
}

/** `flags` are `RenameFlag` bits. */
export function renamePath(session: PosixSession, from: string, to: string, flags: number): void {
  const isExchange = (flags & RenameFlag.EXCHANGE) !== 0;
  if (flags & ~RENAME_FLAGS || (isExchange && flags !== RenameFlag.EXCHANGE)) {
    throw new FsError("EINVAL", `rename flags ${flags}`);
  }
  if (flags & RenameFlag.WHITEOUT) session.demandRoom();
  const oldEnd = session.walk().parent(from);
  const newEnd = session.walk().parent(to);
  if (oldEnd.last !== LastComponent.NAME) throw new FsError("EBUSY", "the old name is no name");
  if (newEnd.last !== LastComponent.NAME) {
    throw new FsError(flags & RenameFlag.NOREPLACE ? "EEXIST" : "EBUSY", "the new name is no name");
  }
  session.demandWritable();
  if (oldEnd.hasTrailingSlash || newEnd.hasTrailingSlash) {
    checkRenameSlashes(session, oldEnd, newEnd, flags);
  }
  const { otherIno } = session.runMeta(rename, {
    parent: oldEnd.directory,
    name: oldEnd.name,
    newParent: newEnd.directory,
    newName: newEnd.name,
    flags,
  });
  if (otherIno !== undefined) session.volume.unlinked(otherIno);
}

/** Unless the source is a directory a trailing slash is ENOTDIR, after what else Linux says of the two names. */
function checkRenameSlashes(
  session: PosixSession,
  oldEnd: PathEnd,
  newEnd: PathEnd,
  flags: number,
): void {
  const walk = session.walk();
  const isExchange = (flags & RenameFlag.EXCHANGE) !== 0;
  const source = walk.find(oldEnd);
  if (source === undefined) throw new FsError("ENOENT", "no such name");
  const target = walk.find(newEnd);
  if (flags & RenameFlag.NOREPLACE && target !== undefined) {
    throw new FsError("EEXIST", "the new name exists");
  }
  if (isExchange && target === undefined) {
    throw new FsError("ENOENT", "no such name to exchange with");
  }
  const isRefused = (inode: Inode | undefined, end: PathEnd): boolean =>
    end.hasTrailingSlash && inode?.isDirectory() !== true;
  if (isRefused(source, oldEnd) || isRefused(isExchange ? target : source, newEnd)) {
    throw new FsError("ENOTDIR", "a trailing slash behind what is no directory");
  }
}

/** Where something new may go. EEXIST comes before permission, as Linux has it. */
export function placeForNew(
  session: PosixSession,
  path: string,
  { isDirectory }: { readonly isDirectory: boolean },
): PathEnd {
  const walk = session.walk();
  const end = walk.parent(path);
  if (end.last !== LastComponent.NAME || walk.find(end) !== undefined) {
    throw new FsError("EEXIST", "the name exists");
  }
  if (!isDirectory && end.hasTrailingSlash) throw new FsError("ENOENT", "no such directory");
  return end;
}

/** new_encode_dev of linux/kdev_t.h: 20 bits of minor, 12 of major. */
function encodeDevice({ major, minor }: Device): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xf_ff00) << 12)) >>> 0;
}
