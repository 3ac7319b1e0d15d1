/**
 * A filesystem in memory that writes down every change and every fsync, for crash tests: SQLite offers no other place
 * to listen (node:sqlite has no VFS). Has all that SQLite, the journal and the file store ask for, shared mappings
 * included; modes, owners and times are kept, never checked.
 */
import { ERRNO } from "../../src/core/fs-error.ts";
import type { Timestamp } from "../../src/core/clock.ts";
import { newEntryOut, type Attr, type EntryOut, type SetattrIn } from "../../src/fuse/abi/attr.ts";
import { newDirentplus } from "../../src/fuse/abi/dirent.ts";
import { SetattrValid } from "../../src/fuse/abi/flags.ts";
import type { FsyncIn } from "../../src/fuse/abi/range.ts";
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
  RenameArguments,
  VolumeOperations,
} from "../../src/fuse/filesystem.ts";
import type { Reply } from "../../src/fuse/reply.ts";
import { WRITE_DATA_OFFSET, type Request } from "../../src/fuse/request.ts";
import { isForgotten, MARK_FILE, type RecordedOperation } from "./recorded-operation.ts";

const ROOT = 1;
const S_IFDIR = 0o040000;
const S_IFMT = 0o170000;
/** One writer: the kernel may believe what it was told. */
const VALID_SEC = 3600;
const BLOCK_SIZE = 4096;
const BLOCK_COUNT = 1_000_000;

class RecordedNode {
  readonly ino: number;
  mode: number;
  nlink = 1;
  size = 0;
  /** At least as long as `size`. */
  bytes: Buffer = Buffer.alloc(0);
  readonly entries: Map<string, RecordedNode> = new Map();
  readonly isSilent: boolean;
  readonly mtime: Timestamp = { sec: 0, nsec: 0 };

  constructor(ino: number, mode: number, isSilent: boolean) {
    this.ino = ino;
    this.mode = mode;
    this.isSilent = isSilent;
  }

  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  resize(size: number): void {
    if (size > this.bytes.length) {
      const grown = Buffer.alloc(Math.max(size, this.bytes.length * 2));
      this.bytes.copy(grown, 0, 0, this.size);
      this.bytes = grown;
    } else if (size < this.size) this.bytes.fill(0, size, this.size);
    this.size = size;
  }
}

export class RecordingFilesystem implements FuseFilesystem {
  readonly log: RecordedOperation[] = [];
  readonly #nodes = new Map<number, RecordedNode>();
  readonly #entry: EntryOut = newEntryOut();
  readonly #plus = newDirentplus();
  readonly #statfs = newKstatfs();
  readonly #open = { fh: 0, openFlags: 0, backingId: 0 };
  #inoLast = ROOT;
  #timeSec = 1;

  constructor() {
    this.#nodes.set(ROOT, new RecordedNode(ROOT, S_IFDIR | 0o755, false));
  }

  readonly names: NameOperations = {
    lookup: (request, name, reply) => {
      const node = this.#node(request.nodeid).entries.get(name);
      if (node === undefined) reply.error(-ERRNO.ENOENT);
      else reply.entry(this.#entryOf(node));
    },
    create: (request: Request, made: NewNode, reply: Reply) => {
      reply.create(this.#entryOf(this.#add(request.nodeid, made)), this.#open);
    },
    mknod: (request, made, reply) => reply.entry(this.#entryOf(this.#add(request.nodeid, made))),
    mkdir: (request: Request, made: NewNode, reply: Reply) => {
      const { name, umask } = made;
      const mode = S_IFDIR | (made.mode & 0o7777);
      reply.entry(this.#entryOf(this.#add(request.nodeid, { name, mode, umask })));
    },
    symlink: (_request, _made, reply) => reply.error(-ERRNO.EPERM),
    link: (request, oldNodeid, name, reply) => {
      const parent = this.#node(request.nodeid);
      const node = this.#node(oldNodeid);
      if (parent.entries.has(name)) return reply.error(-ERRNO.EEXIST);
      parent.entries.set(name, node);
      node.nlink++;
      this.log.push({ kind: "link", parent: parent.ino, name, ino: node.ino });
      reply.entry(this.#entryOf(node));
    },
    unlink: (request, name, reply) => this.#remove(request.nodeid, name, reply),
    rmdir: (request, name, reply) => this.#remove(request.nodeid, name, reply),
    rename: (request: Request, rename: RenameArguments, reply: Reply) => {
      const parent = this.#node(request.nodeid);
      const newParent = this.#node(rename.newParent);
      const { oldName: name, newName } = rename;
      const node = parent.entries.get(name);
      if (node === undefined) return reply.error(-ERRNO.ENOENT);
      if (rename.flags !== 0) return reply.error(-ERRNO.EINVAL);
      const replaced = newParent.entries.get(newName);
      if (replaced !== undefined) replaced.nlink--;
      parent.entries.delete(name);
      newParent.entries.set(newName, node);
      const ends = { parent: parent.ino, name, newParent: newParent.ino, newName };
      this.log.push({ kind: "rename", ...ends });
      reply.empty();
    },
  };

  readonly attributes: AttributeOperations = {
    getattr: (request, _argument, reply) => this.#answerAttr(this.#node(request.nodeid), reply),
    setattr: (request: Request, argument: SetattrIn, reply: Reply) => {
      const node = this.#node(request.nodeid);
      if (argument.valid & SetattrValid.MODE) {
        node.mode = (node.mode & S_IFMT) | (argument.mode & 0o7777);
      }
      if (argument.valid & SetattrValid.SIZE) {
        node.resize(argument.size);
        this.#stamp(node);
        if (!node.isSilent) {
          this.log.push({ kind: "truncate", ino: node.ino, size: argument.size });
        }
      }
      if (argument.valid & SetattrValid.MTIME) {
        node.mtime.sec = argument.mtimeSec;
        node.mtime.nsec = argument.mtimeNsec;
      }
      this.#answerAttr(node, reply);
    },
    readlink: (_request, reply) => reply.error(-ERRNO.EINVAL),
  };

  readonly files: FileOperations = {
    read: (request: Request, argument: ReadIn, reply: Reply) => {
      const { bytes, size } = this.#node(request.nodeid);
      const end = Math.min(size, argument.offset + argument.size);
      const count = Math.max(0, end - argument.offset);
      reply.bytes.set(bytes.subarray(argument.offset, argument.offset + count), reply.dataOffset);
      reply.data(count);
    },
    write: (request: Request, argument: WriteIn, reply: Reply) => {
      const node = this.#node(request.nodeid);
      const { offset, size } = argument;
      const data = request.bytes.slice(WRITE_DATA_OFFSET, WRITE_DATA_OFFSET + size);
      if (offset + size > node.size) node.resize(offset + size);
      node.bytes.set(data, offset);
      this.#stamp(node);
      if (this.#node(ROOT).entries.get(MARK_FILE) === node) {
        this.log.push({ kind: "mark", text: Buffer.from(data).toString("utf8") });
      } else if (!node.isSilent) this.log.push({ kind: "write", ino: node.ino, offset, data });
      reply.write(size);
    },
    fsync: (request: Request, _argument: FsyncIn, reply: Reply) => {
      const node = this.#node(request.nodeid);
      if (!node.isSilent) this.log.push({ kind: "sync", ino: node.ino });
      reply.empty();
    },
  };

  readonly directories: DirectoryOperations = {
    readdir: (request: Request, argument: ReadIn, reply: Reply) => {
      const { dirent } = this.#plus;
      this.#list(request, argument, reply, () => reply.dirent(dirent));
    },
    readdirplus: (request: Request, argument: ReadIn, reply: Reply) => {
      this.#list(request, argument, reply, () => reply.direntplus(this.#plus));
    },
    fsyncdir: (request, _argument, reply) => {
      this.log.push({ kind: "syncDirectory", ino: request.nodeid });
      reply.empty();
    },
  };

  readonly volume: VolumeOperations = {
    statfs: (_request, reply) => {
      const statfs = this.#statfs;
      statfs.bsize = statfs.frsize = BLOCK_SIZE;
      statfs.blocks = statfs.bfree = statfs.bavail = BLOCK_COUNT;
      statfs.namelen = 255;
      reply.statfs(statfs);
    },
    forget: () => {},
  };

  #node(nodeid: number): RecordedNode {
    const node = this.#nodes.get(nodeid);
    if (node === undefined) throw new Error(`no inode ${nodeid}`);
    return node;
  }

  #add(parent: number, made: Pick<NewNode, "name" | "mode" | "umask">): RecordedNode {
    const { name } = made;
    const node = new RecordedNode(++this.#inoLast, made.mode & ~made.umask, isForgotten(name));
    this.#stamp(node);
    this.#nodes.set(node.ino, node);
    this.#node(parent).entries.set(name, node);
    const { ino, isDirectory } = node;
    this.log.push({ kind: "create", parent, name, ino, isDirectory });
    return node;
  }

  #remove(parent: number, name: string, reply: Reply): void {
    const { entries } = this.#node(parent);
    const node = entries.get(name);
    if (node === undefined) return reply.error(-ERRNO.ENOENT);
    if (node.entries.size > 0) return reply.error(-ERRNO.ENOTEMPTY);
    entries.delete(name);
    node.nlink--;
    this.log.push({ kind: "unlink", parent, name });
    reply.empty();
  }

  #list(request: Request, argument: ReadIn, reply: Reply, append: () => boolean): void {
    reply.beginDirectory(argument.size);
    let cookie = 0;
    for (const [name, node] of this.#node(request.nodeid).entries) {
      if (++cookie <= argument.offset) continue;
      const { dirent, entry } = this.#plus;
      dirent.ino = node.ino;
      dirent.cookie = cookie;
      dirent.type = node.mode >> 12;
      dirent.name = name;
      fillEntry(entry, node);
      if (!append()) break;
    }
    reply.directory();
  }

  /** Times only grow; nobody compares them with a clock. */
  #stamp(node: RecordedNode): void {
    node.mtime.sec = this.#timeSec++;
    node.mtime.nsec = 0;
  }

  #answerAttr(node: RecordedNode, reply: Reply): void {
    fillAttr(this.#entry.attr, node);
    reply.attr(this.#entry.attr, VALID_SEC);
  }

  #entryOf(node: RecordedNode): EntryOut {
    return fillEntry(this.#entry, node);
  }
}

function fillEntry(entry: EntryOut, node: RecordedNode): EntryOut {
  entry.nodeid = node.ino;
  entry.entryValidSec = VALID_SEC;
  entry.attrValidSec = VALID_SEC;
  fillAttr(entry.attr, node);
  return entry;
}

function fillAttr(attr: Attr, node: RecordedNode): void {
  attr.ino = node.ino;
  attr.mode = node.mode;
  attr.nlink = node.isDirectory ? 2 : node.nlink;
  attr.size = node.size;
  attr.blocks = Math.ceil(node.size / 512);
  attr.blksize = BLOCK_SIZE;
  attr.atimeSec = attr.mtimeSec = attr.ctimeSec = node.mtime.sec;
  attr.atimeNsec = attr.mtimeNsec = attr.ctimeNsec = node.mtime.nsec;
}
