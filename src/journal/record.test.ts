import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { crc32 } from "../core/crc.ts";
import { crc32Range } from "./crc-range.ts";
import {
  decodeRecordHeader,
  decodeWriteArgs,
  emptyRecordHeader,
  emptyWriteArgs,
  encodeRecordHeader,
  encodeWriteArgs,
  isRecordSealed,
  RECORD_HEADER_SIZE,
  RECORD_KIND_WRITE,
  RECORD_SIZE_MAX,
  type RecordHeader,
  sealRecord,
  WRITE_HEADER_SIZE,
  type WriteArgs,
} from "./record.ts";

const SEED = 0x1234_5678;
const header: RecordHeader = {
  crc: 0,
  length: 84,
  jsn: 0x0102_0304_0506,
  unique: 0x1f_ffff_ffff_fffe,
  flushedJsn: 0x0102_0304_0505,
  connection: 0xa1a2_a3a4,
  tag: 0xb1b2_b3b4,
  kind: RECORD_KIND_WRITE,
  version: 1,
};
const args: WriteArgs = {
  ino: 0x0708_090a_0b0c,
  offset: 0x1f_ffff_ffff_fff0,
  dataLength: 4,
  dataCrc: 0xc1c2_c3c4,
  timeSec: -2,
  timeNsec: 999_999_999,
  flags: 0xd1d2,
};
const golden =
  "7ad56e9d" + // crc, computed by Python's zlib.crc32(bytes[4:80], 0x12345678)
  "54000000" +
  "0605040302010000" +
  "feffffffffff1f00" +
  "0505040302010000" +
  "a4a3a2a1" +
  "b4b3b2b1" +
  "0100" +
  "0100" +
  "0c0b0a0908070000" +
  "f0ffffffffff1f00" +
  "04000000" +
  "c4c3c2c1" +
  "feffffffffff" +
  "d2d1" +
  "ffc99a3b";

function encoded(h: RecordHeader, a: WriteArgs): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(WRITE_HEADER_SIZE + 4);
  const view = new DataView(bytes.buffer);
  encodeRecordHeader(view, 0, h);
  encodeWriteArgs(view, 0, a);
  h.crc = sealRecord(view, bytes, 0, SEED);
  return { bytes, view };
}

describe("a journal record", () => {
  it("has the documented bytes", () => {
    const { bytes } = encoded({ ...header }, args);
    assert.equal(Buffer.from(bytes.subarray(0, WRITE_HEADER_SIZE)).toString("hex"), golden);
  });

  it("decodes to what was encoded", () => {
    const u32 = fc.nat(0xffff_ffff);
    const u16 = fc.nat(0xffff);
    const safe = fc.maxSafeNat().map((n) => Math.min(n, Number.MAX_SAFE_INTEGER - 1));
    const anyHeader = fc
      .record({ connection: u32, tag: u32, version: u16, unique: safe, jsn: safe, back: u32 })
      .map(({ jsn, back, ...rest }) => {
        const some = Math.max(1, jsn);
        const flushedJsn = Math.max(0, some - 1 - back);
        return { ...rest, crc: 0, length: 84, kind: RECORD_KIND_WRITE, jsn: some, flushedJsn };
      });
    const anyArgs = fc.record({
      ino: safe,
      offset: safe.map((n) => Math.min(n, Number.MAX_SAFE_INTEGER - 4)),
      dataLength: fc.constant(4),
      dataCrc: u32,
      timeSec: fc.integer({ min: -(2 ** 47), max: 2 ** 47 - 1 }),
      timeNsec: fc.nat(999_999_999),
      flags: u16,
    });
    fc.assert(
      fc.property(anyHeader, anyArgs, (h, a) => {
        const { bytes, view } = encoded(h, a);
        const gotHeader = emptyRecordHeader();
        const gotArgs = emptyWriteArgs();
        assert.ok(decodeRecordHeader(view, 0, gotHeader));
        assert.ok(decodeWriteArgs(view, 0, h.length, gotArgs));
        assert.ok(isRecordSealed(view, bytes, 0, SEED));
        assert.deepEqual(gotHeader, h);
        assert.deepEqual(gotArgs, { ...a });
      }),
    );
  });

  it("is refused by its crc when its end is missing or any bit of it is another", () => {
    const { bytes, view } = encoded({ ...header }, args);
    for (let length = 4; length < WRITE_HEADER_SIZE; length++) {
      const cut = bytes.slice();
      if (cut.subarray(length, WRITE_HEADER_SIZE).every((byte) => byte === 0)) continue;
      cut.fill(0, length);
      assert.ok(!isIntact(cut), `cut at ${length}`);
    }
    for (let bit = 0; bit < WRITE_HEADER_SIZE * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      assert.ok(!isIntact(flipped), `bit ${bit}`);
    }
    assert.ok(isRecordSealed(view, bytes, 0, SEED));
    assert.ok(!isRecordSealed(view, bytes, 0, SEED + 1), "another chain");
  });

  it("meets noise with false, never with a throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 80, maxLength: 80 }), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const h = emptyRecordHeader();
        if (decodeRecordHeader(view, 0, h)) {
          assert.ok(h.length >= RECORD_HEADER_SIZE && h.length <= RECORD_SIZE_MAX);
          assert.ok(h.jsn > h.flushedJsn);
          decodeWriteArgs(view, 0, h.length, emptyWriteArgs());
        }
      }),
    );
    assert.ok(!decodeRecordHeader(new DataView(new ArrayBuffer(80)), 0, emptyRecordHeader()));
  });

  it("has its CRC from either method at every length and seed", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.nat(0xffff_ffff),
        fc.nat(20),
        (bytes, seed, from) => {
          const start = Math.min(from, bytes.length);
          const expected = crc32(bytes.subarray(start), seed);
          assert.equal(crc32Range(bytes, start, bytes.length, seed), expected);
        },
      ),
    );
  });
});

function isIntact(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer);
  const found = emptyRecordHeader();
  const isHeader = decodeRecordHeader(view, 0, found);
  if (!isHeader || found.length > bytes.length) return false;
  return isRecordSealed(view, bytes, 0, SEED);
}
