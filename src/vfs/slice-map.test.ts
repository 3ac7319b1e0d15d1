import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { checkVolume } from "../../test/support/volume-check.ts";
import {
  addFile,
  makeFileState,
  type FileStateFixture,
} from "../../test/support/file-state-fixture.ts";
import type { PackId } from "../core/ids.ts";
import type { Inode } from "../meta/inode.ts";
import { PackState } from "../meta/tables.ts";
import { ZERO_PACK } from "./pack-book.ts";
import { allocateHoles, cutSlices, placeSlice, shiftSlices } from "./slice-map.ts";

const SPAN = 300;

/** A byte's place: `pack/index@offset`, or `zero`. */
type ByteMap = Map<number, string>;

function addPack({ state }: FileStateFixture): PackId {
  const id = state.meta.takePackId();
  state.packs.add(id, { plainSize: 1000, bornCut: 1 });
  state.packs.markStored(id, 500);
  return id;
}

function bytesOf({ state }: FileStateFixture, inode: Inode): ByteMap {
  const bytes: ByteMap = new Map();
  for (const row of state.meta.tables.slices.overlapping(inode.ino, 0, Number.MAX_SAFE_INTEGER)) {
    for (let i = 0; i < row.length; i++) {
      const place = row.pack === ZERO_PACK ? "zero" : `${row.pack}/${row.index}@${row.offset + i}`;
      bytes.set(row.pos + i, place);
    }
  }
  return bytes;
}

const stepArbitrary = fc.record({
  kind: fc.constantFrom("place", "place", "place", "cut", "allocate", "shift"),
  start: fc.nat(SPAN),
  length: fc.integer({ min: 1, max: 80 }),
  offset: fc.nat(500),
  pack: fc.nat(3),
});

function applyStep(
  fixture: FileStateFixture,
  inode: Inode,
  model: ByteMap,
  step: { kind: string; start: number; length: number; offset: number; pack: PackId },
): ByteMap {
  const { state } = fixture;
  const { kind, start, length, offset, pack } = step;
  const end = start + length;
  if (kind === "place") {
    placeSlice(state, inode, { pos: start, length, pack, index: 2, offset });
    for (let i = 0; i < length; i++) model.set(start + i, `${pack}/2@${offset + i}`);
  } else if (kind === "cut") {
    cutSlices(state, inode, start, end);
    for (let at = start; at < end; at++) model.delete(at);
  } else if (kind === "allocate") {
    allocateHoles(state, inode, start, end);
    for (let at = start; at < end; at++) if (!model.has(at)) model.set(at, "zero");
  } else {
    // Towards the start, into a gap made for it, as collapse does.
    cutSlices(state, inode, start, end);
    shiftSlices(state, inode, end, -length);
    const moved: ByteMap = new Map();
    for (const [at, place] of model) {
      if (at < start) moved.set(at, place);
      else if (at >= end) moved.set(at - length, place);
    }
    return moved;
  }
  return model;
}

describe("a file's slices", () => {
  it("are a map of bytes under every edit, and all sums stay exact", () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 25 }), (steps) => {
        const fixture = makeFileState();
        const inode = addFile(fixture, "a");
        const packs = [1, 2, 3, 4].map(() => addPack(fixture));
        const other = addFile(fixture, "b");
        for (const [i, pack] of packs.entries()) {
          placeSlice(fixture.state, other, { pos: i, length: 1, pack, index: 0, offset: 0 });
        }
        let model: ByteMap = new Map();
        for (const step of steps) {
          model = applyStep(fixture, inode, model, { ...step, pack: packs[step.pack]! });
        }
        assert.deepEqual(
          [...bytesOf(fixture, inode)],
          [...model].sort(([a], [b]) => a - b),
        );
        assert.equal(inode.allocated, model.size);
        checkVolume(fixture);
        fixture.tables.close();
      }),
      { numRuns: 150 },
    );
  });

  it("move away from the start without meeting each other", () => {
    const fixture = makeFileState();
    const inode = addFile(fixture, "a");
    const pack = addPack(fixture);
    for (let i = 0; i < 5; i++) {
      placeSlice(fixture.state, inode, { pos: i * 10, length: 10, pack, index: i, offset: 0 });
    }
    shiftSlices(fixture.state, inode, 10, 10);
    checkVolume(fixture);
    const rows = fixture.state.meta.tables.slices.overlapping(inode.ino, 0, 1000);
    assert.deepEqual(
      rows.map(({ pos, index }) => [pos, index]),
      [
        [0, 0],
        [20, 1],
        [30, 2],
        [40, 3],
        [50, 4],
      ],
    );
    checkVolume(fixture);
  });

  it("give a pack up when the last of them goes, and not before", () => {
    const fixture = makeFileState();
    const { state } = fixture;
    const [a, b] = [addFile(fixture, "a"), addFile(fixture, "b")];
    const pack = addPack(fixture);
    const row = { pos: 0, length: 100, pack, index: 0, offset: 0 };
    placeSlice(state, a, row);
    placeSlice(state, b, row);
    cutSlices(state, a, 0, 100);
    assert.deepEqual([...state.packs.dead], []);
    cutSlices(state, b, 10, 20);
    assert.equal(state.packs.require(pack).refCount, 2);
    assert.equal(state.packs.require(pack).liveSize, 90);
    cutSlices(state, b, 0, 100);
    assert.deepEqual([...state.packs.dead], [pack]);
    state.packs.flush(5);
    assert.equal(state.meta.tables.packs.get(pack)?.diedCut, 5);
    assert.equal(state.meta.tables.packs.get(pack)?.state, PackState.STORED);
  });
});
