/** Names through FUSE: lookup, and whatever makes, moves or removes one. */
import { ERRNO, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { NAME_SIZE_MAX } from "../../core/limits.ts";
import { newOpenOut } from "../../fuse/abi/open.ts";
import type { NameOperations, NewNode, RenameArguments } from "../../fuse/filesystem.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import { FileType, type Inode } from "../../meta/inode.ts";
import { create } from "../../meta/ops/create.ts";
import { link } from "../../meta/ops/link.ts";
import { rename } from "../../meta/ops/rename.ts";
import { rmdir } from "../../meta/ops/rmdir.ts";
import { unlink } from "../../meta/ops/unlink.ts";
import { VALID_SEC, type FrontEndContext } from "./front-end-context.ts";

export class VolumeNames implements NameOperations {
  readonly #context: FrontEndContext;
  readonly #open = newOpenOut();

  constructor(context: FrontEndContext) {
    this.#context = context;
  }

  lookup(request: Request, name: string, reply: Reply): void {
    const { meta } = this.#context.state;
    const directory = toIno(request.nodeid);
    if (name === "." || name === "..") {
      reply.entry(this.#context.entry(this.#lookupByNumber(directory, name)));
      return;
    }
    if (name.length > NAME_SIZE_MAX) {
      reply.error(-ERRNO.ENAMETOOLONG);
      return;
    }
    const target = meta.lookup(directory, name);
    if (target === undefined) {
      reply.negativeEntry(VALID_SEC);
      return;
    }
    reply.entry(this.#context.entry(meta.requireInode(target.ino)));
  }

  create(request: Request, node: NewNode, reply: Reply): void {
    const inode = this.#make(request, node, node.name);
    reply.create(this.#context.entry(inode), this.#open);
  }

  mknod(request: Request, node: NewNode, reply: Reply): void {
    reply.entry(this.#context.entry(this.#make(request, node, node.name)));
  }

  mkdir(request: Request, node: NewNode, reply: Reply): void {
    node.mode = FileType.DIRECTORY | (node.mode & 0o7777);
    reply.entry(this.#context.entry(this.#make(request, node, node.name)));
  }

  symlink(request: Request, node: NewNode, reply: Reply): void {
    node.mode = FileType.SYMLINK | 0o777;
    reply.entry(this.#context.entry(this.#make(request, node, node.name)));
  }

  tmpfile(request: Request, node: NewNode, reply: Reply): void {
    const inode = this.#make(request, node, undefined);
    reply.create(this.#context.entry(inode), this.#open);
  }

  link(request: Request, oldNodeid: number, name: string, reply: Reply): void {
    this.#context.checkSpace(request);
    const ino = toIno(oldNodeid);
    this.#context.executor.runMeta(link, this.#context.caller(request), {
      ino,
      parent: toIno(request.nodeid),
      name,
    });
    reply.entry(this.#context.entry(this.#context.state.meta.requireInode(ino)));
  }

  unlink(request: Request, name: string, reply: Reply): void {
    const parent = toIno(request.nodeid);
    this.#context.executor.runMeta(unlink, this.#context.caller(request), { parent, name });
    reply.empty();
  }

  rmdir(request: Request, name: string, reply: Reply): void {
    const parent = toIno(request.nodeid);
    this.#context.executor.runMeta(rmdir, this.#context.caller(request), { parent, name });
    reply.empty();
  }

  rename(request: Request, argument: RenameArguments, reply: Reply): void {
    this.#context.executor.runMeta(rename, this.#context.caller(request), {
      parent: toIno(request.nodeid),
      name: argument.oldName,
      newParent: toIno(argument.newParent),
      newName: argument.newName,
      flags: argument.flags,
    });
    reply.empty();
  }

  #make(request: Request, node: NewNode, name: string | undefined): Inode {
    this.#context.checkSpace(request);
    const caller = this.#context.caller(request);
    caller.umask = node.umask;
    const group = request.extensions.suppGroup;
    if (group >= 0) caller.groups = [group];
    const result = this.#context.executor.runMeta(create, caller, {
      parent: toIno(request.nodeid),
      name,
      mode: node.mode,
      rdev: node.rdev,
      ...(node.target === "" ? {} : { target: node.target }),
    });
    return this.#context.state.meta.requireInode(result.ino);
  }

  /** LOOKUP of "." and "..": a file handle was opened. What has no name and is not cached cannot be reached. */
  #lookupByNumber(ino: Ino, name: string): Inode {
    const { meta } = this.#context.state;
    const inode = meta.requireInode(ino);
    if (inode.nlink === 0) throw new FsError("ESTALE", `inode ${ino} was removed`);
    if (name === ".") return inode;
    if (!inode.isDirectory()) throw new FsError("ENOTDIR", `inode ${ino} is not a directory`);
    return meta.requireInode(toIno(inode.parent));
  }
}
