import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { crc32 } from "../core/crc.ts";
import { CACHE_UNIT_SIZE, CacheMap } from "./cache-map.ts";

function sample(): CacheMap {
  const map = new CacheMap(9 * CACHE_UNIT_SIZE + 5);
  for (const unit of [0, 3, 9]) map.set(unit, true);
  return map;
}

/** The last 4 bytes are Python's zlib.crc32 of those before. */
const GOLDEN = [
  "53484f414c4d4150",
  "01000000",
  "00000100",
  "0500090000000000",
  "0902",
  "d48c7130",
].join("");

function reseal(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, bytes.length - 4)), true);
  return bytes;
}

describe("cache map", () => {
  it("has the documented bytes", () => {
    assert.equal(Buffer.from(sample().encode()).toString("hex"), GOLDEN);
  });

  it("comes back as it was written", () => {
    const sizes = fc.integer({ min: 1, max: 17_000_000 });
    fc.assert(
      fc.property(sizes, fc.array(fc.nat(255)), (size, units) => {
        const map = new CacheMap(size);
        const present = new Set(units.filter((unit) => unit < map.unitCount));
        for (const unit of present) map.set(unit, true);
        const decoded = CacheMap.decode(map.encode());
        assert.equal(decoded.packSize, size);
        for (let unit = 0; unit < map.unitCount; unit++) {
          assert.equal(decoded.has(unit), present.has(unit));
        }
        assert.equal(decoded.residentSize, map.residentSize);
        assert.equal(decoded.isComplete, present.size === map.unitCount);
      }),
    );
  });

  it("is refused at every truncation and with any bit changed", () => {
    const bytes = sample().encode();
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => CacheMap.decode(bytes.slice(0, length)), { code: "EIO" });
    }
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      assert.throws(() => CacheMap.decode(flipped), { code: "EIO" });
    }
  });

  it("is refused as noise, also under a right checksum", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        assert.throws(() => CacheMap.decode(noise), { code: "EIO" });
        if (noise.length < 4) return;
        assert.throws(() => CacheMap.decode(reseal(noise)), { code: "EIO" });
      }),
    );
    for (const [at, value] of [
      [8, 2],
      [12, 1],
      [18, 8],
      [23, 1],
      [25, 4],
    ] as const) {
      const bytes = sample().encode();
      bytes[at]! ^= value;
      assert.throws(() => CacheMap.decode(reseal(bytes)), { code: "EIO" }, `byte ${at}`);
    }
  });

  it("says whether all of a range is there, to the byte", () => {
    const map = sample();
    assert.equal(map.hasRange(0, CACHE_UNIT_SIZE), true);
    assert.equal(map.hasRange(0, CACHE_UNIT_SIZE + 1), false);
    assert.equal(map.hasRange(CACHE_UNIT_SIZE - 1, 1), true);
    assert.equal(map.hasRange(9 * CACHE_UNIT_SIZE, 5), true);
    assert.equal(map.hasRange(9 * CACHE_UNIT_SIZE, 6), false);
    assert.equal(map.hasRange(3 * CACHE_UNIT_SIZE, 0), true);
  });
});
