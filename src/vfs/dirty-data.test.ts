import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { toIno } from "../core/ids.ts";
import { BLOCK_SIZE_MAX } from "../core/limits.ts";
import { DirtyData, type DirtyPiece, type RecordData } from "./dirty-data.ts";

const INO = toIno(7);
/** Positions lie around the end of the first region. */
const BASE = BLOCK_SIZE_MAX - 60;
const SPAN = 120;

function record(segment: number, dataLength: number = 1000): RecordData {
  return { segment, dataAt: 4096, dataLength, dataCrc: segment };
}

/** A byte's source: `segment:offset in the record's data`. */
type ByteMap = Map<number, string>;

function bytesOf(pieces: readonly DirtyPiece[]): ByteMap {
  const bytes: ByteMap = new Map();
  for (const { start, end, record: from, skip } of pieces) {
    assert.ok(start < end, "no piece is empty");
    assert.ok(skip >= 0 && skip + (end - start) <= from.dataLength, "a piece lies in its record");
    for (let at = start; at < end; at++) {
      assert.ok(!bytes.has(at), `byte ${at} is in two pieces`);
      bytes.set(at, `${from.segment}:${skip + at - start}`);
    }
  }
  return bytes;
}

function checkCounts(dirty: DirtyData, model: ByteMap): void {
  let pieceCount = 0;
  for (const [region, pieces] of dirty.get(INO)?.regions ?? []) {
    pieceCount += pieces.length;
    let end = region * BLOCK_SIZE_MAX;
    for (const piece of pieces) {
      assert.ok(piece.start >= end, "pieces are sorted");
      end = piece.end;
    }
    assert.ok(end <= (region + 1) * BLOCK_SIZE_MAX, "no piece crosses its region's end");
    assert.ok(pieces.length > 0, "no region is empty");
  }
  assert.equal(dirty.pieceCount, pieceCount);
  assert.equal(dirty.byteCount, model.size);
  assert.equal(dirty.get(INO)?.byteCount ?? 0, model.size);
}

const rangeArbitrary = fc
  .tuple(fc.nat(SPAN), fc.integer({ min: 1, max: SPAN }))
  .map(([from, length]) => ({ start: BASE + from, length }));

const stepArbitrary = fc.record({
  kind: fc.constantFrom("put", "put", "put", "cut", "cut", "drop"),
  range: rangeArbitrary,
  skip: fc.nat(500),
});

describe("dirty data", () => {
  it("is a map of bytes under puts, cuts and drops, its counts exact", () => {
    fc.assert(
      fc.property(fc.array(stepArbitrary, { maxLength: 40 }), rangeArbitrary, (steps, asked) => {
        const dirty = new DirtyData();
        const model: ByteMap = new Map();
        for (const [number, { kind, range, skip }] of steps.entries()) {
          const { start, length } = range;
          if (kind === "drop" && number % 5 === 0) {
            dirty.drop(INO);
            model.clear();
          } else if (kind === "put") {
            dirty.put(INO, start, length, record(number), skip);
            for (let i = 0; i < length; i++) model.set(start + i, `${number}:${skip + i}`);
          } else {
            dirty.cut(INO, start, start + length);
            for (let i = 0; i < length; i++) model.delete(start + i);
          }
          checkCounts(dirty, model);
        }
        const all: DirtyPiece[] = [];
        dirty.overlapping(INO, 0, Number.MAX_SAFE_INTEGER, all);
        assert.deepEqual(new Map([...bytesOf(all)].sort()), new Map([...model].sort()));
        checkOverlapping(dirty, all, asked);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps files in the order of their first dirty byte, and apart", () => {
    const dirty = new DirtyData();
    for (const ino of [9, 3, 5]) dirty.put(toIno(ino), 10, 5, record(ino), 0);
    dirty.put(toIno(3), 0, 5, record(4), 0);
    dirty.cut(toIno(9), 10, 12);
    assert.deepEqual([...dirty.files.keys()], [9, 3, 5]);
    assert.equal(dirty.byteCount, 3 + 10 + 5);
    dirty.drop(toIno(3));
    assert.equal(dirty.byteCount, 3 + 5);
    assert.equal(dirty.pieceCount, 2);
    dirty.clear();
    assert.equal(dirty.byteCount + dirty.pieceCount + dirty.files.size, 0);
  });

  it("finds pieces at both ends of a file of many regions, however few are dirty", () => {
    const dirty = new DirtyData();
    const far = 2 ** 50;
    dirty.put(INO, far, 10, record(1), 0);
    dirty.put(INO, 0, 10, record(2), 0);
    const found: DirtyPiece[] = [];
    dirty.overlapping(INO, 5, far + 1, found);
    assert.deepEqual(
      found.map(({ start, end }) => [start, end]),
      [
        [0, 10],
        [far, far + 10],
      ],
    );
  });
});

/** Exactly the pieces that overlap, in order. */
function checkOverlapping(
  dirty: DirtyData,
  all: readonly DirtyPiece[],
  asked: { readonly start: number; readonly length: number },
): void {
  const end = asked.start + asked.length;
  const found: DirtyPiece[] = [];
  dirty.overlapping(INO, asked.start, end, found);
  const wanted = all.filter((piece) => piece.start < end && piece.end > asked.start);
  assert.deepEqual(found, wanted);
}
