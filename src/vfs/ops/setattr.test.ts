import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkVolume } from "../../../test/support/volume-check.ts";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import type { Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import { FileType } from "../../meta/inode.ts";
import { fallocate, FallocateMode } from "./fallocate.ts";
import { setattr } from "./setattr.ts";

let harness: VolumeHarness;
let ino: Ino;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  ino = harness.makeFile("a");
});

afterEach(() => harness[Symbol.dispose]());

function truncate(size: number, of: Ino = ino): void {
  harness.runFile(setattr, { ino: of, size });
}

describe("truncating", () => {
  it("forgets dirty, pending and stored data: a file that grows again reads zeros there", () => {
    harness.write(ino, 0, "stored stored stored");
    harness.settle();
    harness.write(ino, 8, "PENDING");
    harness.core.cut();
    harness.write(ino, 12, "dirty");
    truncate(13);
    truncate(25);
    const wanted = "stored sPENDd".padEnd(25, "\0");
    assert.equal(harness.read(ino).toString(), wanted);
    harness.reopen("kill");
    assert.equal(harness.read(ino).toString(), wanted);
    harness.settle();
    assert.equal(harness.read(ino).toString(), wanted);
    assert.equal(harness.inode(ino).allocated, 13);
    checkVolume(harness);
  });

  it("gives back what was allocated behind the end, also when the size stays", () => {
    harness.write(ino, 0, "x");
    harness.runFile(fallocate, { ino, mode: FallocateMode.KEEP_SIZE, offset: 0, length: 8192 });
    assert.equal(harness.inode(ino).allocated, 8192);
    truncate(1);
    assert.equal(harness.inode(ino).allocated, 1);
  });

  it("to a later size and to the largest costs no space", () => {
    harness.write(ino, 0, "x");
    truncate(FILE_SIZE_MAX);
    assert.equal(harness.inode(ino).size, FILE_SIZE_MAX);
    harness.settle();
    assert.equal(harness.inode(ino).allocated, 1);
    harness.reopen("kill");
    assert.deepEqual([...harness.read(ino, FILE_SIZE_MAX - 2)], [0, 0]);
    assert.throws(() => truncate(FILE_SIZE_MAX + 1), { code: "EFBIG" });
  });

  it("stamps mtime and ctime, and keeps mode and owner", () => {
    harness.clock.advance(5000);
    truncate(0);
    const { sec } = harness.caller().now;
    const { mtimeSec, ctimeSec, mode } = harness.inode(ino);
    assert.deepEqual([mtimeSec, ctimeSec, mode], [sec, sec, FileType.REGULAR | 0o644]);
  });

  it("refuses directories and what has no bytes", () => {
    const directory = harness.makeFile("d", { mode: FileType.DIRECTORY | 0o755 });
    const fifo = harness.makeFile("p", { mode: FileType.FIFO | 0o600 });
    assert.throws(() => truncate(0, directory), { code: "EISDIR" });
    assert.throws(() => truncate(0, fifo), { code: "EINVAL" });
    harness.runFile(setattr, { ino: directory, mode: 0o700 });
    assert.equal(harness.inode(directory).mode, FileType.DIRECTORY | 0o700);
  });
});
