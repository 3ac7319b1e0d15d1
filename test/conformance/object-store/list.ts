/** list: order, prefixes, pages, and no key missed while it is swapped. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { text, tagOf, keysOf, allKeys, compareBytes, type Subject } from "./fixtures.ts";
import type { ObjectStore } from "../../../src/object/object-store.ts";

/** In the order of a list. "a-b" is before "a/b" in bytes, a walk over directories would turn them round. */
const ORDERED_KEYS: readonly string[] = [
  "A",
  "a!",
  "a-b",
  "a-b!/x",
  "a.b",
  "a/a",
  "a/b-c",
  "a/b/c",
  "a/b/d",
  "a/b0",
  "a/é",
  "a0",
  "aa/b",
  "ab",
  "b",
  "é",
  "日本/語",
  "\u{e000}",
  "\u{ffee}",
  "\u{1f41f}/x",
];

async function fill(store: ObjectStore): Promise<void> {
  for (const key of ORDERED_KEYS.toReversed()) await store.create(key, text(key));
}

export function listTests(subject: Subject): void {
  it("is empty for an empty store and for what nothing begins with", async () => {
    assert.deepEqual(await subject().list({ prefix: "" }), { objects: [], truncated: false });
    await subject().create("a/b", text("x"));
    for (const prefix of ["b", "a/c", "a/b/", "a//", "//", "/", "../a", "a/../a", "./a", ".tmp/"]) {
      assert.deepEqual(await subject().list({ prefix }), { objects: [], truncated: false }, prefix);
    }
  });

  it("orders keys by their UTF-8 bytes", async () => {
    await fill(subject());
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), ORDERED_KEYS);
  });

  it("takes a prefix that ends within a segment, at a slash or is a whole key", async () => {
    await fill(subject());
    for (const prefix of [
      "a",
      "a/",
      "a/b",
      "a/b/",
      "a/b/c",
      "a-",
      "a-b",
      "日",
      "日本/",
      "é",
      "aa",
    ]) {
      const expected = ORDERED_KEYS.filter((key) => key.startsWith(prefix));
      assert.deepEqual(keysOf(await subject().list({ prefix })), expected, prefix);
    }
  });

  it("starts after any key or text", async () => {
    await fill(subject());
    for (const startAfter of [...ORDERED_KEYS, "a", "a/", "a/b", "a/b/", "zzz", "\u{1f41f}/"]) {
      const expected = ORDERED_KEYS.filter((key) => compareBytes(key, startAfter) > 0);
      assert.deepEqual(keysOf(await subject().list({ prefix: "", startAfter })), expected);
    }
  });
}

export function pageTests(subject: Subject): void {
  it("pages through everything once, and says when it is at the end", async () => {
    await fill(subject());
    for (const limit of [1, 3, ORDERED_KEYS.length]) {
      assert.deepEqual(await allKeys(subject(), { prefix: "", limit }), ORDERED_KEYS);
      const exact = ORDERED_KEYS.filter((key) => key.startsWith("a/"));
      assert.deepEqual(await allKeys(subject(), { prefix: "a/", limit }), exact);
    }
    const page = await subject().list({ prefix: "", limit: 2 });
    assert.deepEqual([page.objects.length, page.truncated], [2, true]);
  });

  it("refuses a limit below 1", async () => {
    for (const limit of [0, -1, 1.5, Number.NaN]) {
      await assert.rejects(subject().list({ prefix: "", limit }), { code: "EINVAL" });
    }
  });

  it("shows a key that is swapped all the time in every list", async () => {
    let tag = tagOf(await subject().create("names/main", text("0")));
    for (let i = 0; i < 5; i++) await subject().create(`names/other-${i}`, text("x"));
    const listed = new AbortController();
    const swapper = async (): Promise<void> => {
      for (let i = 1; !listed.signal.aborted; i++) {
        const swapped = await subject().swap("names/main", tag, text(String(i)));
        assert.equal(swapped.swapped, true);
        tag = swapped.tag;
        // A store in memory would otherwise never let a timer of the lister run.
        await setImmediate();
      }
    };
    const swapping = swapper();
    try {
      for (let i = 0; i < 50; i++) {
        const keys = keysOf(await subject().list({ prefix: "names/" }));
        assert.equal(keys.includes("names/main"), true);
      }
    } finally {
      listed.abort();
      await swapping;
    }
  });
}
