import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { TwoGenerationCache } from "./two-generation-cache.ts";

describe("TwoGenerationCache", () => {
  it("keeps what was asked for lately, and at most two generations", () => {
    const cache = new TwoGenerationCache<number, string>(3);
    cache.set(0, "kept");
    let present = 0;
    for (let key = 1; key <= 100; key++) {
      cache.set(key, "v");
      assert.equal(cache.get(0), "kept");
    }
    for (let key = 1; key <= 100; key++) if (cache.get(key) !== undefined) present++;
    assert.ok(present <= 6);
  });

  it("keeps an entry while fewer others than a generation are used", () => {
    const cache = new TwoGenerationCache<number, string>(4);
    for (let i = 0; i < 50; i++) {
      cache.set(-1, `${i}`);
      for (let key = 0; key < 4; key++) cache.set(i * 4 + key, "other");
      assert.equal(cache.get(-1), `${i}`);
    }
  });

  it("does not push anything out for a key that it holds", () => {
    const cache = new TwoGenerationCache<number, string>(2);
    for (const key of [1, 2, 3, 4]) cache.set(key, "v");
    for (let i = 0; i < 10; i++) cache.set(4, "again");
    assert.equal(cache.get(1), "v");
  });

  it("never answers with anything but the last value", () => {
    const key = fc.nat(9);
    const step = fc.oneof(
      fc.tuple(fc.constant("set" as const), key, fc.nat()),
      fc.tuple(fc.constantFrom("get" as const, "delete" as const), key, fc.constant(0)),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200, size: "max" }),
        fc.integer({ min: 1, max: 5 }),
        (steps, size) => {
          const cache = new TwoGenerationCache<number, number>(size);
          const model = new Map<number, number>();
          for (const [what, at, value] of steps) {
            if (what === "set") {
              cache.set(at, value);
              model.set(at, value);
            } else if (what === "delete") {
              cache.delete(at);
              model.delete(at);
            } else {
              const found = cache.get(at);
              if (found !== undefined) assert.equal(found, model.get(at));
            }
          }
          cache.clear();
          for (const at of model.keys()) assert.equal(cache.get(at), undefined);
        },
      ),
    );
  });
});
