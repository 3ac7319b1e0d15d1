/**
 * A small filesystem whose state is a log of operations on disk, for tests that kill the process that serves it.
 *
 * It keeps the engine's rules as plainly as can be: a mutation is in the log, with the bytes of its answer, before it
 * is answered (J1); a request that is found again after a kill and is the log's last is given that answer and not
 * done twice (J7). A WRITE overwrites its own header in the request buffer, as the journal does.
 */
import { appendFileSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { ERRNO } from "../../src/core/fs-error.ts";
import { newEntryOut, type Attr, type EntryOut } from "../../src/fuse/abi/attr.ts";
import { newDirentplus } from "../../src/fuse/abi/dirent.ts";
import { newKstatfs } from "../../src/fuse/abi/statfs.ts";
import type { Channel } from "../../src/fuse/channel.ts";
import type {
  AttributeOperations,
  DirectoryOperations,
  FileOperations,
  FuseFilesystem,
  NameOperations,
  VolumeOperations,
} from "../../src/fuse/filesystem.ts";
import type { Reply } from "../../src/fuse/reply.ts";
import { WRITE_DATA_OFFSET, type Request } from "../../src/fuse/request.ts";
import type { HandoffArea } from "../../src/mount/handoff-area.ts";

const ROOT = 1;
const S_IFDIR = 0o040000;
const VALID_SEC = 1;

interface FakeNode {
  readonly ino: number;
  readonly mode: number;
  data: Buffer;
  size: number;
}

interface LogEntry {
  readonly connection: number;
  readonly unique: string;
  readonly kind: "create" | "mkdir" | "write" | "unlink" | "truncate";
  readonly ino: number;
  readonly name: string;
  readonly mode: number;
  readonly offset: number;
  readonly data: string;
  readonly reply: string;
}

export class FakeFilesystem implements FuseFilesystem {
  readonly #area: HandoffArea;
  readonly #nodes: Map<number, FakeNode> = new Map();
  readonly #names: Map<string, number> = new Map();
  readonly #logFd: number;
  readonly #entry: EntryOut = newEntryOut();
  readonly #record = newDirentplus();
  readonly #open = { fh: 0, openFlags: 0, backingId: 0 };
  #nextIno = 100;
  #last: LogEntry | undefined;
  /** Entries replayed at the start. */
  readonly replayed: number;

  constructor(logPath: string, area: HandoffArea) {
    this.#area = area;
    if (!existsSync(logPath)) appendFileSync(logPath, "");
    const lines = readFileSync(logPath, "utf8").split("\n");
    // What follows the last newline is a torn tail.
    const whole = lines.slice(0, -1).map((line) => JSON.parse(line) as LogEntry);
    for (const entry of whole) this.#apply(entry);
    this.replayed = whole.length;
    this.#last = whole.at(-1);
    this.#logFd = openSync(logPath, "a");
  }

  /** The recorded answer of the log's last operation, if that is what `request` asks. */
  answerAgain(request: Request, channel: Channel): boolean {
    const last = this.#last;
    if (last?.unique !== uniqueOf(request) || last.connection !== this.#area.connectionId)
      return false;
    const reply = Buffer.from(last.reply, "hex");
    channel.write(reply, reply.length);
    return true;
  }

  readonly names: NameOperations = {
    lookup: (_, name, reply) => {
      const node = this.#nodes.get(this.#names.get(name) ?? 0);
      if (node === undefined) reply.error(-ERRNO.ENOENT);
      else reply.entry(this.#entryOf(node));
    },
    create: (request, made, reply) => {
      const ino = this.#nextIno;
      const mode = made.mode & ~made.umask;
      const change = { kind: "create", ino, name: made.name, mode } as const;
      this.#mutate(request, reply, change, (node) => reply.create(this.#entryOf(node), this.#open));
    },
    mkdir: (request, made, reply) => {
      const ino = this.#nextIno;
      const mode = S_IFDIR | (made.mode & ~made.umask);
      const change = { kind: "mkdir", ino, name: made.name, mode } as const;
      this.#mutate(request, reply, change, (node) => reply.entry(this.#entryOf(node)));
    },
    unlink: (request, name, reply) => {
      const ino = this.#names.get(name);
      if (ino === undefined) return reply.error(-ERRNO.ENOENT);
      this.#mutate(request, reply, { kind: "unlink", ino, name }, () => reply.empty());
    },
    mknod: (_, __, reply) => reply.error(-ERRNO.EPERM),
    symlink: (_, __, reply) => reply.error(-ERRNO.EPERM),
    link: (_, __, ___, reply) => reply.error(-ERRNO.EPERM),
    rmdir: (_, __, reply) => reply.error(-ERRNO.EPERM),
    rename: (_, __, reply) => reply.error(-ERRNO.EPERM),
  };

  readonly attributes: AttributeOperations = {
    getattr: (request, _, reply) => this.#answerAttr(request.nodeid, reply),
    setattr: (request, argument, reply) => {
      const FATTR_SIZE = 8;
      if ((argument.valid & FATTR_SIZE) === 0) return this.#answerAttr(request.nodeid, reply);
      const change = { kind: "truncate", ino: request.nodeid, offset: argument.size } as const;
      this.#mutate(request, reply, change, () => this.#answerAttr(request.nodeid, reply));
    },
    readlink: (_, reply) => reply.error(-ERRNO.EINVAL),
  };

  readonly files: FileOperations = {
    read: (request, argument, reply) => {
      const node = this.#nodes.get(request.nodeid);
      if (node === undefined) return reply.error(-ERRNO.ESTALE);
      const end = Math.min(node.size, argument.offset + argument.size);
      const part = node.data.subarray(argument.offset, end);
      reply.bytes.set(part, reply.dataOffset);
      reply.data(part.length);
    },
    write: (request, argument, reply) => {
      if (!this.#nodes.has(request.nodeid)) return reply.error(-ERRNO.ESTALE);
      const { size, offset } = argument;
      const from = request.bytes.subarray(WRITE_DATA_OFFSET, WRITE_DATA_OFFSET + size);
      const data = Buffer.from(from).toString("base64");
      this.#area.request.saveHeader();
      request.bytes.fill(0x5a, 0, WRITE_DATA_OFFSET);
      const change = { kind: "write", ino: request.nodeid, offset, data } as const;
      this.#mutate(request, reply, change, () => reply.write(size));
    },
    fsync: (_, __, reply) => reply.empty(),
  };

  readonly directories: DirectoryOperations = {
    readdir: (_, argument, reply) => {
      reply.beginDirectory(argument.size);
      const all = [...this.#names];
      for (const [index, [name, ino]] of all.entries()) {
        if (index < argument.offset) continue;
        const { dirent } = this.#record;
        dirent.ino = ino;
        dirent.cookie = index + 1;
        dirent.type = 8;
        dirent.name = name;
        if (!reply.dirent(dirent)) break;
      }
      reply.directory();
    },
  };

  readonly volume: VolumeOperations = {
    statfs: (_, reply) =>
      reply.statfs({ ...newKstatfs(), bsize: 4096, frsize: 4096, namelen: 255 }),
    forget: () => {},
  };

  #mutate(
    request: Request,
    reply: Reply,
    change: Partial<LogEntry> & Pick<LogEntry, "kind" | "ino">,
    answer: (node: FakeNode) => void,
  ): void {
    const plain = { name: "", mode: 0, offset: 0, data: "" };
    const unique = uniqueOf(request);
    const before = { connection: this.#area.connectionId, unique, ...plain, ...change, reply: "" };
    const node = this.#apply(before);
    answer(node);
    const entry = {
      ...before,
      reply: Buffer.from(reply.bytes.subarray(0, reply.size)).toString("hex"),
    };
    writeSync(this.#logFd, `${JSON.stringify(entry)}\n`);
    this.#last = entry;
  }

  #apply(entry: LogEntry): FakeNode {
    let node = this.#nodes.get(entry.ino);
    if (entry.kind === "create" || entry.kind === "mkdir") {
      node = { ino: entry.ino, mode: entry.mode, data: Buffer.alloc(0), size: 0 };
      this.#nodes.set(node.ino, node);
      this.#names.set(entry.name, node.ino);
      this.#nextIno = Math.max(this.#nextIno, node.ino + 1);
    }
    if (node === undefined) throw new Error(`the log names inode ${entry.ino}, which is not there`);
    if (entry.kind === "unlink") this.#names.delete(entry.name);
    if (entry.kind === "truncate") resize(node, entry.offset);
    if (entry.kind === "write") {
      const data = Buffer.from(entry.data, "base64");
      if (entry.offset + data.length > node.size) resize(node, entry.offset + data.length);
      node.data.set(data, entry.offset);
    }
    return node;
  }

  #answerAttr(ino: number, reply: Reply): void {
    const node = this.#nodes.get(ino);
    if (ino !== ROOT && node === undefined) return reply.error(-ERRNO.ESTALE);
    fillAttr(this.#entry.attr, node ?? { ino: ROOT, mode: S_IFDIR | 0o755, size: 0 });
    reply.attr(this.#entry.attr, VALID_SEC);
  }

  #entryOf(node: FakeNode): EntryOut {
    const entry = this.#entry;
    entry.nodeid = node.ino;
    entry.generation = 1;
    entry.entryValidSec = VALID_SEC;
    entry.attrValidSec = VALID_SEC;
    fillAttr(entry.attr, node);
    return entry;
  }
}

function resize(node: FakeNode, size: number): void {
  const data = Buffer.alloc(size);
  data.set(node.data.subarray(0, Math.min(size, node.size)));
  node.data = data;
  node.size = size;
}

function fillAttr(attr: Attr, node: Pick<FakeNode, "ino" | "mode" | "size">): void {
  attr.ino = node.ino;
  attr.mode = node.mode;
  attr.size = node.size;
  attr.blocks = Math.ceil(node.size / 512);
  attr.nlink = (node.mode & S_IFDIR) === 0 ? 1 : 2;
  attr.blksize = 4096;
}

function uniqueOf(request: Request): string {
  return `${request.uniqueHigh}:${request.uniqueLow}`;
}
