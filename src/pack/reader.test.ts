import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { Prng } from "../core/prng.ts";
import { Codec, type Compression } from "./codec.ts";
import { FrameCache } from "./frame-cache.ts";
import { DamagedFrameError, PackReader, readPackIndexSync, type PackSource } from "./reader.ts";
import {
  IDENTITY,
  makePack,
  MemorySource,
  noiseBlock,
  textBlock,
} from "../../test/support/pack-fixture.ts";

const COMPRESSIONS: readonly Compression[] = ["none", "lz4", "zstd", "adaptive"];
const FRAME = 128 * 1024;

function open(bytes: Uint8Array, frames = new FrameCache()): PackReader {
  const source = new MemorySource(bytes);
  return new PackReader(readPackIndexSync(source, IDENTITY), source, frames, frames.newReaderKey());
}

function readRange(reader: PackReader, block: number, offset: number, length: number): Uint8Array {
  const into = new Uint8Array(length + 2).fill(0xaa);
  reader.readBlockSync(block, offset, length, into, 1);
  assert.equal(into[0], 0xaa);
  assert.equal(into[length + 1], 0xaa);
  return into.subarray(1, length + 1);
}

describe("pack reader", () => {
  for (const compression of COMPRESSIONS) {
    it(`gives back any range of what was packed with ${compression}`, () => {
      const prng = new Prng(3);
      const blocks = [
        textBlock(prng, 1),
        textBlock(prng, 4096),
        noiseBlock(prng, 5000),
        textBlock(prng, 3 * FRAME + 17),
        noiseBlock(prng, 2 * FRAME),
        new Uint8Array(FRAME + 1),
      ];
      const { bytes } = makePack(blocks, compression);
      const reader = open(bytes, new FrameCache(300_000));
      for (const [block, plain] of blocks.entries()) {
        assert.deepEqual(readRange(reader, block, 0, plain.length), plain);
      }
      const range = fc.tuple(
        fc.nat(5),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
      );
      fc.assert(
        fc.property(range, ([block, from, share]) => {
          const plain = blocks[block]!;
          const offset = Math.floor(from * plain.length);
          const length = Math.floor(share * (plain.length - offset));
          const expected = plain.subarray(offset, offset + length);
          assert.equal(Buffer.compare(readRange(reader, block, offset, length), expected), 0);
        }),
        { numRuns: 300 },
      );
    });
  }

  it("reads and decodes a frame once for many small reads, and only that frame", () => {
    const prng = new Prng(4);
    const { bytes } = makePack([textBlock(prng, 4 * FRAME)], "lz4");
    const memory = new MemorySource(bytes);
    const index = readPackIndexSync(memory, IDENTITY);
    const reads: number[] = [];
    const source: PackSource = {
      size: memory.size,
      readSync: (offset, into) => {
        reads.push(offset);
        return memory.readSync(offset, into);
      },
    };
    const reader = new PackReader(index, source, new FrameCache(), 0);
    for (let at = 2 * FRAME; at < 3 * FRAME; at += 4096) readRange(reader, 0, at, 4096);
    assert.deepEqual(reads, [index.frameOffsets[2]]);
  });

  it("refuses a range outside the block", () => {
    const reader = open(makePack([new Uint8Array(10)], "none").bytes);
    for (const [block, offset, length] of [
      [0, 0, 11],
      [0, 10, 1],
      [1, 0, 1],
      [0, -1, 2],
    ] as const) {
      assert.throws(() => readRange(reader, block, offset, length), { code: "EIO" });
    }
    assert.equal(readRange(reader, 0, 10, 0).length, 0);
  });

  it("fails only the reads that touch a damaged frame, and names pack, block, frame and inode", () => {
    const prng = new Prng(5);
    const blocks = [textBlock(prng, 3 * FRAME), noiseBlock(prng, 3 * FRAME)];
    const { bytes, index } = makePack(blocks, "zstd");
    for (const block of [0, 1]) {
      const damaged = bytes.slice();
      const frame = index.firstFrames[block]! + 1;
      damaged[index.frameOffsets[frame]! + 99]! ^= 4;
      const reader = open(damaged);
      assert.deepEqual(readRange(reader, block, 0, FRAME), blocks[block]!.subarray(0, FRAME));
      assert.deepEqual(
        readRange(reader, block, 2 * FRAME, FRAME),
        blocks[block]!.subarray(2 * FRAME),
      );
      for (const [offset, length] of [
        [FRAME, FRAME],
        [FRAME + 5, 1],
        [0, 3 * FRAME],
      ] as const) {
        assert.throws(
          () => readRange(reader, block, offset, length),
          (error: unknown) =>
            error instanceof DamagedFrameError &&
            error.storedOffset === index.frameOffsets[frame] &&
            error.message.includes(
              `block ${block}, frame 1 is damaged (written for inode ${100 + block})`,
            ),
        );
      }
    }
  });

  it("with any one bit flipped gives the right bytes or an error, whatever is read", () => {
    const prng = new Prng(6);
    for (const compression of ["lz4", "zstd", "none"] as const) {
      const blocks = [
        textBlock(prng, 400),
        noiseBlock(prng, 90),
        textBlock(prng, 30),
        new Uint8Array(300),
      ];
      const { bytes, index } = makePack(blocks, compression);
      if (compression !== "none") assert.ok(index.codecs.includes(Codec[compression]));
      let detected = 0;
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >>> 3]! ^= 1 << (bit & 7);
        if (!everythingReadsRightOrFails(flipped, blocks)) detected++;
      }
      assert.equal(detected, bytes.length * 8, `${compression}: every bit is covered by a check`);
    }
  });

  it("is refused at every truncation", () => {
    const prng = new Prng(7);
    const { bytes } = makePack([textBlock(prng, 300), noiseBlock(prng, 100)], "lz4");
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => open(bytes.slice(0, length)), { code: "EIO" }, `${length} bytes`);
    }
  });

  it("refuses noise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        assert.throws(() => open(noise), { code: "EIO" });
      }),
    );
  });
});

/** False when anything was refused; throws when wrong bytes were returned. */
function everythingReadsRightOrFails(bytes: Uint8Array, blocks: readonly Uint8Array[]): boolean {
  let reader: PackReader;
  try {
    reader = open(bytes);
  } catch (error) {
    assert.match((error as { code: string }).code, /^(EIO|EOPNOTSUPP)$/);
    return false;
  }
  let whole = true;
  for (const [block, plain] of blocks.entries()) {
    for (const [offset, length] of [
      [0, plain.length],
      [1, plain.length - 1],
    ] as const) {
      const into = new Uint8Array(length);
      try {
        reader.readBlockSync(block, offset, length, into, 0);
      } catch (error) {
        assert.ok(error instanceof DamagedFrameError, String(error));
        whole = false;
        continue;
      }
      assert.deepEqual(into, plain.subarray(offset, offset + length));
    }
  }
  return whole;
}
