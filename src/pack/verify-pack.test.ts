import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Prng } from "../core/prng.ts";
import { FrameCache } from "./frame-cache.ts";
import { fitsPlan, verifyPack } from "./verify-pack.ts";
import {
  IDENTITY,
  makePack,
  MemorySource,
  noiseBlock,
  planOf,
  textBlock,
} from "../../test/support/pack-fixture.ts";

describe("verifyPack", () => {
  const prng = new Prng(50);
  const blocks = [textBlock(prng, 300_000), noiseBlock(prng, 200_000), textBlock(prng, 50)];
  const { bytes, index } = makePack(blocks, "lz4");

  it("finds nothing wrong with a sound pack, which fits its plan and no other", () => {
    const verdict = verifyPack(new MemorySource(bytes), IDENTITY, new FrameCache());
    assert.deepEqual(verdict.damaged, []);
    assert.equal(fitsPlan(verdict.index, planOf(blocks)), true);
    assert.equal(fitsPlan(verdict.index, planOf(blocks.slice(1))), false);
    assert.equal(fitsPlan(verdict.index, planOf(blocks.toReversed())), false);
    assert.equal(fitsPlan(verdict.index, { ...planOf(blocks), inos: [100, 101, 103] }), false);
  });

  it("lists every damaged frame and goes on", () => {
    const damaged = bytes.slice();
    for (const frame of [1, 4, 5]) damaged[index.frameOffsets[frame]!]! ^= 1;
    const verdict = verifyPack(new MemorySource(damaged), IDENTITY, new FrameCache());
    assert.deepEqual(
      verdict.damaged.map((error) => error.storedOffset),
      [1, 4, 5].map((frame) => index.frameOffsets[frame]),
    );
  });

  it("refuses a pack whose header or tail is damaged", () => {
    for (const at of [0, 8, 12, bytes.length - 1, bytes.length - 100]) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1;
      assert.throws(() => verifyPack(new MemorySource(damaged), IDENTITY, new FrameCache()), {
        name: /CorruptError|FsError/,
      });
    }
  });
});
