import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import * as fc from "fast-check";
import { AssertionFailure } from "../core/assert.ts";
import { ERRNO, FsError } from "../core/fs-error.ts";
import { decodeEntryOut, ENTRY_OUT_SIZE, newEntryOut } from "./abi/attr.ts";
import { CREATE_IN_SIZE, encodeCreateIn } from "./abi/create.ts";
import { InitFlag } from "./abi/flags.ts";
import { decodeOutHeader, newOutHeader } from "./abi/header.ts";
import { Opcode, OPCODE_COUNT } from "./abi/opcode.ts";
import { encodeWriteIn, newWriteIn, WRITE_IN_SIZE } from "./abi/write.ts";
import { argumentSizeMin } from "./argument-size.ts";
import { MemoryChannel } from "./channel.ts";
import { Dispatcher } from "./dispatch.ts";
import type { FuseFilesystem, NameOperations, XattrOperations } from "./filesystem.ts";
import { Reply, writeDataReply, writeErrorReply } from "./reply.ts";
import { Request, WRITE_DATA_OFFSET } from "./request.ts";
import { HelloFilesystem } from "../../test/support/hello-filesystem.ts";
import { encoded, makeRequest, type RequestParts } from "../../test/support/fuse-requests.ts";

const BUFFER_SIZE = 16_384;
const SETXATTR_EXT = { flags: InitFlag.SETXATTR_EXT };

let channel: MemoryChannel;
let request: Request;
let reply: Reply;
let filesystem: HelloFilesystem;

beforeEach(() => {
  channel = new MemoryChannel();
  request = new Request(new Uint8Array(BUFFER_SIZE).fill(0xee));
  reply = new Reply(channel);
  filesystem = new HelloFilesystem({ validSec: 1 });
});

describe("the dispatcher", () => {
  it("answers a LOOKUP with the entry, under the request's number", () => {
    serve(filesystem, { opcode: Opcode.LOOKUP, unique: 2 ** 40 + 6, parts: ["hello"] });
    const { header, body } = onlyReply();
    assert.deepEqual(header, {
      size: 16 + ENTRY_OUT_SIZE,
      error: 0,
      uniqueLow: 6,
      uniqueHigh: 256,
    });
    const entry = decodeEntryOut(new DataView(body.buffer), 0, newEntryOut());
    assert.equal(entry.nodeid, 100);
    assert.equal(entry.attr.size, 14);
  });

  it("answers a missing name with ENOENT", () => {
    serve(filesystem, { opcode: Opcode.LOOKUP, parts: ["absent"] });
    assert.equal(onlyReply().header.error, -ERRNO.ENOENT);
  });

  it("answers a resent request under its number as it came, resend bit included", () => {
    serve(filesystem, { opcode: Opcode.STATFS, unique: 10, resent: true });
    assert.equal(request.resent, true);
    assert.equal(request.unique, 10);
    const { uniqueLow, uniqueHigh } = onlyReply().header;
    assert.deepEqual([uniqueLow, uniqueHigh], [10, 0x8000_0000]);
  });

  it("answers what it does not know, and what is left out, with ENOSYS", () => {
    for (const opcode of [54, 4096, Opcode.SETUPMAPPING, Opcode.OPEN, Opcode.POLL, Opcode.SYNCFS]) {
      channel.replies.length = 0;
      serve(filesystem, { opcode, parts: [new Uint8Array(64)] });
      assert.equal(onlyReply().header.error, -ERRNO.ENOSYS, `opcode ${opcode}`);
    }
  });

  it("hands over a WRITE whose header may then be overwritten", () => {
    const data = Uint8Array.of(1, 2, 3, 4);
    const argument = { ...newWriteIn(), offset: 2, size: data.length };
    const parts = [encoded(WRITE_IN_SIZE, encodeWriteIn, argument), data];
    const seen: number[] = [];
    const writing = withFiles((incoming, write) => {
      incoming.bytes.fill(0, 0, WRITE_DATA_OFFSET);
      seen.push(incoming.nodeid, incoming.unique, incoming.uid, write.offset, write.size);
      seen.push(...incoming.bytes.subarray(WRITE_DATA_OFFSET, WRITE_DATA_OFFSET + write.size));
    });
    serve(writing, { opcode: Opcode.WRITE, unique: 8, nodeid: 100, parts });
    assert.deepEqual(seen, [100, 8, 1000, 2, 4, 1, 2, 3, 4]);
    assert.equal(onlyReply().header.uniqueLow, 8);
  });

  it("refuses a WRITE that has fewer bytes than it says", () => {
    const argument = { ...newWriteIn(), size: 5 };
    const parts = [encoded(WRITE_IN_SIZE, encodeWriteIn, argument), new Uint8Array(4)];
    serve(filesystem, { opcode: Opcode.WRITE, nodeid: 100, parts });
    assert.equal(onlyReply().header.error, -ERRNO.EIO);
  });

  it("refuses every opcode whose arguments are cut short, whatever lies behind them in the buffer", () => {
    for (let opcode = 0; opcode < OPCODE_COUNT; opcode++) {
      const min = argumentSizeMin(opcode);
      if (min === 0) continue;
      channel.replies.length = 0;
      serve(filesystem, { opcode, parts: [new Uint8Array(min - 1)] });
      assert.equal(onlyReply().header.error, -ERRNO.EIO, `opcode ${opcode}`);
    }
  });

  it("decodes names, targets and extensions of what is made", () => {
    const made: unknown[] = [];
    const group = Uint8Array.from([16, 0, 0, 0, 32, 0, 0, 0, 1, 0, 0, 0, 77, 0, 0, 0]);
    const names = withNames({
      create: (incoming, node, answer) => {
        made.push({ ...node }, incoming.extensions.suppGroup);
        answer.error(-ERRNO.EROFS);
      },
      symlink: (incoming, node, answer) => {
        made.push(node.name, node.target, incoming.extensions.suppGroup);
        answer.error(-ERRNO.EROFS);
      },
    });
    const createIn = { flags: 2, mode: 0o100666, umask: 0o22, openFlags: 1 };
    const fixed = encoded(CREATE_IN_SIZE, encodeCreateIn, createIn);
    serve(names, { opcode: Opcode.CREATE, parts: [fixed, "\xe9", group] });
    serve(names, { opcode: Opcode.SYMLINK, parts: ["link", "../target"] });
    assert.deepEqual(made, [
      { name: "\xe9", ...createIn, rdev: 0, target: "" },
      77,
      "link",
      "../target",
      -1,
    ]);
  });

  it("decodes RENAME and RENAME2", () => {
    const seen: unknown[] = [];
    const names = withNames({
      rename: (incoming, rename, answer) => {
        seen.push({ ...rename });
        answer.empty();
      },
    });
    const newdir = Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0);
    const flags = Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0);
    serve(names, { opcode: Opcode.RENAME, parts: [newdir, "a", "bc"] });
    serve(names, { opcode: Opcode.RENAME2, parts: [newdir, flags, "a", "bc"] });
    const both = { oldName: "a", newName: "bc", newParent: 9 };
    assert.deepEqual(seen, [
      { ...both, flags: 0 },
      { ...both, flags: 2 },
    ]);
  });

  it("finds a SETXATTR's name behind either form of its argument", () => {
    const seen: unknown[] = [];
    const xattrs: XattrOperations = {
      ...filesystem.xattrs,
      setxattr: (incoming, argument, answer) => {
        seen.push([argument.name, [...argument.value], argument.flags, argument.setxattrFlags]);
        answer.empty();
      },
    };
    const short = Uint8Array.of(3, 0, 0, 0, 1, 0, 0, 0);
    const long = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
    const value = Uint8Array.of(7, 0, 9);
    const target = withGroups({ xattrs });
    serve(target, { opcode: Opcode.SETXATTR, parts: [short, "user.x", value] }, { flags: 0 });
    serve(target, { opcode: Opcode.SETXATTR, parts: [short, long, "user.x", value] });
    assert.deepEqual(seen, [
      ["user.x", [7, 0, 9], 1, 0],
      ["user.x", [7, 0, 9], 1, 1],
    ]);
  });

  it("answers neither FORGET, BATCH_FORGET nor INTERRUPT, and hands each over", () => {
    const seen: unknown[] = [];
    const volume = {
      ...filesystem.volume,
      forget: (nodeid: number, nlookup: number) => void seen.push([nodeid, nlookup]),
      interrupt: (incoming: Request, unique: number) => void seen.push(unique),
    };
    const target = withGroups({ volume });
    serve(target, { opcode: Opcode.FORGET, nodeid: 5, parts: [u64(3)] });
    const batch = [u64(2), u64(6), u64(1), u64(7), u64(4)];
    serve(target, { opcode: Opcode.BATCH_FORGET, parts: batch });
    serve(target, { opcode: Opcode.INTERRUPT, parts: [u64(44)] });
    assert.deepEqual(seen, [[5, 3], [6, 1], [7, 4], 44]);
    assert.equal(channel.replies.length, 0);
  });

  it("answers a thrown FsError by its errno and goes on, unless the filesystem says stop", () => {
    const names = withNames({
      unlink: () => {
        throw new FsError("EDQUOT", "full");
      },
    });
    serve(names, { opcode: Opcode.UNLINK, parts: ["x"] });
    assert.equal(onlyReply().header.error, -ERRNO.EDQUOT);
    const stopping = { ...names, onError: () => true };
    assert.throws(() => serve(stopping, { opcode: Opcode.UNLINK, parts: ["x"] }), {
      code: "EDQUOT",
    });
    assert.equal(channel.replies.length, 2);
  });

  it("answers a bug with EIO and throws it on", () => {
    const names = withNames({
      unlink: (incoming, name, answer) => {
        answer.empty();
        answer.empty();
      },
    });
    const parts = { opcode: Opcode.UNLINK, parts: ["x"] };
    assert.throws(() => serve(names, parts), AssertionFailure);
    assert.equal(onlyReply().header.error, -ERRNO.EIO);
  });

  it("takes no answer at all for a bug", () => {
    const names = withNames({ unlink: () => {} });
    const parts = { opcode: Opcode.UNLINK, parts: ["x"] };
    assert.throws(() => serve(names, parts), /UNLINK was not answered/);
    assert.equal(onlyReply().header.error, -ERRNO.EIO);
  });

  it("leaves a deferred request to whoever answers it later", () => {
    const names = withNames({ unlink: (incoming, name, answer) => answer.defer() });
    serve(names, { opcode: Opcode.UNLINK, unique: 30, parts: ["x"] });
    assert.equal(channel.replies.length, 0);
    const id = { uniqueLow: request.uniqueLow, uniqueHigh: request.uniqueHigh };
    writeErrorReply(channel, id, -ERRNO.EINTR);
    assert.deepEqual(onlyReply().header, { size: 16, error: -4, uniqueLow: 30, uniqueHigh: 0 });
    const bytes = new Uint8Array(19);
    bytes.set([1, 2, 3], 16);
    writeDataReply(channel, id, bytes, 3);
    assert.deepEqual(channel.replies[1]?.subarray(16), Uint8Array.of(1, 2, 3));
  });

  it("drops an answer that nobody waits for, and stops at one that the kernel refuses", () => {
    channel.refusals.push(-ERRNO.ENOENT);
    serve(filesystem, { opcode: Opcode.STATFS });
    assert.equal(channel.replies.length, 0);
    channel.refusals.push(-ERRNO.EINVAL);
    assert.throws(() => serve(filesystem, { opcode: Opcode.STATFS }), AssertionFailure);
    assert.equal(onlyReply().header.error, -ERRNO.EIO);
  });

  it("answers every request of noise once, or not at all where none is due", () => {
    const unanswered = new Set<number>([
      Opcode.FORGET,
      Opcode.BATCH_FORGET,
      Opcode.INTERRUPT,
      Opcode.NOTIFY_REPLY,
    ]);
    const opcodes = fc.integer({ min: 0, max: OPCODE_COUNT + 2 });
    fc.assert(
      fc.property(opcodes, fc.uint8Array({ maxLength: 200 }), (opcode, noise) => {
        channel.replies.length = 0;
        serve(new HelloFilesystem({ validSec: 0 }), { opcode, parts: [noise] });
        const due = unanswered.has(opcode) && noise.length >= argumentSizeMin(opcode) ? 0 : 1;
        assert.equal(channel.replies.length, due);
      }),
    );
  });
});

describe("a request", () => {
  it("is refused when it is shorter than its header or not as long as it says", () => {
    assert.throws(() => request.decode(39), { code: "EIO" });
    request.bytes.set(makeRequest({ opcode: Opcode.STATFS }));
    assert.throws(() => request.decode(41), { code: "EIO" });
  });

  it("has no name where no zero byte ends it", () => {
    request.bytes.set(makeRequest({ opcode: Opcode.LOOKUP, parts: [Uint8Array.of(65, 66)] }));
    request.decode(42);
    request.bytes[42] = 0;
    assert.throws(() => request.name(40), { code: "EIO" });
  });
});

describe("a directory's reply", () => {
  it("says when it is full and ends before the entry that does not fit", () => {
    request.bytes.set(makeRequest({ opcode: Opcode.READDIR }));
    request.decode(40);
    reply.begin(request);
    reply.beginDirectory(80);
    const dirent = { ino: 2, cookie: 1, type: 8, name: "12345678" };
    assert.equal(reply.dirent(dirent), true);
    assert.equal(reply.dirent(dirent), true);
    assert.equal(reply.dirent(dirent), false);
    reply.directory();
    assert.equal(reply.encoded().length, 16 + 64);
  });
});

function serve(
  target: FuseFilesystem,
  parts: RequestParts,
  session: { readonly flags: number } = SETXATTR_EXT,
): void {
  const bytes = makeRequest(parts);
  request.bytes.fill(0xee).set(bytes);
  request.decode(bytes.length);
  new Dispatcher(target, session).dispatch(request, reply);
}

/** A small number as 64 bits. */
function u64(value: number): Uint8Array {
  return Uint8Array.of(value, 0, 0, 0, 0, 0, 0, 0);
}

function onlyReply(): { header: ReturnType<typeof newOutHeader>; body: Uint8Array } {
  assert.ok(channel.replies.length >= 1);
  const bytes = channel.replies.at(-1)!;
  const header = decodeOutHeader(new DataView(bytes.buffer), 0, newOutHeader());
  assert.equal(header.size, bytes.length);
  return { header, body: bytes.slice(16) };
}

function withGroups(groups: Partial<FuseFilesystem>): FuseFilesystem {
  const { names, attributes, files, directories, xattrs, volume } = filesystem;
  return { names, attributes, files, directories, xattrs, volume, ...groups };
}

function withNames(names: Partial<NameOperations>): FuseFilesystem {
  return withGroups({ names: { ...filesystem.names, ...names } });
}

function withFiles(
  onWrite: (incoming: Request, write: { offset: number; size: number }) => void,
): FuseFilesystem {
  return withGroups({
    files: {
      ...filesystem.files,
      write: (incoming, argument, answer) => {
        onWrite(incoming, argument);
        answer.write(argument.size);
      },
    },
  });
}
