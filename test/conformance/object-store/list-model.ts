/** list against a sorted array, for any keys, prefix, start and page size (fast-check). */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { compareKeys } from "../../../src/object/object-key.ts";
import {
  text,
  keysOf,
  allKeys,
  compareBytes,
  withoutNesting,
  type Subject,
  type StoreUnderTest,
} from "./fixtures.ts";

const RUN_COUNT = 25;

export function listModelTests(subject: Subject, factory: () => Promise<StoreUnderTest>): void {
  const segment = fc.string({
    unit: fc.constantFrom("a", "b", "-", "0", "~", "é", "\u{e001}", "🐟"),
    minLength: 1,
    maxLength: 2,
  });
  const key = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
  const cut = fc.tuple(key, fc.nat(4)).map(([k, n]) => Array.from(k).slice(0, n).join(""));

  it("agrees with a sorted array for any keys, prefix, start and page size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { maxLength: 12 }),
        fc.array(fc.tuple(cut, fc.oneof(cut, key), fc.integer({ min: 1, max: 4 })), {
          minLength: 4,
          maxLength: 4,
        }),
        async (keys, queries) => {
          const { store, dispose } = await factory();
          try {
            const kept = withoutNesting(keys);
            for (const k of kept) await store.create(k, text(k));
            for (const [prefix, startAfter, limit] of queries) {
              const expected = kept
                .filter((k) => k.startsWith(prefix) && compareBytes(k, startAfter) > 0)
                .sort(compareBytes);
              assert.deepEqual(await allKeys(store, { prefix, startAfter, limit }), expected);
            }
          } finally {
            await dispose();
          }
        },
      ),
      { numRuns: RUN_COUNT },
    );
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), []);
  });

  it("compares keys as their UTF-8 bytes compare", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        assert.equal(Math.sign(compareKeys(a, b)), Math.sign(compareBytes(a, b)));
      }),
    );
  });
}
