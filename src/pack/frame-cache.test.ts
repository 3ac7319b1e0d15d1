import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FRAME_SIZE } from "../core/limits.ts";
import { Prng } from "../core/prng.ts";
import { FrameCache } from "./frame-cache.ts";

describe("frame cache", () => {
  it("keeps the latest frames within its bytes", () => {
    const cache = new FrameCache(100);
    for (let key = 0; key < 5; key++) cache.set(key, Buffer.alloc(30, key));
    assert.equal(cache.size, 90);
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((key) => cache.get(key)?.[0]),
      [undefined, undefined, 2, 3, 4],
    );
    cache.get(2);
    cache.set(5, Buffer.alloc(40, 5));
    assert.deepEqual(
      [2, 3, 4, 5].map((key) => cache.get(key)?.[0]),
      [2, undefined, 4, 5],
    );
    cache.set(6, Buffer.alloc(101));
    assert.equal(cache.get(6), undefined);
    assert.equal(cache.size, 100);
    cache.delete(2);
    assert.equal(cache.size, 70);
  });

  it("hands out a buffer that it has dropped, and never one that it holds", () => {
    const cache = new FrameCache(2 * FRAME_SIZE);
    const prng = new Prng(60);
    const held = new Map<number, Buffer>();
    for (let step = 0; step < 200; step++) {
      const key = prng.below(6);
      const buffer = cache.newBuffer(prng.below(3) === 0 ? 1000 : FRAME_SIZE);
      for (const [other, frame] of held) {
        if (cache.get(other) === frame) assert.notEqual(buffer, frame);
      }
      cache.set(key, buffer);
      held.set(key, buffer);
      assert.ok(cache.size <= 2 * FRAME_SIZE);
    }
  });

  it("gives readers keys that never meet", () => {
    const cache = new FrameCache();
    const [first, second] = [cache.newReaderKey(), cache.newReaderKey()];
    assert.ok(second - first >= 8192 + 160);
  });
});
