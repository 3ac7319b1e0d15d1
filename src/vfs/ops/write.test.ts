import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { BLOCK_SIZE_MAX, FILE_SIZE_MAX } from "../../core/limits.ts";
import { FileType, InodeFlag, S_ISGID, S_ISUID } from "../../meta/inode.ts";
import { setInodeFlags } from "../../meta/ops/set-inode-flags.ts";
import { setxattr } from "../../meta/ops/setxattr.ts";
import { CAPABILITY_NAME } from "../../meta/xattr-store.ts";
import { setattr } from "./setattr.ts";

let harness: VolumeHarness;
let ino: Ino;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  ino = harness.makeFile("a");
});

afterEach(() => harness[Symbol.dispose]());

interface Changes {
  readonly append?: boolean;
  readonly killSuidgid?: boolean;
  readonly to?: Ino;
}

/** Returns where the data went. */
function write(offset: number, text: string, changes: Changes = {}): number {
  const buffer = Buffer.concat([Buffer.alloc(80), Buffer.from(text)]);
  const { append = false, killSuidgid = false, to = ino } = changes;
  const request = { ino: to, offset, length: text.length, append, killSuidgid };
  return harness.core.executor.write(harness.caller(), request, buffer, 0);
}

describe("a write", () => {
  it("is read back at once, grows the file and stamps it", () => {
    harness.clock.advance(3000);
    assert.equal(write(3, "abc"), 3);
    assert.equal(harness.read(ino).toString(), "\0\0\0abc");
    assert.equal(harness.inode(ino).mtimeSec, harness.caller().now.sec);
    assert.equal(harness.state.dirty.byteCount, 3);
  });

  it("over the border of a region is one record, and two pieces", () => {
    write(BLOCK_SIZE_MAX - 2, "abcd");
    assert.equal(harness.state.dirty.pieceCount, 2);
    assert.equal(harness.read(ino, BLOCK_SIZE_MAX - 3).toString(), "\0abcd");
  });

  it("with O_APPEND goes to the end, wherever the caller thinks that is", () => {
    write(0, "12345");
    assert.equal(write(2, "678", { append: true }), 5);
    assert.equal(harness.read(ino).toString(), "12345678");
    harness.reopen("kill");
    assert.equal(harness.read(ino).toString(), "12345678");
  });

  it("takes set-id bits away when told, and the capability always", () => {
    harness.runFile(setattr, { ino, mode: 0o6755 });
    const value = Buffer.from("0100000200000000000000000000000000000000", "hex");
    const args = { ino, name: CAPABILITY_NAME, value, flags: 0, killSgid: false };
    harness.runMeta(setxattr, args);
    assert.ok(harness.inode(ino).has(InodeFlag.CAPABILITY));
    write(0, "x");
    assert.equal(harness.inode(ino).mode & (S_ISUID | S_ISGID), S_ISUID | S_ISGID);
    assert.ok(!harness.inode(ino).has(InodeFlag.CAPABILITY));
    write(0, "x", { killSuidgid: true });
    assert.equal(harness.inode(ino).mode & (S_ISUID | S_ISGID), 0);
  });

  it("refuses what is gone, no file, too large, immutable, or append-only and not appended", () => {
    const directory = harness.makeFile("d", { mode: FileType.DIRECTORY | 0o755 });
    const fifo = harness.makeFile("p", { mode: FileType.FIFO | 0o600 });
    assert.throws(() => write(0, "x", { to: toIno(99) }), { code: "ESTALE" });
    assert.throws(() => write(0, "x", { to: directory }), { code: "EISDIR" });
    assert.throws(() => write(0, "x", { to: fifo }), { code: "EINVAL" });
    assert.throws(() => write(FILE_SIZE_MAX, "x"), { code: "EFBIG" });
    const { lastJsn } = harness.core.journal;
    harness.runMeta(setInodeFlags, { ino, flags: InodeFlag.APPEND, projid: 0 });
    assert.throws(() => write(0, "x"), { code: "EPERM" });
    write(0, "x", { append: true });
    harness.runMeta(setInodeFlags, { ino, flags: InodeFlag.IMMUTABLE, projid: 0 });
    assert.throws(() => write(0, "x", { append: true }), { code: "EPERM" });
    assert.equal(harness.core.journal.lastJsn, lastJsn + 3);
  });

  it("appended at the largest size is refused, wherever the caller thinks the end is", () => {
    harness.runFile(setattr, { ino, size: FILE_SIZE_MAX });
    assert.throws(() => write(0, "x", { append: true }), { code: "EFBIG" });
    assert.equal(harness.inode(ino).size, FILE_SIZE_MAX);
  });
});
