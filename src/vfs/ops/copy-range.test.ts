import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkSettled, checkVolume } from "../../../test/support/volume-check.ts";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import { ROOT_INO, type Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import { FileType, InodeFlag, S_ISUID } from "../../meta/inode.ts";
import { setInodeFlags } from "../../meta/ops/set-inode-flags.ts";
import { unlink } from "../../meta/ops/unlink.ts";
import { copyRange } from "./copy-range.ts";
import { reap } from "./reap.ts";

let harness: VolumeHarness;
let source: Ino;
let target: Ino;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  source = harness.makeFile("source");
  target = harness.makeFile("target");
});

afterEach(() => harness[Symbol.dispose]());

function copy(from: number, to: number, length: number, into: Ino = target): number {
  const args = { source, sourceOffset: from, target: into, targetOffset: to, length };
  return harness.runFile(copyRange, args).length;
}

/** The same text now, after a kill, and once everything is stored. */
function stays(ino: Ino, text: string): void {
  const read = (): string => harness.read(ino).toString("latin1").replaceAll("\0", ".");
  assert.equal(read(), text);
  harness.reopen("kill");
  assert.equal(read(), text, "after replay");
  harness.settle();
  assert.equal(read(), text, "once stored");
  checkVolume(harness);
}

describe("copy_range", () => {
  it("shares dirty, pending and stored data, and no byte is written again", () => {
    harness.write(source, 0, "stored stored ");
    harness.settle();
    harness.write(source, 5, "PENDING");
    harness.core.cut();
    harness.write(source, 9, "dirty");
    const { liveSize } = harness.core.journal;
    assert.equal(copy(2, 3, 100), 12);
    assert.equal(harness.core.journal.liveSize, liveSize);
    stays(target, "...orePENDdirty");
    stays(source, "storePENDdirty");
  });

  it("copies inside one file whose one dirty piece holds source and target", () => {
    harness.write(source, 0, "0123456789abcdefghij");
    assert.equal(copy(15, 5, 5, source), 5);
    stays(source, "01234fghijabcdefghij");
    harness.write(source, 0, "0123456789abcdefghij");
    assert.equal(copy(0, 10, 5, source), 5);
    stays(source, "012345678901234fghij");
  });

  it("copies inside one file whose one slice holds source and target", () => {
    harness.write(source, 0, "0123456789abcdefghij");
    harness.settle();
    assert.equal(copy(15, 5, 5, source), 5);
    stays(source, "01234fghijabcdefghij");
  });

  it("keeps holes, ends at the source's end, and clears what the target had there", () => {
    harness.write(source, 0, "ab");
    harness.write(source, 8, "cd");
    harness.write(target, 0, "XXXXXXXXXXXXXXXX");
    assert.equal(copy(0, 2, 1000), 10);
    stays(target, "XXab......cdXXXX");
    assert.equal(harness.inode(target).allocated, 10);
    assert.equal(copy(50, 0, 10), 0);
    assert.equal(copy(FILE_SIZE_MAX, 0, 10), 0);
  });

  it("keeps a pack for as long as one of the sharers is there", () => {
    harness.write(source, 0, "shared by two");
    harness.settle();
    copy(0, 0, 100);
    harness.runMeta(unlink, { parent: ROOT_INO, name: "source" });
    harness.runFile(reap, { inos: [source] });
    harness.settle();
    stays(target, "shared by two");
    harness.runMeta(unlink, { parent: ROOT_INO, name: "target" });
    harness.runFile(reap, { inos: [target] });
    harness.settle();
    assert.deepEqual(harness.storedPacks(), []);
    checkSettled(harness);
  });

  it("takes set-id bits from an unprivileged caller's target", () => {
    harness.write(source, 0, "x");
    harness.state.meta.requireInode(target).mode |= S_ISUID;
    const args = { source, sourceOffset: 0, target, targetOffset: 0, length: 1 };
    harness.runFile(copyRange, args, harness.caller({ privileged: false, uid: 5 }));
    assert.equal(harness.inode(target).mode & S_ISUID, 0);
  });

  it("refuses overlaps in one file, and targets past the largest file", () => {
    harness.write(source, 0, "0123456789");
    assert.throws(() => copy(0, 5, 6, source), { code: "EINVAL" });
    assert.equal(copy(0, 5, 5, source), 5);
    assert.throws(() => copy(0, FILE_SIZE_MAX - 5, 10), { code: "EFBIG" });
  });

  it("refuses what is no file, and immutable and append-only targets", () => {
    const directory = harness.makeFile("d", { mode: FileType.DIRECTORY | 0o755 });
    const fifo = harness.makeFile("p", { mode: FileType.FIFO | 0o600 });
    assert.throws(() => copy(0, 0, 1, directory), { code: "EISDIR" });
    assert.throws(() => copy(0, 0, 1, fifo), { code: "EINVAL" });
    for (const flags of [InodeFlag.IMMUTABLE, InodeFlag.APPEND]) {
      harness.runMeta(setInodeFlags, { ino: target, flags, projid: 0 });
      assert.throws(() => copy(0, 0, 1), { code: "EPERM" });
    }
  });
});
