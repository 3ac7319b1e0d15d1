import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { CorruptError } from "../core/fs-error.ts";
import { type PageIndexEntry, PageIndex, PageIndexWriter } from "./page-index.ts";
import { hexBytes } from "../../test/support/ltx-fixture.ts";

function encode(entries: readonly PageIndexEntry[]): Uint8Array {
  const writer = new PageIndexWriter();
  for (const entry of entries) writer.add(entry);
  return new Uint8Array(Buffer.concat(writer.finish()));
}

/** Entries as a file has them: pages ascend, frames stand one behind the other. */
function entriesOf(steps: readonly (readonly [number, number])[]): PageIndexEntry[] {
  let pgno = 0;
  let offset = 100;
  return steps.map(([skip, length]) => {
    pgno += skip;
    const entry = { pgno, offset, length };
    offset += length;
    return entry;
  });
}

const steps = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 1, max: 70_000 })),
);

describe("the page index", () => {
  it("has the bytes that the Go library writes", () => {
    const golden = hexBytes("02 64 31 03 9501 31 00 0000000000000008");
    const entries = [
      { pgno: 2, offset: 100, length: 49 },
      { pgno: 3, offset: 149, length: 49 },
    ];
    assert.deepEqual(encode(entries), golden);
    const index = PageIndex.decode(golden, 198);
    assert.deepEqual([...index], entries);
    assert.equal(index.count, 2);
    assert.deepEqual(index.find(3), entries[1]);
    for (const pgno of [0, 1, 4]) assert.equal(index.find(pgno), undefined);
  });

  it("comes back as it was, and finds every page", () => {
    fc.assert(
      fc.property(steps, (list) => {
        const entries = entriesOf(list);
        const end = entries.reduce((at, { length }) => at + length, 100);
        const index = PageIndex.decode(encode(entries), end);
        assert.deepEqual([...index], entries);
        for (const entry of entries) assert.deepEqual(index.find(entry.pgno), entry);
      }),
    );
  });

  it("takes as many pages as come, and offsets beyond 32 bits", () => {
    const entries = entriesOf(Array.from({ length: 70_000 }, () => [1, 65_000] as const));
    const index = PageIndex.decode(encode(entries), 100 + 70_000 * 65_000);
    assert.equal(index.count, 70_000);
    assert.deepEqual(index.find(70_000), entries.at(-1));
  });

  it("is refused at every truncation, and with a wrong size, order, offset or number", () => {
    const good = hexBytes("02 64 31 03 9501 31 00 0000000000000008");
    for (let length = 0; length < good.length; length++) {
      assert.throws(() => PageIndex.decode(good.subarray(0, length), 198), CorruptError);
    }
    assert.throws(() => PageIndex.decode(good, 197), /ends at offset 198/);
    const wrong: readonly (readonly [RegExp, string])[] = [
      [/says 7 bytes and has 8/, "02 64 31 03 9501 31 00 0000000000000007"],
      [/page 2 behind page 2/, "02 64 31 02 9501 31 00 0000000000000008"],
      [/at offset 22 instead of 149/, "02 64 31 03 16 31 00 0000000000000007"],
      [/without bytes/, "02 64 00 03 64 00 00 0000000000000007"],
      [/ends before its size/, "02 64 31 00 00 00 00 00 0000000000000008"],
      [/encoded wrongly/, "8200 64 31 03 9501 31 00 0000000000000009"],
      [/encoded wrongly/, "ffffffffffffffff7f 64 31 00 000000000000000c"],
      [/above 2\^53/, "02 64 31 00 ff00000000000008"],
      [/cut short/, "02 64 31 0000000000000003"],
    ];
    for (const [message, hex] of wrong) {
      assert.throws(() => PageIndex.decode(hexBytes(hex), 198), message, hex);
    }
  });

  it("made of noise is refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const size = new Uint8Array(8);
        size[7] = noise.length;
        const bytes = new Uint8Array(Buffer.concat([noise, size]));
        try {
          const index = PageIndex.decode(bytes, 1000);
          assert.deepEqual(encode([...index]), bytes);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
    );
  });
});
