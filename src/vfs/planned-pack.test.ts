import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { CorruptError } from "../core/fs-error.ts";
import { toIno, toPackId } from "../core/ids.ts";
import { BLOCK_SIZE_MAX } from "../core/limits.ts";
import {
  decodePlan,
  encodePlan,
  packsReadBy,
  segmentsOf,
  type PieceSource,
  type PlannedPack,
} from "./planned-pack.ts";

const ID = toPackId(5);
const RECORD = { segment: 3, dataAt: 4176, dataLength: 300, dataCrc: 0x89abcdef };
const BLOCK = { pack: toPackId(2), index: 1, dataLength: 128 };

const SAMPLE: PlannedPack = {
  id: ID,
  blocks: [
    {
      ino: toIno(9),
      pos: 0,
      length: 250,
      pieces: [
        { source: RECORD, skip: 50, length: 200 },
        { source: RECORD, skip: 0, length: 50 },
      ],
    },
    {
      ino: toIno(10),
      pos: BLOCK_SIZE_MAX,
      length: 1,
      pieces: [{ source: BLOCK, skip: 127, length: 1 }],
    },
  ],
  plainSize: 251,
};

/** format, 2 sources (a record, a block), 2 blocks: ino, pos, pieces as (source, skip, length). */
const GOLDEN =
  "01 02 00 03 d020 ac02 efcdab89 01 02 01 8001 02 09 00 02 00 32 c801 00 00 32 0a 80808002 01 01 7f 01";

const sourceArbitrary: fc.Arbitrary<PieceSource> = fc.oneof(
  fc.record({
    segment: fc.nat(),
    dataAt: fc.nat(),
    dataLength: fc.integer({ min: 1, max: 1 << 20 }),
    dataCrc: fc.integer({ min: 0, max: 0xffff_ffff }),
  }),
  fc.record({
    pack: fc.integer({ min: 1, max: 2 ** 40 - 1 }).map(toPackId),
    index: fc.nat(8191),
    dataLength: fc.integer({ min: 1, max: BLOCK_SIZE_MAX }),
  }),
);

const pieceArbitrary = sourceArbitrary.chain((source) =>
  fc
    .nat(Math.min(source.dataLength - 1, 100_000))
    .chain((skip) =>
      fc
        .integer({ min: 1, max: Math.min(source.dataLength - skip, 100_000) })
        .map((length) => ({ source, skip, length })),
    ),
);

const planArbitrary: fc.Arbitrary<PlannedPack> = fc
  .array(
    fc.record({
      ino: fc.nat().map(toIno),
      pos: fc.maxSafeNat(),
      pieces: fc.array(pieceArbitrary, { minLength: 1, maxLength: 5 }),
    }),
    { maxLength: 6 },
  )
  .map((parts) => {
    const blocks = parts.map((part) => {
      const length = part.pieces.reduce((sum, piece) => sum + piece.length, 0);
      return { ...part, length };
    });
    return { id: ID, blocks, plainSize: blocks.reduce((sum, { length }) => sum + length, 0) };
  });

describe("a pack's plan", () => {
  it("has these bytes", () => {
    assert.equal(Buffer.from(encodePlan(SAMPLE)).toString("hex"), GOLDEN.replaceAll(" ", ""));
    assert.deepEqual(decodePlan(ID, encodePlan(SAMPLE)), SAMPLE);
  });

  it("decodes to what was encoded", () => {
    fc.assert(
      fc.property(planArbitrary, (plan) => {
        assert.deepEqual(decodePlan(ID, encodePlan(plan)), structuredClone(plan));
      }),
    );
  });

  it("is refused when cut short anywhere, and with a byte too many", () => {
    const bytes = encodePlan(SAMPLE);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodePlan(ID, bytes.subarray(0, length)), CorruptError);
    }
    assert.throws(() => decodePlan(ID, Buffer.concat([bytes, Buffer.alloc(1)])), CorruptError);
  });

  it("decodes from noise, or is refused as corrupt; nothing else happens", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.nat(), fc.nat(255)).map(([place, byte]) => {
        const bytes = Uint8Array.from(encodePlan(SAMPLE));
        bytes[place % bytes.length] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(noise, (bytes) => {
        try {
          const plan = decodePlan(ID, bytes);
          for (const block of plan.blocks) assert.ok(block.length <= BLOCK_SIZE_MAX);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("of another format, with a piece outside its source or an oversized block, is refused", () => {
    const bytes = Uint8Array.from(encodePlan(SAMPLE));
    bytes[0] = 2;
    assert.throws(() => decodePlan(ID, bytes), /has format 2/);
    const piece = { source: RECORD, skip: 299, length: 2 };
    const outside = { ino: toIno(1), pos: 0, length: 2, pieces: [piece] };
    const plan = { id: ID, blocks: [outside], plainSize: 2 };
    assert.throws(() => decodePlan(ID, encodePlan(plan)), /outside its source/);
    const large = { ...BLOCK, dataLength: BLOCK_SIZE_MAX + 1 };
    const pieces = [{ source: large, skip: 0, length: BLOCK_SIZE_MAX + 1 }];
    const oversized = { ino: toIno(1), pos: 0, length: BLOCK_SIZE_MAX + 1, pieces };
    const big = { id: ID, blocks: [oversized], plainSize: oversized.length };
    assert.throws(() => decodePlan(ID, encodePlan(big)), CorruptError);
  });

  it("says which segments and which packs it reads", () => {
    assert.deepEqual([...segmentsOf(SAMPLE)], [3]);
    assert.deepEqual([...packsReadBy(SAMPLE)], [2]);
  });
});
