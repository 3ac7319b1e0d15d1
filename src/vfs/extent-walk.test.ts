import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { VolumeHarness } from "../../test/support/volume-harness.ts";
import type { Ino } from "../core/ids.ts";
import { BLOCK_SIZE_MAX, FILE_SIZE_MAX } from "../core/limits.ts";
import { allocatedBytes, seekData, seekHole } from "./extent-walk.ts";
import { fallocate, FallocateMode } from "./ops/fallocate.ts";
import { setattr } from "./ops/setattr.ts";

const PAGE = 4096;

let harness: VolumeHarness;
let ino: Ino;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  ino = harness.makeFile("a");
});

afterEach(() => harness[Symbol.dispose]());

const data = (offset: number): number => seekData(harness.state, harness.inode(ino), offset);
const hole = (offset: number): number => seekHole(harness.state, harness.inode(ino), offset);
const allocated = (): number => allocatedBytes(harness.state, harness.inode(ino));
const NOTHING = { code: "ENXIO" };

describe("SEEK_DATA and SEEK_HOLE", () => {
  it("see dirty, pending and stored data as one, and what is between as holes", () => {
    harness.write(ino, PAGE, "x".repeat(PAGE / 2));
    harness.settle();
    harness.write(ino, 1.5 * PAGE, "y".repeat(PAGE));
    harness.core.cut();
    harness.write(ino, 2.5 * PAGE, "z".repeat(PAGE / 2));
    harness.write(ino, 5 * PAGE, "w");
    assert.deepEqual([data(0), hole(0)], [PAGE, 0]);
    assert.deepEqual([data(PAGE + 7), hole(PAGE + 7)], [PAGE + 7, 3 * PAGE]);
    assert.deepEqual([data(3 * PAGE), hole(3 * PAGE)], [5 * PAGE, 3 * PAGE]);
    assert.deepEqual([data(5 * PAGE), hole(5 * PAGE)], [5 * PAGE, 5 * PAGE + 1]);
  });

  it("widen data to whole blocks, but not past the end of the file", () => {
    harness.write(ino, 100, "x");
    harness.write(ino, 3 * PAGE - 1, "y");
    harness.runFile(setattr, { ino, size: 3 * PAGE + 1 });
    for (const how of ["dirty", "stored"]) {
      assert.deepEqual([data(0), data(50), data(200)], [0, 50, 200], how);
      assert.deepEqual([hole(0), hole(PAGE), data(PAGE)], [PAGE, PAGE, 2 * PAGE], how);
      assert.equal(hole(2 * PAGE), 3 * PAGE, how);
      assert.throws(() => data(3 * PAGE), NOTHING, how);
      harness.settle();
    }
  });

  it("have nothing at and behind the end, which counts as a hole", () => {
    assert.throws(() => data(0), NOTHING);
    assert.throws(() => hole(0), NOTHING);
    harness.write(ino, 0, "abc");
    assert.equal(hole(2), 3);
    assert.throws(() => data(3), NOTHING);
    assert.throws(() => hole(3), NOTHING);
    harness.runFile(setattr, { ino, size: 2 * PAGE });
    assert.throws(() => data(PAGE), NOTHING);
    assert.deepEqual([hole(0), hole(PAGE + 5)], [PAGE, PAGE + 5]);
  });

  it("take allocated zeros for a hole", () => {
    harness.runFile(fallocate, { ino, mode: 0, offset: 0, length: 3 * PAGE });
    assert.throws(() => data(0), NOTHING);
    harness.write(ino, PAGE, "x");
    harness.settle();
    assert.deepEqual([data(0), hole(0), hole(PAGE)], [PAGE, 0, 2 * PAGE]);
  });

  it("find one byte at the end of the largest file at once", () => {
    const end = FILE_SIZE_MAX - 1;
    const block = end - (end % PAGE);
    harness.runFile(setattr, { ino, size: FILE_SIZE_MAX });
    harness.write(ino, end, "x");
    assert.equal(data(0), block);
    harness.settle();
    assert.equal(data(1), block);
    assert.equal(hole(0), 0);
    assert.equal(hole(end), FILE_SIZE_MAX);
  });
});

describe("allocated bytes", () => {
  it("count each covered byte once, in whatever layer it is", () => {
    assert.equal(allocated(), 0);
    harness.write(ino, 0, "x".repeat(1000));
    assert.equal(allocated(), 1000);
    harness.settle();
    harness.write(ino, 500, "y".repeat(1000));
    assert.equal(allocated(), 1500);
    harness.write(ino, 0, "z");
    harness.write(ino, 2000, "w");
    assert.equal(allocated(), 1501);
    harness.core.cut();
    assert.equal(allocated(), 1501);
    assert.equal(harness.inode(ino).allocated, 1501);
  });

  it("are right where one dirty piece covers several slices, and the other way round", () => {
    for (let i = 0; i < 5; i++) {
      harness.write(ino, i * 100, "x".repeat(50));
      harness.settle();
    }
    harness.write(ino, 20, "y".repeat(300));
    assert.equal(allocated(), 20 + 300 + 30 + 50);
    harness.write(ino, 400, "a");
    harness.write(ino, 410, "b");
    assert.equal(allocated(), 400);
    harness.settle();
    assert.equal(allocated(), 400);
  });

  it("count data on both sides of a region's border, and allocated zeros", () => {
    harness.write(ino, BLOCK_SIZE_MAX - 10, "x".repeat(20));
    const mode = FallocateMode.KEEP_SIZE;
    harness.runFile(fallocate, { ino, mode, offset: BLOCK_SIZE_MAX, length: 100 });
    assert.equal(allocated(), 10 + 100);
    harness.settle();
    assert.equal(allocated(), 110);
  });
});
