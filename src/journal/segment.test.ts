import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { crc32 } from "../core/crc.ts";
import {
  chainSeed,
  decodeSegmentHeader,
  encodeSegmentHeader,
  parseSegmentName,
  parseSpareName,
  partialSpareName,
  recordTag,
  SEGMENT_HEADER_SIZE,
  SEGMENT_SIZE_MIN,
  type SegmentHeader,
  segmentName,
  spareName,
} from "./segment.ts";

const header: SegmentHeader = {
  uuid: Uint8Array.from({ length: 16 }, (_, i) => i),
  number: 0x01_0203_0405,
  firstJsn: 77,
  flushedJsn: 76,
  salt: Uint8Array.from({ length: 16 }, (_, i) => 0x40 + i),
  size: 64 * 1024 * 1024,
};
// Packed by Python's struct and zlib.crc32 from the layout in segment.ts.
const golden =
  "53484f414c4a4e4c0100000000100000000102030405060708090a0b0c0d0e0f05040302010000004d000000000000004c00000000000000404142434445464748494a4b4c4d4e4f0000000400000000a10d8f51";

function encoded(from: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_SIZE);
  encodeSegmentHeader(bytes, 0, from);
  return bytes;
}

/** Rewrites a field of both copies and makes their CRCs fit again. */
function patched(at: number, value: number): Uint8Array {
  const bytes = encoded(header);
  const view = new DataView(bytes.buffer);
  for (const copy of [0, 2048]) {
    view.setUint32(copy + at, value, true);
    view.setUint32(copy + 80, crc32(bytes.subarray(copy, copy + 80)), true);
  }
  return bytes;
}

describe("a journal segment's header", () => {
  it("has the documented bytes, twice", () => {
    const bytes = encoded(header);
    for (const copy of [0, 2048]) {
      const found = Buffer.from(bytes.subarray(copy, copy + 84)).toString("hex");
      assert.equal(found, golden);
      assert.ok(bytes.subarray(copy + 84, copy + 2048).every((byte) => byte === 0));
    }
  });

  it("decodes to what was encoded", () => {
    const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const anyHeader = fc.record({
      uuid: bytes16,
      number: fc.maxSafeNat(),
      firstJsn: fc.maxSafeNat().map((n) => Math.max(1, n)),
      flushedJsn: fc.nat(),
      salt: bytes16,
      size: fc.integer({ min: SEGMENT_SIZE_MIN, max: 2 ** 30 }),
    });
    fc.assert(
      fc.property(anyHeader, (some) => {
        assert.deepEqual(decodeSegmentHeader(encoded(some), 0, some.number), { ...some });
        assert.equal(decodeSegmentHeader(encoded(some), 0, some.number + 1), undefined);
      }),
    );
  });

  it("is nothing when cut short anywhere, and survives the loss of either copy", () => {
    const whole = encoded(header);
    for (let length = 0; length < SEGMENT_HEADER_SIZE; length += 1)
      assert.equal(decodeSegmentHeader(whole.subarray(0, length), 0, header.number), undefined);
    for (const copy of [0, 2048])
      for (let at = copy; at < copy + 84; at++) {
        const damaged = whole.slice();
        damaged[at]! ^= 0x10;
        assert.deepEqual(decodeSegmentHeader(damaged, 0, header.number), header, `byte ${at}`);
        damaged[(at + 2048) % 4096]! ^= 0x10;
        assert.equal(decodeSegmentHeader(damaged, 0, header.number), undefined);
      }
  });

  it("is nothing for noise", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4096, maxLength: 4096 }), (bytes) => {
        assert.equal(decodeSegmentHeader(bytes, 0, 1), undefined);
      }),
    );
  });

  it("refuses a version it does not know and impossible numbers", () => {
    const { number } = header;
    assert.throws(() => decodeSegmentHeader(patched(8, 2), 0, number), { code: "EPROTO" });
    assert.throws(() => decodeSegmentHeader(patched(12, 8192), 0, number), { code: "EPROTO" });
    assert.throws(() => decodeSegmentHeader(patched(40, 0), 0, number), { name: "CorruptError" });
    assert.throws(() => decodeSegmentHeader(patched(76, 1), 0, number), { name: "CorruptError" });
  });

  it("seeds the chain from the whole salt and tags records with its first word", () => {
    assert.equal(chainSeed(header.salt), crc32(header.salt));
    assert.equal(recordTag(header.salt), 0x4342_4140);
  });
});

describe("names in a journal directory", () => {
  it("are parsed to what they were made from, and nothing else is", () => {
    assert.equal(segmentName(0xabc), "0000000000000abc.seg");
    assert.equal(parseSegmentName(segmentName(0xabc)), 0xabc);
    assert.deepEqual(parseSpareName(spareName(9)), { number: 9, isPartial: false });
    assert.deepEqual(parseSpareName(partialSpareName(9)), { number: 9, isPartial: true });
    for (const name of ["abc.seg", "0000000000000ABC.seg", "0000000000000abc.seg~", spareName(1)])
      assert.equal(parseSegmentName(name), undefined, name);
    for (const name of [segmentName(1), "spare-1.seg", "spare-0000000000000001.sego"])
      assert.equal(parseSpareName(name), undefined, name);
  });
});
