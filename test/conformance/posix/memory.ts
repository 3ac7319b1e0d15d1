/** Mappings and locks as the kernel gives them on top of the filesystem. Source: mmap(2), msync(2), flock(2), fcntl(2). */
import assert from "node:assert/strict";
import { O_CREAT, O_RDONLY, O_RDWR, O_WRONLY } from "../../support/posix-constants.ts";
import {
  bytes,
  contentOf,
  pattern,
  put,
  refuses,
  text,
  textOf,
  waitForTick,
} from "../../support/posix-actions.ts";
import { type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const SHARED = { offset: 0, length: 4096, shared: true, writable: true } as const;
const PAGE = 4096;

const mappings: PosixTests = {
  "a shared mapping and the file are one"({ root }) {
    put(root, "f", pattern(3 * PAGE));
    using file = root.open("f", O_RDWR);
    using mapping = root.mappings.map(file, { ...SHARED, length: 3 * PAGE });
    assert.deepEqual(Uint8Array.from(mapping.bytes), pattern(3 * PAGE));
    mapping.bytes.set(bytes("stored"), PAGE - 3);
    assert.equal(text(file.read(PAGE - 3, 6)), "stored");
    file.write(2 * PAGE, bytes("written"));
    assert.equal(text(mapping.bytes.slice(2 * PAGE, 2 * PAGE + 7)), "written");
  },
  "two shared mappings of one file are one"({ root }) {
    put(root, "f", new Uint8Array(PAGE));
    using first = root.open("f", O_RDWR);
    using second = root.open("f", O_RDWR);
    using a = root.mappings.map(first, SHARED);
    using b = root.mappings.map(second, SHARED);
    a.bytes[100] = 42;
    assert.equal(b.bytes[100], 42);
  },
  "a private mapping keeps its stores to itself"({ root }) {
    put(root, "f", "original");
    using file = root.open("f", O_RDONLY);
    using mapping = root.mappings.map(file, { ...SHARED, shared: false });
    mapping.bytes.set(bytes("changed!"));
    assert.equal(textOf(root, "f"), "original");
    assert.equal(text(mapping.bytes.slice(0, 8)), "changed!");
  },
  "what was stored and synced is there after everything was closed"({ root }) {
    put(root, "f", new Uint8Array(10_000));
    {
      using file = root.open("f", O_RDWR);
      using mapping = root.mappings.map(file, { ...SHARED, length: 10_000 });
      file.close();
      mapping.bytes.set(bytes("end"), 9_997);
      mapping.sync();
    }
    assert.equal(text(contentOf(root, "f").subarray(9_997)), "end");
  },
  "bytes behind the end of the file are zero and are not kept"({ root }) {
    put(root, "f", "abc");
    using file = root.open("f", O_RDWR);
    {
      using mapping = root.mappings.map(file, SHARED);
      assert.equal(mapping.bytes[3], 0);
      mapping.bytes[3] = 7;
      mapping.sync();
    }
    file.truncate(10);
    assert.equal(text(file.read(0, 10)), "abc\0\0\0\0\0\0\0");
  },
  "a mapping sees the file grow and keeps an unlinked file alive"({ root }) {
    put(root, "f", "abc");
    using file = root.open("f", O_RDWR);
    using mapping = root.mappings.map(file, { ...SHARED, length: 2 * PAGE });
    root.unlink("f");
    file.truncate(2 * PAGE);
    file.write(PAGE, bytes("more"));
    assert.equal(text(mapping.bytes.slice(PAGE, PAGE + 4)), "more");
    mapping.bytes[0] = 0x58;
    assert.equal(text(file.read(0, 3)), "Xbc");
  },
  "a store moves mtime and ctime by the time it is synced"({ root }) {
    put(root, "f", new Uint8Array(PAGE));
    using file = root.open("f", O_RDWR);
    using mapping = root.mappings.map(file, SHARED);
    const before = file.stat();
    waitForTick();
    mapping.bytes[0] = 1;
    mapping.sync();
    file.sync("all");
    assert.ok(file.stat().mtimeNs > before.mtimeNs);
    assert.ok(file.stat().ctimeNs > before.ctimeNs);
  },
  "a store into a hole fills it"({ root }) {
    using file = root.open("f", O_CREAT | O_RDWR);
    file.truncate(1024 * 1024);
    using mapping = root.mappings.map(file, { ...SHARED, offset: 512 * 1024 });
    mapping.bytes.set(bytes("island"), 10);
    mapping.sync();
    assert.equal(text(file.read(512 * 1024 + 9, 8)), "\0island\0");
  },
  "a punched range reads as zeros through the mapping"({ root }) {
    put(root, "f", pattern(3 * PAGE));
    using file = root.open("f", O_RDWR);
    using mapping = root.mappings.map(file, { ...SHARED, length: 3 * PAGE });
    file.allocate(0x03, PAGE, PAGE);
    assert.ok(mapping.bytes.subarray(PAGE, 2 * PAGE).every((byte) => byte === 0));
    assert.deepEqual(Uint8Array.from(mapping.bytes.subarray(0, PAGE)), pattern(PAGE));
  },
  "a shared mapping to store into needs a handle for both"({ root }) {
    put(root, "f", "data");
    using reader = root.open("f", O_RDONLY);
    using writer = root.open("f", O_WRONLY);
    refuses("EACCES", () => root.mappings.map(reader, SHARED));
    refuses("EACCES", () => root.mappings.map(writer, { ...SHARED, writable: false }));
    root.mappings.map(reader, { ...SHARED, writable: false }).close();
  },
};

const locks: PosixTests = {
  "flock: one may write or many may read"({ root }) {
    put(root, "f");
    using first = root.open("f", O_RDONLY);
    using second = root.open("f", O_RDWR);
    root.locks.flock(first, "shared");
    root.locks.flock(second, "shared");
    refuses("EAGAIN", () => root.locks.flock(second, "exclusive"));
    root.locks.flock(first, "unlock");
    root.locks.flock(second, "exclusive");
    refuses("EAGAIN", () => root.locks.flock(first, "shared"));
  },
  "flock: belongs to the file, not to its name, and ends with the handle"({ root }) {
    put(root, "f");
    root.link("f", "g");
    using first = root.open("f", O_RDWR);
    using second = root.open("g", O_RDWR);
    root.locks.flock(first, "exclusive");
    root.rename("f", "h");
    refuses("EAGAIN", () => root.locks.flock(second, "exclusive"));
    first.close();
    root.locks.flock(second, "exclusive");
  },
  "ranges: conflict only where they meet"({ root }) {
    put(root, "f", pattern(1000));
    using first = root.open("f", O_RDWR);
    using second = root.open("f", O_RDWR);
    root.locks.lockRange(first, { kind: "exclusive", start: 0, length: 100 });
    root.locks.lockRange(second, { kind: "exclusive", start: 100, length: 100 });
    refuses("EAGAIN", () => root.locks.lockRange(second, { kind: "shared", start: 99, length: 1 }));
    root.locks.lockRange(first, { kind: "unlock", start: 50, length: 50 });
    root.locks.lockRange(second, { kind: "shared", start: 50, length: 150 });
    refuses("EAGAIN", () =>
      root.locks.lockRange(first, { kind: "exclusive", start: 0, length: 0 }),
    );
  },
  "ranges: a lock to the end holds however far the file grows"({ root }) {
    put(root, "f");
    using first = root.open("f", O_RDWR);
    using second = root.open("f", O_RDWR);
    root.locks.lockRange(first, { kind: "exclusive", start: 10, length: 0 });
    const far = { kind: "shared", start: 1_000_000_000_000, length: 1 } as const;
    refuses("EAGAIN", () => root.locks.lockRange(second, far));
    root.locks.lockRange(second, { kind: "exclusive", start: 0, length: 10 });
  },
  "ranges: a lock needs a handle that allows it"({ root }) {
    put(root, "f");
    using reader = root.open("f", O_RDONLY);
    refuses("EBADF", () =>
      root.locks.lockRange(reader, { kind: "exclusive", start: 0, length: 1 }),
    );
    root.locks.lockRange(reader, { kind: "shared", start: 0, length: 1 });
  },
  "processes: a lock keeps another process out until it is given back"({ root }) {
    put(root, "f", "data", 0o666);
    using file = root.open("f", O_RDWR);
    const range = { kind: "exclusive", start: 0, length: 10 } as const;
    root.locks.lockForProcess(file, range);
    assert.equal(root.locks.tryFromAnotherProcess("f", range), "EAGAIN");
    const beside = { ...range, start: 10 };
    assert.equal(root.locks.tryFromAnotherProcess("f", beside), undefined);
    root.locks.lockForProcess(file, { ...range, kind: "unlock" });
    assert.equal(root.locks.tryFromAnotherProcess("f", range), undefined);
    root.locks.lockForProcess(file, range);
  },
};

export const mappingSuite: PosixSuite = posixSuite("mappings", mappings, ["mount"]);
export const lockSuite: PosixSuite = posixSuite("locks", locks, ["mount"]);
