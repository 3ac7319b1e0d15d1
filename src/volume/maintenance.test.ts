import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkSettled } from "../../test/support/volume-check.ts";
import { noise, VolumeHarness } from "../../test/support/volume-harness.ts";
import { ROOT_INO, toPackId, type Ino } from "../core/ids.ts";
import { BLOCK_SIZE_MAX } from "../core/limits.ts";
import { unlink } from "../meta/ops/unlink.ts";
import { copyRange } from "../vfs/ops/copy-range.ts";
import { reap } from "../vfs/ops/reap.ts";

const MIB = 1024 * 1024;

let harness: VolumeHarness;

beforeEach(async () => {
  harness = await VolumeHarness.create({
    compression: "none",
    limits: { segmentSize: 16 * MIB, totalSizeMax: 10 * 16 * MIB },
  });
});

afterEach(() => harness[Symbol.dispose]());

function makeFilled(name: string, size: number): { ino: Ino; bytes: Buffer } {
  const ino = harness.makeFile(name);
  const bytes = Buffer.from(noise(size));
  for (let at = 0; at < size; at += MIB / 2) {
    harness.write(ino, at, bytes.subarray(at, Math.min(size, at + MIB / 2)));
  }
  return { ino, bytes };
}

function remove(name: string, ino: Ino): void {
  harness.runMeta(unlink, { parent: ROOT_INO, name });
  harness.runFile(reap, { inos: [ino] });
}

describe("maintenance", () => {
  it("empties a pack with little live data, which then goes", () => {
    const kept = makeFilled("kept", MIB);
    const gone = makeFilled("gone", 3 * MIB);
    harness.settle();
    remove("gone", gone.ino);
    harness.settle();
    const before = harness.state.packs.storedSize;
    const maintenance = harness.maintenance();
    assert.ok(maintenance.step());
    harness.settle();
    assert.ok(harness.state.packs.storedSize < before / 2);
    assert.deepEqual(harness.storedPacks(), [toPackId(2)]);
    assert.ok(harness.read(kept.ino).equals(kept.bytes));
    assert.equal(maintenance.step(), false, "nothing is left to do");
    checkSettled(harness);
  });

  it("finds what has moved away or is shared, by looking through the whole table", () => {
    const first = makeFilled("first", 4096);
    const rest = makeFilled("rest", MIB);
    const second = harness.makeFile("second");
    harness.settle();
    const range = { source: first.ino, sourceOffset: 0, target: second, targetOffset: 9 };
    harness.runFile(copyRange, { ...range, length: 4096 });
    remove("first", first.ino);
    remove("rest", rest.ino);
    harness.settle();
    assert.ok(harness.maintenance().step());
    harness.settle();
    assert.deepEqual(harness.storedPacks(), [toPackId(2)]);
    assert.ok(harness.read(second, 9).equals(first.bytes));
  });

  it("merges many small packs into one", () => {
    const files = Array.from({ length: 16 }, (_, i) => {
      const file = makeFilled(`f${i}`, 1000);
      harness.settle();
      return file;
    });
    assert.equal(harness.storedPacks().length, 16);
    assert.ok(harness.maintenance().step());
    harness.settle();
    assert.equal(harness.storedPacks().length, 1);
    for (const { ino, bytes } of files) assert.ok(harness.read(ino).equals(bytes));
    checkSettled(harness);
  });

  it("makes one slice of a region that a read found in many", () => {
    const { ino, bytes } = makeFilled("a", 400_000);
    harness.settle();
    for (let at = 5000; at < 400_000; at += 10_000) {
      harness.write(ino, at, "patch");
      bytes.write("patch", at);
    }
    harness.settle();
    const rowCount = (): number =>
      harness.state.meta.tables.slices.overlapping(ino, 0, BLOCK_SIZE_MAX).length;
    assert.ok(rowCount() > 64);
    assert.ok(harness.read(ino).equals(bytes));
    assert.ok(harness.maintenance().step());
    assert.equal(rowCount(), 1);
    assert.ok(harness.read(ino).equals(bytes));
    harness.settle();
    assert.ok(harness.read(ino).equals(bytes));
    checkSettled(harness);
  });

  it("goes on in further steps where one would be too large, and comes to an end", () => {
    const kept = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => {
      const pair = { kept: makeFilled(`k${i}`, 2.5 * MIB), gone: makeFilled(`g${i}`, 3 * MIB) };
      harness.settle();
      return pair;
    });
    for (const [i, { gone }] of kept.entries()) remove(`g${i}`, gone.ino);
    harness.settle();
    const maintenance = harness.maintenance();
    let stepCount = 0;
    for (; maintenance.step(); stepCount++) {
      assert.ok(stepCount < 10, "it comes to an end");
      harness.settle();
    }
    assert.ok(stepCount >= 2);
    assert.equal(maintenance.rewrittenSize, 10 * 2.5 * MIB);
    for (const row of harness.state.packs.values()) {
      assert.ok(row.liveSize >= row.plainSize / 2);
      assert.ok(row.plainSize <= 16 * MIB);
    }
    for (const { kept: file } of kept) assert.ok(harness.read(file.ino).equals(file.bytes));
    checkSettled(harness);
  });

  it("leaves a pack alone whose index is damaged, and goes on with others", () => {
    const damaged = makeFilled("damaged", 4096);
    const filler = makeFilled("filler", MIB);
    harness.settle();
    const good = makeFilled("good", 4096);
    const filler2 = makeFilled("filler2", MIB);
    harness.settle();
    remove("filler", filler.ino);
    remove("filler2", filler2.ino);
    harness.settle();
    writeFileSync(harness.packPath(toPackId(1)), "no pack");
    assert.ok(harness.maintenance().step());
    assert.ok(harness.state.packs.dead.has(toPackId(2)), "the other was rewritten");
    assert.ok(!harness.state.packs.dead.has(toPackId(1)));
    assert.equal(harness.inode(damaged.ino).size, 4096);
    assert.equal(harness.inode(good.ino).size, 4096);
  });

  it("steps at most every two seconds, and never while packs are pending", () => {
    makeFilled("kept", MIB);
    const gone = makeFilled("gone", 3 * MIB);
    harness.settle();
    remove("gone", gone.ino);
    harness.settle();
    const maintenance = harness.maintenance();
    harness.clock.advance(1999);
    assert.equal(maintenance.tick(), false);
    makeFilled("other", 1000);
    harness.core.cut();
    harness.clock.advance(1);
    assert.equal(maintenance.tick(), false, "a pack is pending");
    harness.settle();
    harness.clock.advance(2000);
    assert.equal(maintenance.tick(), true);
  });
});
