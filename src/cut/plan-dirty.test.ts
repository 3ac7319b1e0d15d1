import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkVolume } from "../../test/support/volume-check.ts";
import {
  addFile,
  makeFileState,
  type FileStateFixture,
} from "../../test/support/file-state-fixture.ts";
import { BLOCK_SIZE_MAX, PACK_BLOCK_COUNT_MAX, PACK_SIZE_TARGET } from "../core/limits.ts";
import type { Inode } from "../meta/inode.ts";
import type { RecordData } from "../vfs/dirty-data.ts";
import { decodePlan, type PlannedPack } from "../vfs/planned-pack.ts";
import { DirtyPlanner, planDirty } from "./plan-dirty.ts";

const MIB = 1024 * 1024;

function record(segment: number, dataLength: number): RecordData {
  return { segment, dataAt: 4096, dataLength, dataCrc: 1 };
}

function put({ state }: FileStateFixture, inode: Inode, start: number, length: number): void {
  state.dirty.put(inode.ino, start, length, record(1, length), 0);
}

/** Blocks as [ino, pos, length], a list a pack. */
function shape(packs: readonly PlannedPack[]): number[][][] {
  return packs.map(({ blocks }) => blocks.map(({ ino, pos, length }) => [ino, pos, length]));
}

/** Every plan in the tables is the pack that is pending. */
function checkPlans({ state, tables }: FileStateFixture): void {
  for (const { pack, plan } of tables.plans.list()) {
    const decoded = decodePlan(pack, plan);
    const pending = state.pending.get(pack);
    assert.deepEqual(decoded.blocks, pending?.blocks);
    assert.equal(decoded.plainSize, state.packs.require(pack).plainSize);
  }
}

describe("planning dirty data", () => {
  it("makes one block of neighbouring pieces, and breaks at gaps and at region borders", () => {
    const fixture = makeFileState();
    const inode = addFile(fixture, "a");
    put(fixture, inode, 0, 10);
    put(fixture, inode, 10, 10);
    put(fixture, inode, 30, 5);
    put(fixture, inode, BLOCK_SIZE_MAX - 5, 10);
    const { ino } = inode;
    assert.deepEqual(shape(planDirty(fixture.state)), [
      [
        [ino, 0, 20],
        [ino, 30, 5],
        [ino, BLOCK_SIZE_MAX - 5, 5],
        [ino, BLOCK_SIZE_MAX, 5],
      ],
    ]);
    assert.equal(fixture.state.dirty.byteCount, 0);
    assert.equal(inode.allocated, 35);
    checkVolume(fixture);
    checkPlans(fixture);
  });

  it("fills packs in the order in which files became dirty, up to their size", () => {
    const fixture = makeFileState();
    const [a, b] = [addFile(fixture, "a"), addFile(fixture, "b")];
    put(fixture, b, 0, 3 * MIB);
    put(fixture, a, 0, PACK_SIZE_TARGET - 2 * MIB);
    const packs = planDirty(fixture.state);
    const found = shape(packs);
    assert.equal(packs.length, 2);
    assert.deepEqual(found[0]![0], [b.ino, 0, 3 * MIB]);
    for (const pack of packs) assert.ok(pack.plainSize <= PACK_SIZE_TARGET);
    assert.deepEqual(found[1]!.at(-1), [a.ino, 3 * BLOCK_SIZE_MAX, 2 * MIB]);
    assert.deepEqual(
      [...fixture.state.pending.keys()],
      packs.map(({ id }) => id),
    );
    checkVolume(fixture);
    checkPlans(fixture);
  });

  it("puts no more blocks into a pack than it may have", () => {
    const fixture = makeFileState();
    const inode = addFile(fixture, "a");
    for (let i = 0; i <= PACK_BLOCK_COUNT_MAX; i++) put(fixture, inode, i * 10, 1);
    const packs = planDirty(fixture.state);
    assert.deepEqual(
      packs.map(({ blocks }) => blocks.length),
      [PACK_BLOCK_COUNT_MAX, 1],
    );
  });

  it("keeps a plan small, however many pieces a block would have", () => {
    const fixture = makeFileState();
    const inode = addFile(fixture, "a");
    const from = record(1, 1);
    for (let i = 0; i < 300_000; i++) fixture.state.dirty.put(inode.ino, i, 1, from, 0);
    const packs = planDirty(fixture.state);
    const pieceCounts = packs.map(({ blocks }) =>
      blocks.reduce((sum, { pieces }) => sum + pieces.length, 0),
    );
    assert.equal(
      pieceCounts.reduce((a, b) => a + b),
      300_000,
    );
    assert.ok(Math.max(...pieceCounts) <= 262_144);
    for (const { plan } of fixture.tables.plans.list()) assert.ok(plan.length < 8 * MIB);
    assert.equal(inode.allocated, 300_000);
    checkVolume(fixture);
  });

  it("replaces what was stored there, and lets a pack die that nothing refers to any more", () => {
    const fixture = makeFileState();
    const { state } = fixture;
    const inode = addFile(fixture, "a");
    put(fixture, inode, 0, 100);
    const [first] = planDirty(state);
    put(fixture, inode, 0, 100);
    planDirty(state);
    assert.deepEqual([...state.packs.dead], [first!.id]);
    checkVolume(fixture);
  });
});

describe("planning ahead of the cut", () => {
  it("takes the oldest files when many are dirty; what is written later is simply newer", () => {
    const fixture = makeFileState();
    const { state } = fixture;
    const files = Array.from({ length: 300 }, (_, i) => addFile(fixture, `f${i}`));
    for (const inode of files) put(fixture, inode, 0, 10);
    const planner = new DirtyPlanner(state);
    planner.planOldest(20);
    assert.equal(state.dirty.files.size, 280);
    assert.equal(state.dirty.get(files[0]!.ino), undefined);
    assert.equal(files[0]!.allocated, 10);
    put(fixture, files[0]!, 5, 10);
    planner.planOldest(1000);
    assert.equal(state.dirty.files.size, 256, "the youngest are left: they may be written again");
    planner.planOldest(1000);
    assert.equal(state.dirty.files.size, 256);
    const [pack, ...rest] = planner.planAll();
    assert.deepEqual(rest, []);
    assert.equal(pack!.blocks.length, 301);
    assert.equal(files[0]!.allocated, 15);
    assert.equal(state.packs.require(pack!.id).liveSize, 300 * 10 + 5);
    checkVolume(fixture);
    checkPlans(fixture);
    assert.deepEqual(planner.planAll(), []);
  });
});
