/**
 * A filesystem of one directory, one file and whatever a test writes into memory: the smallest that shows the protocol
 * layer works through a real mount. Not for use.
 */
import { ERRNO } from "../../src/core/fs-error.ts";
import {
  newAttr,
  newEntryOut,
  type Attr,
  type EntryOut,
  type GetattrIn,
} from "../../src/fuse/abi/attr.ts";
import { newDirentplus } from "../../src/fuse/abi/dirent.ts";
import type { ReadIn } from "../../src/fuse/abi/read.ts";
import { newKstatfs } from "../../src/fuse/abi/statfs.ts";
import type { WriteIn } from "../../src/fuse/abi/write.ts";
import type {
  AttributeOperations,
  DirectoryOperations,
  FileOperations,
  FuseFilesystem,
  NameOperations,
  NewNode,
  VolumeOperations,
  XattrOperations,
} from "../../src/fuse/filesystem.ts";
import type { Reply } from "../../src/fuse/reply.ts";
import { WRITE_DATA_OFFSET, type Request } from "../../src/fuse/request.ts";

const ROOT = 1;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

interface Node {
  readonly ino: number;
  readonly name: string;
  mode: number;
  data: Uint8Array;
}

export class HelloFilesystem implements FuseFilesystem {
  readonly #nodes = new Map<number, Node>();
  readonly #entry: EntryOut = newEntryOut();
  readonly #record = newDirentplus();
  readonly #statfs = newKstatfs();
  readonly #open = { fh: 0, openFlags: 0, backingId: 0 };
  readonly #validSec: number;

  constructor(options: { readonly validSec: number }) {
    this.#validSec = options.validSec;
    this.#add("hello", S_IFREG | 0o644, new TextEncoder().encode("Hello, Shoal!\n"));
  }

  readonly names: NameOperations = {
    lookup: (request, name, reply) => {
      const node = this.#find(name);
      if (node === undefined) reply.error(-ERRNO.ENOENT);
      else reply.entry(this.#entryOf(node));
    },
    create: (request: Request, made: NewNode, reply: Reply) => {
      const node = this.#add(made.name, made.mode & ~made.umask, new Uint8Array(0));
      reply.create(this.#entryOf(node), this.#open);
    },
    mknod: (request, made, reply) => reply.error(-ERRNO.EPERM),
    mkdir: (request, made, reply) => reply.error(-ERRNO.EPERM),
    symlink: (request, made, reply) => reply.error(-ERRNO.EPERM),
    link: (request, old, name, reply) => reply.error(-ERRNO.EPERM),
    rmdir: (request, name, reply) => reply.error(-ERRNO.EPERM),
    rename: (request, rename, reply) => reply.error(-ERRNO.EPERM),
    unlink: (request, name, reply) => {
      const node = this.#find(name);
      if (node === undefined) return reply.error(-ERRNO.ENOENT);
      this.#nodes.delete(node.ino);
      reply.empty();
    },
  };

  readonly attributes: AttributeOperations = {
    getattr: (request: Request, argument: GetattrIn, reply: Reply) =>
      this.#answerAttr(request, reply),
    setattr: (request, argument, reply) => this.#answerAttr(request, reply),
    readlink: (request, reply) => reply.error(-ERRNO.EINVAL),
  };

  readonly files: FileOperations = {
    read: (request: Request, argument: ReadIn, reply: Reply) => {
      const node = this.#nodes.get(request.nodeid);
      if (node === undefined) return reply.error(-ERRNO.ESTALE);
      const part = node.data.subarray(argument.offset, argument.offset + argument.size);
      reply.bytes.set(part, reply.dataOffset);
      reply.data(part.length);
    },
    write: (request: Request, argument: WriteIn, reply: Reply) => {
      const node = this.#nodes.get(request.nodeid);
      if (node === undefined) return reply.error(-ERRNO.ESTALE);
      const end = argument.offset + argument.size;
      if (end > node.data.length) {
        const grown = new Uint8Array(end);
        grown.set(node.data);
        node.data = grown;
      }
      const from = request.bytes.subarray(WRITE_DATA_OFFSET, WRITE_DATA_OFFSET + argument.size);
      node.data.set(from, argument.offset);
      reply.write(argument.size);
    },
  };

  readonly directories: DirectoryOperations = {
    readdir: (request, argument, reply) => this.#list(argument, reply, false),
    readdirplus: (request, argument, reply) => this.#list(argument, reply, true),
  };

  readonly xattrs: XattrOperations = {
    getxattr: (request, name, size, reply) => {
      if (name === "user.greeting") reply.xattr(size, new TextEncoder().encode("hi"));
      else reply.error(-ERRNO.ENODATA);
    },
    listxattr: (request, size, reply) =>
      reply.xattr(size, new TextEncoder().encode("user.greeting\0")),
    setxattr: (request, argument, reply) => reply.error(-ERRNO.EOPNOTSUPP),
    removexattr: (request, name, reply) => reply.error(-ERRNO.EOPNOTSUPP),
  };

  readonly volume: VolumeOperations = {
    statfs: (request, reply) => {
      this.#statfs.bsize = 4096;
      this.#statfs.frsize = 4096;
      this.#statfs.blocks = 1000;
      this.#statfs.bfree = 500;
      this.#statfs.bavail = 500;
      this.#statfs.namelen = 255;
      reply.statfs(this.#statfs);
    },
    forget: () => {},
  };

  #add(name: string, mode: number, data: Uint8Array): Node {
    const node: Node = { ino: this.#nodes.size + 100, name, mode, data };
    this.#nodes.set(node.ino, node);
    return node;
  }

  #find(name: string): Node | undefined {
    for (const node of this.#nodes.values()) if (node.name === name) return node;
    return undefined;
  }

  #answerAttr(request: Request, reply: Reply): void {
    const node = this.#nodes.get(request.nodeid);
    const attr = this.#entry.attr;
    if (request.nodeid === ROOT) fillAttr(attr, ROOT, S_IFDIR | 0o755, 0);
    else if (node === undefined) return reply.error(-ERRNO.ESTALE);
    else fillAttr(attr, node.ino, node.mode, node.data.length);
    reply.attr(attr, this.#validSec);
  }

  #entryOf(node: Node): EntryOut {
    const entry = this.#entry;
    entry.nodeid = node.ino;
    entry.entryValidSec = this.#validSec;
    entry.attrValidSec = this.#validSec;
    fillAttr(entry.attr, node.ino, node.mode, node.data.length);
    return entry;
  }

  #list(argument: ReadIn, reply: Reply, plus: boolean): void {
    reply.beginDirectory(argument.size);
    for (const node of this.#nodes.values()) {
      if (node.ino <= argument.offset) continue;
      const record = this.#record;
      record.dirent.ino = node.ino;
      record.dirent.cookie = node.ino;
      record.dirent.type = node.mode >> 12;
      record.dirent.name = node.name;
      if (plus) Object.assign(record.entry, this.#entryOf(node));
      if (!(plus ? reply.direntplus(record) : reply.dirent(record.dirent))) break;
    }
    reply.directory();
  }
}

function fillAttr(attr: Attr, ino: number, mode: number, size: number): void {
  Object.assign(attr, newAttr());
  attr.ino = ino;
  attr.mode = mode;
  attr.size = size;
  attr.blocks = Math.ceil(size / 512);
  attr.nlink = (mode & S_IFDIR) === 0 ? 1 : 2;
  attr.blksize = 4096;
}
