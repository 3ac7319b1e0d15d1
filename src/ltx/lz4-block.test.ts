import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { uncompressSync } from "lz4-napi";
import { CorruptError } from "../core/fs-error.ts";
import { blockSizeMax, compressBlock, decompressBlock, spanOf } from "./lz4-block.ts";

const SLACK = 8;
const GUARD = 0xa5;

/** Decodes to exactly `size` bytes, and sees that nothing else was touched but the 7 bytes behind. */
function decode(block: Uint8Array, size: number, spare = SLACK): Uint8Array {
  const before = 5;
  const bytes = new Uint8Array(before + size + spare + 20).fill(GUARD);
  const target = { ...spanOf(bytes.subarray(0, before + size + spare)), start: before };
  target.at = before;
  target.end = before + size;
  try {
    decompressBlock(spanOf(block), target);
  } finally {
    assert.ok(bytes.subarray(0, before).every((byte) => byte === GUARD));
    const behind = before + size + Math.min(spare, SLACK - 1);
    assert.ok(bytes.subarray(behind).every((byte) => byte === GUARD));
  }
  return bytes.slice(before, target.at);
}

/** Text with repetitions near and far, runs, and noise. */
const plainBytes: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(700)).map(([byte, size]) => new Uint8Array(size).fill(byte)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(60))
        .map(([piece, count]) => new Uint8Array(Buffer.concat(Array(count).fill(piece)))),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => new Uint8Array(Buffer.concat(pieces)));

describe("LZ4 blocks", () => {
  it("come back as they were, with and without room behind them", () => {
    fc.assert(
      fc.property(plainBytes, fc.nat(SLACK), (plain, spare) => {
        const block = compressBlock(plain);
        assert.ok(block.length <= blockSizeMax(plain.length));
        assert.deepEqual(decode(block, plain.length, spare), plain);
      }),
      { numRuns: 500 },
    );
  });

  it("may be nothing but literals", () => {
    const plain = new Uint8Array(512).map((_, i) => i * 7);
    const block = new Uint8Array(Buffer.concat([Uint8Array.of(0xf0, 255, 242), plain]));
    assert.deepEqual(decode(block, 512), plain);
  });

  it("repeat at every distance", () => {
    for (let distance = 1; distance <= 20; distance++) {
      for (const length of [4, 18, 19, 150, 400]) {
        const literals = new Uint8Array(distance).map((_, i) => i + 1);
        const plain = new Uint8Array(distance + length + 1).map((_, i) => (i % distance) + 1);
        plain[plain.length - 1] = 99;
        const head = distance < 15 ? [distance << 4] : [0xf0, distance - 15];
        const more = length - 4 - 15;
        const tail: number[] = [];
        if (more >= 0)
          for (let rest = more; ; rest -= 255) {
            tail.push(Math.min(rest, 255));
            if (rest < 255) break;
          }
        head[0]! |= Math.min(15, length - 4);
        const block = Uint8Array.of(...head, ...literals, distance, 0, ...tail, 0x10, 99);
        assert.deepEqual(decode(block, plain.length), plain, `distance ${distance} ${length}`);
        assert.deepEqual(decode(block, plain.length, 0), plain);
      }
    }
  });

  it("are refused when cut short, or when they hold more than they may", () => {
    const plain = new TextEncoder().encode(
      "abcabcabcabcabcabcabc and then the end of it".repeat(9),
    );
    const block = compressBlock(plain);
    for (let length = 0; length < block.length; length++) {
      const cut = block.subarray(0, length);
      try {
        assert.ok(decode(cut, plain.length).length < plain.length);
      } catch (error) {
        assert.ok(error instanceof CorruptError, String(error));
      }
    }
    assert.throws(() => decode(block, plain.length - 1), CorruptError);
  });

  it("made of noise are refused, or decode as lz4-napi has it", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        let plain: Uint8Array;
        try {
          plain = decode(noise, 4096);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
          return;
        }
        const prefixed = Buffer.concat([Buffer.alloc(4), noise]);
        prefixed.writeUInt32LE(plain.length, 0);
        assert.deepEqual(plain, new Uint8Array(uncompressSync(prefixed)));
      }),
      { numRuns: 5000 },
    );
  });
});
