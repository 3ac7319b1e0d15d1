/**
 * An open directory that is read page by page. Cookies come from the directory's own sequence, so a reader may stop
 * anywhere and go on while entries come and go; 1 and 2 are "." and "..".
 */
import { FsError } from "../../core/fs-error.ts";
import type { Inode } from "../../meta/inode.ts";
import type { OpenFile } from "./open-file.ts";
import type { PosixSession } from "./posix-session.ts";

export interface DirectoryEntry {
  readonly name: string;
  readonly ino: number;
  /** DT_*: the S_IFMT bits shifted right by 12. */
  readonly type: number;
  /** Where the entry after this one is found. */
  readonly cookie: number;
}

const DOT_COOKIE = 1;
const DOT_DOT_COOKIE = 2;
const DIRECTORY_TYPE = 4;

/** The next entries after the cookie `after` (0 is the beginning), at most `limit`. Throws ENOENT when it was removed. */
export function readEntries(
  session: PosixSession,
  file: OpenFile,
  range: { readonly after: number; readonly limit: number },
): DirectoryEntry[] {
  if (!file.isReadable) throw new FsError("EBADF", "the handle is not open for reading");
  const directory = file.contentInode();
  if (!directory.isDirectory()) {
    throw new FsError("ENOTDIR", `inode ${file.ino} is not a directory`);
  }
  if (directory.nlink === 0) throw new FsError("ENOENT", `directory ${file.ino} was removed`);
  const entries = dots(directory, range.after);
  const { dentries } = session.meta.tables;
  const rest = Math.max(0, range.limit - entries.length);
  for (const { name, ino, type, cookie } of dentries.list(directory.ino, range.after, rest)) {
    entries.push({ name, ino, type, cookie });
  }
  session.touch(directory);
  return entries.slice(0, range.limit);
}

function dots(directory: Inode, after: number): DirectoryEntry[] {
  const { ino, parent } = directory;
  const entries: DirectoryEntry[] = [];
  if (after < DOT_COOKIE)
    entries.push({ name: ".", ino, type: DIRECTORY_TYPE, cookie: DOT_COOKIE });
  if (after < DOT_DOT_COOKIE) {
    entries.push({ name: "..", ino: parent, type: DIRECTORY_TYPE, cookie: DOT_DOT_COOKIE });
  }
  return entries;
}
