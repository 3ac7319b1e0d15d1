import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkVolume } from "../../../test/support/volume-check.ts";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import type { Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import { FileType, InodeFlag, S_ISUID } from "../../meta/inode.ts";
import { setInodeFlags } from "../../meta/ops/set-inode-flags.ts";
import { allocatedBytes } from "../extent-walk.ts";
import { fallocate, FallocateMode, roomToAllocate } from "./fallocate.ts";

const { KEEP_SIZE, PUNCH_HOLE, COLLAPSE_RANGE, ZERO_RANGE, INSERT_RANGE } = FallocateMode;
const PAGE = 4096;

let harness: VolumeHarness;
let ino: Ino;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  ino = harness.makeFile("a");
});

afterEach(() => harness[Symbol.dispose]());

function run(mode: number, offset: number, length: number): void {
  harness.runFile(fallocate, { ino, mode, offset, length });
}

function refused(code: string, mode: number, offset: number, length: number): void {
  assert.throws(() => run(mode, offset, length), { code });
}

/** Letters, one a page: "abc" is three pages. */
function writePages(text: string, at: number = 0): void {
  for (const [i, letter] of [...text].entries()) {
    harness.write(ino, (at + i) * PAGE, Buffer.alloc(PAGE, letter));
  }
}

/** The file as `writePages` writes it; "." is a page of zeros. */
function pages(): string {
  const bytes = harness.read(ino);
  let text = "";
  for (let at = 0; at < bytes.length; at += PAGE) {
    const page = bytes.subarray(at, at + PAGE);
    assert.ok(page.every((byte) => byte === page[0]));
    text += page[0] === 0 ? "." : String.fromCharCode(page[0]!);
  }
  return text;
}

/** The same, also after everything is stored and after a kill. */
function staysPages(text: string): void {
  assert.equal(pages(), text);
  harness.reopen("kill");
  assert.equal(pages(), text, "after replay");
  harness.settle();
  assert.equal(pages(), text, "once stored");
  checkVolume(harness);
}

describe("fallocate", () => {
  it("allocates zeros behind and between data, and moves the end unless told to keep it", () => {
    writePages("ab");
    run(0, 0, 4 * PAGE);
    assert.equal(harness.inode(ino).size, 4 * PAGE);
    assert.equal(allocatedBytes(harness.state, harness.inode(ino)), 4 * PAGE);
    run(KEEP_SIZE, 4 * PAGE, PAGE);
    assert.equal(harness.inode(ino).size, 4 * PAGE);
    assert.equal(allocatedBytes(harness.state, harness.inode(ino)), 5 * PAGE);
    staysPages("ab..");
    assert.equal(harness.inode(ino).allocated, 5 * PAGE);
  });

  it("punches holes into dirty, pending and stored data", () => {
    writePages("abcdef");
    harness.settle();
    writePages("CD", 2);
    harness.core.cut();
    writePages("D", 3);
    run(PUNCH_HOLE | KEEP_SIZE, PAGE, 3 * PAGE);
    staysPages("a...ef");
    assert.equal(harness.inode(ino).allocated, 3 * PAGE);
  });

  it("punches a hole whose end lies beyond any file, as the kernel may ask", () => {
    writePages("abc");
    run(PUNCH_HOLE | KEEP_SIZE, 2 * PAGE, FILE_SIZE_MAX);
    staysPages("ab.");
  });

  it("zeroes a range, which stays allocated", () => {
    writePages("abc");
    run(ZERO_RANGE, PAGE, 3 * PAGE);
    staysPages("a...");
    assert.equal(harness.inode(ino).allocated, 4 * PAGE);
    run(ZERO_RANGE | KEEP_SIZE, 0, 9 * PAGE);
    staysPages("....");
  });

  it("collapses a range, with a dirty piece across each of its ends", () => {
    writePages("abcdef");
    harness.settle();
    harness.write(ino, PAGE, Buffer.alloc(2 * PAGE, "X"));
    harness.write(ino, 3 * PAGE, Buffer.alloc(2 * PAGE, "Y"));
    run(COLLAPSE_RANGE, 2 * PAGE, 2 * PAGE);
    staysPages("aXYf");
  });

  it("inserts a range inside one dirty piece and inside one stored slice", () => {
    harness.write(ino, 0, Buffer.alloc(4 * PAGE, "s"));
    harness.settle();
    run(INSERT_RANGE, PAGE, PAGE);
    harness.write(ino, 3 * PAGE, Buffer.alloc(2 * PAGE, "d"));
    run(INSERT_RANGE, 4 * PAGE, 2 * PAGE);
    staysPages("s.sd..d");
    const packs = [...harness.state.packs.values()].filter(({ refCount }) => refCount > 0);
    assert.ok(packs.length > 0);
  });

  it("shifts data over the border of a region, many times", () => {
    writePages("abcdefgh");
    harness.settle();
    for (let i = 0; i < 5; i++) run(INSERT_RANGE, 2 * PAGE, 1024 * PAGE);
    for (let i = 0; i < 5; i++) run(COLLAPSE_RANGE, 2 * PAGE, 1024 * PAGE);
    staysPages("abcdefgh");
  });

  it("takes set-id bits from an unprivileged caller's file", () => {
    harness.state.meta.requireInode(ino).mode |= S_ISUID;
    const args = { ino, mode: 0, offset: 0, length: 1 };
    harness.runFile(fallocate, args, harness.caller({ privileged: false, uid: 5 }));
    assert.equal(harness.inode(ino).mode & S_ISUID, 0);
  });
});

describe("fallocate refuses", () => {
  it("modes that do not exist or do not go together", () => {
    writePages("ab");
    refused("EOPNOTSUPP", PUNCH_HOLE, 0, PAGE);
    refused("EOPNOTSUPP", COLLAPSE_RANGE | KEEP_SIZE, 0, PAGE);
    refused("EOPNOTSUPP", COLLAPSE_RANGE | INSERT_RANGE, 0, PAGE);
    refused("EOPNOTSUPP", ZERO_RANGE | PUNCH_HOLE | KEEP_SIZE, 0, PAGE);
    refused("EOPNOTSUPP", 4, 0, PAGE);
  });

  it("empty ranges, and shifts that are not whole pages inside the file", () => {
    writePages("abc");
    refused("EINVAL", 0, 0, 0);
    refused("EINVAL", COLLAPSE_RANGE, 1, PAGE);
    refused("EINVAL", COLLAPSE_RANGE, 0, PAGE + 1);
    refused("EINVAL", COLLAPSE_RANGE, PAGE, 2 * PAGE);
    refused("EINVAL", INSERT_RANGE, 3 * PAGE, PAGE);
    assert.equal(pages(), "abc");
  });

  it("what passes the largest file, and more than the volume could count", () => {
    refused("EFBIG", 0, FILE_SIZE_MAX, 1);
    refused("EFBIG", KEEP_SIZE, 1, FILE_SIZE_MAX);
    refused("EFBIG", ZERO_RANGE | KEEP_SIZE, 1, FILE_SIZE_MAX);
    run(KEEP_SIZE, 0, 2 ** 52);
    refused("ENOSPC", KEEP_SIZE, 2 ** 52, 2 ** 51);
    assert.equal(harness.state.meta.byteCount, 2 ** 52);
    writePages("ab");
    refused("EFBIG", INSERT_RANGE, 0, FILE_SIZE_MAX - 4095);
  });

  it("what is no file, immutable, or append-only but to be allocated", () => {
    const directory = harness.makeFile("d", { mode: FileType.DIRECTORY | 0o755 });
    const fifo = harness.makeFile("p", { mode: FileType.FIFO | 0o600 });
    const on =
      (other: Ino): (() => void) =>
      () =>
        harness.runFile(fallocate, { ino: other, mode: 0, offset: 0, length: 1 });
    assert.throws(on(directory), { code: "EISDIR" });
    assert.throws(on(fifo), { code: "ENODEV" });
    harness.runMeta(setInodeFlags, { ino, flags: InodeFlag.APPEND, projid: 0 });
    run(0, 0, PAGE);
    refused("EPERM", PUNCH_HOLE | KEEP_SIZE, 0, PAGE);
    harness.runMeta(setInodeFlags, { ino, flags: InodeFlag.IMMUTABLE, projid: 0 });
    refused("EPERM", 0, 0, PAGE);
  });
});

describe("the room that fallocate asks for", () => {
  const room = (mode: number, offset: number, length: number): number =>
    roomToAllocate(harness.state, { ino, mode, offset, length });

  it("is what neither stored nor dirty data nor an earlier allocation covers", () => {
    writePages("abc");
    assert.equal(room(0, 0, 3 * PAGE), 0);
    assert.equal(room(KEEP_SIZE, PAGE, 10 * PAGE), 8 * PAGE);
    harness.settle();
    writePages("xy", 2);
    run(KEEP_SIZE, 6 * PAGE, PAGE);
    assert.equal(room(0, 100, 10 * PAGE), 5 * PAGE + 100);
    assert.equal(room(ZERO_RANGE, 4 * PAGE, PAGE), PAGE);
    assert.equal(room(0, 2 ** 40, 2 ** 41), 2 ** 41);
  });

  it("is none for what frees or moves, is no file, or passes the largest one", () => {
    assert.equal(room(PUNCH_HOLE | KEEP_SIZE, 0, 2 ** 40), 0);
    assert.equal(room(COLLAPSE_RANGE, 0, 2 ** 40), 0);
    assert.equal(room(INSERT_RANGE, 0, 2 ** 40), 0);
    assert.equal(room(0, 1, FILE_SIZE_MAX), 0);
    ino = harness.makeFile("d", { mode: FileType.DIRECTORY | 0o755 });
    assert.equal(room(0, 0, 2 ** 40), 0);
  });
});
