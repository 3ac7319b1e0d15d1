/**
 * READDIR and READDIRPLUS. Cookies come from the directory's own sequence, so a reader may stop anywhere and go on
 * while entries come and go; 1 and 2 are "." and "..".
 */
import { ERRNO } from "../../core/fs-error.ts";
import { toIno } from "../../core/ids.ts";
import { newEntryOut, type EntryOut } from "../../fuse/abi/attr.ts";
import type { Dirent } from "../../fuse/abi/dirent.ts";
import type { FsyncIn } from "../../fuse/abi/range.ts";
import type { ReadIn } from "../../fuse/abi/read.ts";
import type { DirectoryOperations } from "../../fuse/filesystem.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import type { Inode } from "../../meta/inode.ts";
import { fillAttr, VALID_SEC, type FrontEndContext } from "./front-end-context.ts";

/** Smallest records: 24 bytes of fuse_dirent, 152 of fuse_direntplus, and a name of at least one, padded to 8. */
const DIRENT_SIZE_MIN = 32;
const DIRENTPLUS_SIZE_MIN = 160;
const DOT_COOKIE = 1;
const DOT_DOT_COOKIE = 2;
const DIRECTORY_TYPE = 4;

export class VolumeDirectories implements DirectoryOperations {
  readonly #context: FrontEndContext;
  readonly #dirent: Dirent = { ino: 0, cookie: 0, type: 0, name: "" };
  readonly #entry: EntryOut = newEntryOut();
  readonly #plus = { entry: this.#entry, dirent: this.#dirent };

  constructor(context: FrontEndContext) {
    this.#context = context;
  }

  /** Answered so that OPENDIR is never asked again; the kernel then also caches entries. */
  opendir(_request: Request, _argument: unknown, reply: Reply): void {
    reply.error(-ERRNO.ENOSYS);
  }

  readdir(request: Request, argument: ReadIn, reply: Reply): void {
    const directory = this.#begin(request, argument, reply);
    if (!this.#dots(directory, argument.offset, reply, false)) return reply.directory();
    const limit = Math.ceil(argument.size / DIRENT_SIZE_MIN);
    const { dentries } = this.#context.state.meta.tables;
    for (const dentry of dentries.list(directory.ino, argument.offset, limit)) {
      const dirent = this.#dirent;
      dirent.ino = dentry.ino;
      dirent.cookie = dentry.cookie;
      dirent.type = dentry.type;
      dirent.name = dentry.name;
      if (!reply.dirent(dirent)) break;
    }
    reply.directory();
  }

  readdirplus(request: Request, argument: ReadIn, reply: Reply): void {
    const directory = this.#begin(request, argument, reply);
    if (!this.#dots(directory, argument.offset, reply, true)) return reply.directory();
    const limit = Math.ceil(argument.size / DIRENTPLUS_SIZE_MIN);
    const { meta } = this.#context.state;
    for (const dentry of meta.tables.dentries.list(directory.ino, argument.offset, limit)) {
      const { dirent, entry } = this.#plus;
      const inode = meta.requireInode(dentry.ino);
      dirent.ino = dentry.ino;
      dirent.cookie = dentry.cookie;
      dirent.type = dentry.type;
      dirent.name = dentry.name;
      entry.nodeid = inode.ino;
      entry.generation = 1;
      entry.entryValidSec = VALID_SEC;
      entry.attrValidSec = VALID_SEC;
      fillAttr(this.#context.state, inode, entry.attr);
      if (!reply.direntplus(this.#plus)) break;
    }
    reply.directory();
  }

  fsyncdir(request: Request, _argument: FsyncIn, reply: Reply): void {
    this.#context.durability.fsync(request, reply);
  }

  #begin(request: Request, argument: ReadIn, reply: Reply): Inode {
    const inode = this.#context.state.meta.requireInode(toIno(request.nodeid));
    reply.beginDirectory(argument.size);
    return inode;
  }

  /** "." and ".." where the reader has not seen them; false when the buffer is full. */
  #dots(directory: Inode, offset: number, reply: Reply, plus: boolean): boolean {
    if (offset < DOT_COOKIE && !this.#dot(directory.ino, ".", DOT_COOKIE, reply, plus))
      return false;
    if (offset >= DOT_DOT_COOKIE) return true;
    const parent = directory.parent === 0 ? directory.ino : directory.parent;
    return this.#dot(parent, "..", DOT_DOT_COOKIE, reply, plus);
  }

  #dot(ino: number, name: string, cookie: number, reply: Reply, plus: boolean): boolean {
    const dirent = this.#dirent;
    dirent.ino = ino;
    dirent.cookie = cookie;
    dirent.type = DIRECTORY_TYPE;
    dirent.name = name;
    if (!plus) return reply.dirent(dirent);
    this.#entry.nodeid = 0;
    return reply.direntplus(this.#plus);
  }
}
