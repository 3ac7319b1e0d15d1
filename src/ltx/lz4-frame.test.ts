import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { compressFrameSync, decompressFrameSync } from "lz4-napi";
import { CorruptError } from "../core/fs-error.ts";
import { spanOf } from "./lz4-block.ts";
import { encodeLz4Frame, Lz4FrameDecoder, Lz4FrameStream, measureLz4Frame } from "./lz4-frame.ts";
import { hexBytes } from "../../test/support/ltx-fixture.ts";

const PAGE_FRAME =
  "04224d186440a7 18000000 1f010100ffda000200000200b00101010101010101010101 00000000 d9e9c34f";
/** "abcd", 8 more of it and "abcda"; then "xxxx", 6 bytes from 8 back, which is in the first block, and "z". */
const LINKED_BLOCKS = [
  hexBytes("44 61626364 0400 50 6162636461"),
  hexBytes("42 78787878 0800 10 7a"),
];
const LINKED_PLAIN = "abcdabcdabcdabcdaxxxxbcdaxxz";

function decode(frame: Uint8Array, size: number): Uint8Array {
  const target = { ...spanOf(new Uint8Array(size + 8)), start: 0 };
  target.end = size;
  const source = spanOf(frame);
  new Lz4FrameDecoder().decode(source, target);
  assert.equal(source.at, frame.length);
  return target.bytes.slice(0, target.at);
}

function stream(frame: Uint8Array, step: number): { plain: Uint8Array; isDone: boolean } {
  const decoder = new Lz4FrameStream();
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += step) {
    decoder.feed(frame.subarray(at, at + step));
    for (let piece = decoder.next(); piece !== undefined; piece = decoder.next()) {
      pieces.push(piece.slice());
    }
  }
  return { plain: new Uint8Array(Buffer.concat(pieces)), isDone: decoder.isDone };
}

describe("LZ4 frames", () => {
  it("of a page have the bytes that the Go library expects", () => {
    const plain = new Uint8Array(512).fill(1);
    const golden = hexBytes(PAGE_FRAME);
    assert.deepEqual(decode(golden, 512), plain);
    const frame = encodeLz4Frame(plain);
    assert.deepEqual(frame.subarray(0, 7), golden.subarray(0, 7));
    assert.deepEqual(frame.subarray(-8), golden.subarray(-8));
    assert.equal(measureLz4Frame(spanOf(frame)), frame.length);
  });

  it("come back as they were, also through lz4-napi", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 2000 }), (plain) => {
        const frame = encodeLz4Frame(plain);
        assert.deepEqual(decode(frame, plain.length), plain);
        assert.deepEqual(new Uint8Array(decompressFrameSync(Buffer.from(frame))), plain);
      }),
    );
  });

  it("store what does not become smaller, up to 64 KiB, as it is", () => {
    let seed = 7;
    const noise = new Uint8Array(65_536).map(() => (seed = (seed * 48_271) % 0x7fff_ffff) >> 8);
    const frame = encodeLz4Frame(noise);
    assert.equal(frame.length, noise.length + 19);
    assert.deepEqual(decode(frame, noise.length), noise);
  });

  it("of others are read at once and in any steps, with every checksum and size", () => {
    const plain = new TextEncoder().encode("a frame of many blocks, ".repeat(9000));
    for (const contentChecksum of [true, false]) {
      for (const blockChecksums of [true, false]) {
        const options = { contentChecksum, blockChecksums };
        const frame = new Uint8Array(compressFrameSync(Buffer.from(plain), options));
        assert.deepEqual(decode(frame, plain.length), plain);
        for (const step of [1, 1000, frame.length]) {
          assert.deepEqual(stream(frame, step), { plain, isDone: true });
        }
      }
    }
  });

  it("whose blocks refer to earlier ones are read", () => {
    const head = hexBytes("04224d18 4040 c0");
    const sized = LINKED_BLOCKS.map((block) => [Uint8Array.of(block.length, 0, 0, 0), block]);
    const frame = new Uint8Array(Buffer.concat([head, ...sized.flat(), new Uint8Array(4)]));
    const plain = new TextEncoder().encode(LINKED_PLAIN);
    assert.deepEqual(decode(frame, plain.length), plain);
    assert.deepEqual(stream(frame, 3), { plain, isDone: true });
    const independent = frame.slice();
    independent.set(hexBytes("6040 82"), 4);
    assert.throws(() => decode(independent, 200), CorruptError);
  });

  it("are not done at any truncation, and refused as a whole", () => {
    const frame = hexBytes(PAGE_FRAME);
    for (let length = 0; length < frame.length; length++) {
      const cut = frame.subarray(0, length);
      assert.equal(measureLz4Frame(spanOf(cut)), undefined);
      assert.equal(stream(cut, 5).isDone, false);
      assert.throws(() => decode(cut, 512), CorruptError);
    }
  });

  it("with an unknown flag, version or block size, or a wrong checksum, are refused", () => {
    const frame = hexBytes(PAGE_FRAME);
    for (let bit = 0; bit < 7 * 8; bit++) {
      const changed = frame.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => decode(changed, 512), CorruptError, `bit ${bit}`);
    }
    const changed = frame.slice();
    changed[frame.length - 1]! ^= 1;
    assert.throws(() => decode(changed, 512), /checksum of the content/);
    assert.throws(() => decode(frame, 511), CorruptError);
  });

  it("made of noise are refused", () => {
    const head = hexBytes("04224d186440a7");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
        const frame = new Uint8Array(Buffer.concat([head, noise]));
        assert.throws(() => decode(frame, 512), CorruptError);
      }),
    );
  });
});
