import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { crc32 } from "../core/crc.ts";
import { toPackId } from "../core/ids.ts";
import { Prng } from "../core/prng.ts";
import { Codec } from "./codec.ts";
import { encodePackFooter, PACK_FOOTER_SIZE } from "./pack-format.ts";
import {
  decodePackTail,
  encodePackTail,
  packTailLength,
  PackIndex,
  type PackPlan,
} from "./pack-index.ts";
import { IDENTITY, makePack, textBlock } from "../../test/support/pack-fixture.ts";

const KIB = 1024;

/** Three blocks: a small one compressed to 60 bytes, one of two frames (raw, and one to 5,000 bytes), one of 1 byte. */
function sampleIndex(): PackIndex {
  const index = new PackIndex({
    identity: IDENTITY,
    plainLengths: [100, 128 * KIB + 9000, 1],
    inos: [300, 301, 299],
    filePositions: [0, 4 * KIB * KIB, 5],
  });
  index.codecs.set([Codec.lz4, Codec.zstd, Codec.none]);
  const lengths = [60, 128 * KIB, 5000, 1];
  for (const [frame, length] of lengths.entries()) {
    index.frameOffsets[frame + 1] = index.frameOffsets[frame]! + length;
    index.frameCrcs[frame] = 0x0a0b_0c00 + frame;
  }
  return index;
}

const GOLDEN_INDEX = [
  // 100 bytes, inode + 300, at 0, lz4, one frame of 60
  "64 d804 00 01 3c 000c0b0a",
  // 140,072 bytes, inode + 1, at 4 MiB, zstd, a raw frame and one of 5,000
  "a8c608 02 80808002 02 00 010c0b0a 8827 020c0b0a",
  // 1 byte, inode - 2, at 5, none, raw
  "01 03 05 00 00 030c0b0a",
]
  .join("")
  .replaceAll(" ", "");

const sampleSize = (tail: Uint8Array): number => sampleIndex().indexOffset + tail.length;

describe("pack index", () => {
  it("has the documented bytes", () => {
    const tail = encodePackTail(sampleIndex());
    assert.equal(Buffer.from(tail.subarray(0, -88)).toString("hex"), GOLDEN_INDEX);
    assert.deepEqual(decodePackTail(tail, sampleSize(tail), IDENTITY), sampleIndex());
  });

  it("comes back as it was written, also from a longer piece of the pack", () => {
    const prng = new Prng(1);
    const blocks = Array.from({ length: 50 }, () => textBlock(prng, 1 + prng.below(300_000)));
    const { bytes, index, tail } = makePack(blocks, "adaptive");
    assert.deepEqual(decodePackTail(tail, bytes.length, IDENTITY), index);
    assert.deepEqual(decodePackTail(bytes, bytes.length, IDENTITY), index);
    assert.equal(packTailLength(bytes, "pack 7"), tail.length);
  });

  it("is refused at every truncation, from either end", () => {
    const tail = encodePackTail(sampleIndex());
    for (let length = 0; length < tail.length; length++) {
      assert.throws(() => decodePackTail(tail.slice(0, length), sampleSize(tail), IDENTITY), {
        code: "EIO",
      });
      assert.throws(() => decodePackTail(tail.slice(-length || tail.length), 0, IDENTITY), {
        code: "EIO",
      });
      if (length === 0) continue;
      assert.throws(() => decodePackTail(tail.slice(length), sampleSize(tail), IDENTITY), {
        code: "EIO",
      });
    }
  });

  it("is refused with any bit changed", () => {
    const tail = encodePackTail(sampleIndex());
    for (let bit = 0; bit < tail.length * 8; bit++) {
      const flipped = tail.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      assert.throws(
        () => decodePackTail(flipped, sampleSize(tail), IDENTITY),
        { code: "EIO" },
        `bit ${bit}`,
      );
    }
  });

  it("refuses or accepts noise under a right checksum, and never does anything else", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        (noise, count) => {
          const tail = resealedTail(noise, count);
          try {
            const index = decodePackTail(tail, 17 + tail.length, IDENTITY);
            assert.equal(index.blockCount, count);
            assert.equal(index.indexOffset, 17);
          } catch (error) {
            assert.equal((error as { code?: string }).code, "EIO", String(error));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("is refused when it is another pack's", () => {
    const tail = encodePackTail(sampleIndex());
    const others = [
      { ...IDENTITY, pack: toPackId(8) },
      { ...IDENTITY, volume: "ff".repeat(16) },
      { ...IDENTITY, timeline: "ff".repeat(16) },
    ];
    for (const other of others) {
      assert.throws(() => decodePackTail(tail, sampleSize(tail), other), {
        code: "EIO",
        message: /its bytes are pack 7 of timeline f0f1/,
      });
    }
  });

  it("costs at most 12 bytes for a small file, and 200 KiB of memory for 4,000 of them", () => {
    const prng = new Prng(2);
    const blocks = Array.from({ length: 4000 }, () => textBlock(prng, 200 + prng.below(3800)));
    const { index, tail } = makePack(blocks, "lz4");
    assert.ok(
      (tail.length - 88) / blocks.length <= 12,
      `${(tail.length - 88) / blocks.length} bytes`,
    );
    assert.ok(index.memorySize <= 200 * KIB, `${index.memorySize} bytes`);
  });

  it("takes no plan that cannot be a pack", () => {
    const wrong = [
      [],
      [0],
      [-1],
      [4 * KIB * KIB + 1],
      Array<number>(8193).fill(1),
      Array<number>(6).fill(4 * KIB * KIB),
    ];
    for (const lengths of wrong) {
      assert.throws(() => new PackIndex(planOfLengths(lengths)), { code: "EINVAL" });
    }
  });
});

function planOfLengths(plainLengths: number[]): PackPlan {
  const zeros = plainLengths.map(() => 0);
  return { identity: IDENTITY, plainLengths, inos: zeros, filePositions: zeros };
}

/** `noise` as an index whose checksums all hold, in a pack with one stored byte and `count` blocks. */
function resealedTail(noise: Uint8Array, count: number): Uint8Array {
  const index = new PackIndex({
    identity: IDENTITY,
    plainLengths: Array<number>(count).fill(1),
    inos: Array<number>(count).fill(0),
    filePositions: Array<number>(count).fill(0),
  });
  const tail = new Uint8Array(noise.length + PACK_FOOTER_SIZE);
  tail.set(noise);
  encodePackFooter(new DataView(tail.buffer), noise.length, {
    identity: IDENTITY,
    plainSize: index.plainSize,
    indexOffset: 17,
    indexLength: noise.length,
    indexCrc: crc32(noise),
    blockCount: count,
  });
  return tail;
}
