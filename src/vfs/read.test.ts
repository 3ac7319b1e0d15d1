import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { noise, VolumeHarness } from "../../test/support/volume-harness.ts";
import { CorruptError } from "../core/fs-error.ts";
import { toPackId, type Ino } from "../core/ids.ts";
import { BLOCK_SIZE_MAX, FRAME_SIZE } from "../core/limits.ts";
import { Prng } from "../core/prng.ts";
import { fallocate, FallocateMode } from "./ops/fallocate.ts";
import { placeSlice } from "./slice-map.ts";

const SPAN = 40_000;
/** Around the end of a region, so that layers cross it. */
const BASE = BLOCK_SIZE_MAX - SPAN / 2;

let harness: VolumeHarness;
let ino: Ino;

beforeEach(async () => {
  harness = await VolumeHarness.create({ compression: "adaptive" });
  ino = harness.makeFile("a");
});

afterEach(() => harness[Symbol.dispose]());

describe("reading", () => {
  it("gives dirty over pending over stored over zeros, at random ranges", () => {
    const prng = new Prng(7);
    const model = Buffer.alloc(BASE + SPAN);
    const writeSome = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const at = BASE + prng.below(SPAN);
        const bytes = Buffer.alloc(1 + prng.below(Math.min(3000, model.length - at)));
        if (prng.below(2) === 0) prng.fill(bytes);
        else bytes.fill(1 + prng.below(255));
        harness.write(ino, at, bytes);
        model.set(bytes, at);
      }
    };
    const punch = (): void => {
      const offset = BASE + prng.below(SPAN);
      const length = 1 + prng.below(5000);
      const mode = FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE;
      harness.runFile(fallocate, { ino, mode, offset, length });
      model.fill(0, offset, offset + length);
    };
    writeSome(12);
    harness.settle();
    punch();
    writeSome(6);
    harness.core.cut();
    punch();
    writeSome(4);
    const size = harness.inode(ino).size;
    const into = Buffer.alloc(20_000);
    for (let i = 0; i < 2000; i++) {
      const offset = BASE - 100 + prng.below(SPAN + 200);
      const length = prng.below(8000);
      const at = prng.below(1000);
      into.fill(0xee);
      const count = harness.core.reader.read(harness.inode(ino), { offset, length }, into, at);
      assert.equal(count, Math.max(0, Math.min(size, offset + length) - offset));
      assert.ok(into.subarray(at, at + count).equals(model.subarray(offset, offset + count)));
      assert.ok(
        into.subarray(0, at).every((byte) => byte === 0xee),
        "nothing before it is touched",
      );
      assert.ok(
        into.subarray(at + count).every((byte) => byte === 0xee),
        "nor behind it",
      );
    }
  });

  it("of a damaged frame fails with EIO, and every other range stays readable", () => {
    harness.write(ino, 0, noise(FRAME_SIZE));
    const second = noise(FRAME_SIZE);
    harness.write(ino, FRAME_SIZE, second);
    harness.settle();
    const path = harness.packPath(toPackId(1));
    const bytes = readFileSync(path);
    bytes[FRAME_SIZE / 2]! ^= 1;
    writeFileSync(path, bytes);
    harness.reopen("close");
    assert.throws(() => harness.read(ino, 0, 10), { code: "EIO" });
    assert.ok(harness.read(ino, FRAME_SIZE, 1000).equals(second.subarray(0, 1000)));
    harness.write(ino, 0, "healed");
    assert.equal(harness.read(ino, 0, 6).toString(), "healed");
  });

  it("of a plan that has no such block is corruption, not a crash of another kind", () => {
    harness.write(ino, 0, "abc");
    harness.core.cut();
    const row = { pos: 0, length: 3, pack: toPackId(1), index: 7, offset: 0 };
    placeSlice(harness.state, harness.inode(ino), row);
    assert.throws(() => harness.read(ino), CorruptError);
    placeSlice(harness.state, harness.inode(ino), { ...row, index: 0, length: 4 });
    harness.state.meta.requireInode(ino).size = 4;
    assert.throws(() => harness.read(ino), CorruptError);
  });
});
