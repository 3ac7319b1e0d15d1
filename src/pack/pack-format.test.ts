import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { toPackId } from "../core/ids.ts";
import {
  checkPackHeader,
  decodePackFooter,
  encodePackFooter,
  encodePackHeader,
  PACK_FOOTER_SIZE,
  type PackFooter,
} from "./pack-format.ts";
import { IDENTITY } from "../../test/support/pack-fixture.ts";

const footer: PackFooter = {
  identity: IDENTITY,
  plainSize: 0x0012_3456,
  indexOffset: 0x0001_0203,
  indexLength: 0x0405,
  indexCrc: 0xdead_beef,
  blockCount: 0x0102,
};

const GOLDEN_FOOTER =
  "000102030405060708090a0b0c0d0e0f" +
  "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff" +
  "0700000000000000" +
  "5634120000000000" +
  "0302010000000000" +
  "05040000" +
  "efbeadde" +
  "02010000" +
  "01000000" +
  "00000000" +
  "1adb16a1" +
  "53484f414c454e44";

function encodeFooter(value: PackFooter): Uint8Array {
  const bytes = new Uint8Array(PACK_FOOTER_SIZE);
  encodePackFooter(new DataView(bytes.buffer), 0, value);
  return bytes;
}

function decodeFooter(bytes: Uint8Array): PackFooter {
  const copy = bytes.slice();
  return decodePackFooter(new DataView(copy.buffer), copy.length - PACK_FOOTER_SIZE, "pack 7");
}

describe("pack header", () => {
  it("has the documented bytes", () => {
    assert.equal(
      Buffer.from(encodePackHeader()).toString("hex"),
      "53484f414c50414b0100000000000000",
    );
  });

  it("is accepted as written, and refused with any bit changed or any byte missing", () => {
    const header = encodePackHeader();
    checkPackHeader(header, "pack 7");
    for (let bit = 0; bit < header.length * 8; bit++) {
      const flipped = header.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      const code = bit < 64 ? "EIO" : "EOPNOTSUPP";
      assert.throws(() => checkPackHeader(flipped, "pack 7"), { code }, `bit ${bit}`);
    }
    for (let length = 0; length < header.length; length++) {
      assert.throws(() => checkPackHeader(header.subarray(0, length), "pack 7"), { code: "EIO" });
    }
  });
});

describe("pack footer", () => {
  it("has the documented bytes", () => {
    assert.equal(Buffer.from(encodeFooter(footer)).toString("hex"), GOLDEN_FOOTER);
    assert.deepEqual(decodeFooter(new Uint8Array(Buffer.from(GOLDEN_FOOTER, "hex"))), footer);
  });

  it("comes back as it was written", () => {
    const digits = fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((bytes) => Buffer.from(bytes).toString("hex"));
    const footers = fc.record(
      {
        identity: fc.record(
          {
            volume: digits,
            timeline: digits,
            pack: fc.integer({ min: 1, max: 2 ** 40 - 1 }).map(toPackId),
          },
          { noNullPrototype: true },
        ),
        plainSize: fc.integer({ min: 100_000, max: 16_777_216 }),
        indexOffset: fc.integer({ min: 17, max: 100_000 }),
        indexLength: fc.integer({ min: 0, max: 200_000 }),
        indexCrc: fc.integer({ min: 0, max: 0xffff_ffff }),
        blockCount: fc.integer({ min: 1, max: 8192 }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(footers, (value) => assert.deepEqual(decodeFooter(encodeFooter(value)), value)),
    );
  });

  it("is refused at every truncation", () => {
    const bytes = encodeFooter(footer);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decodeFooter(bytes.subarray(0, length)), { code: "EIO" });
    }
  });

  it("is refused with any bit changed, and as noise", () => {
    const bytes = encodeFooter(footer);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >>> 3]! ^= 1 << (bit & 7);
      assert.throws(() => decodeFooter(flipped), { code: "EIO" }, `bit ${bit}`);
    }
    const noise = fc.uint8Array({ minLength: PACK_FOOTER_SIZE, maxLength: PACK_FOOTER_SIZE });
    fc.assert(
      fc.property(noise, (value) => assert.throws(() => decodeFooter(value), { code: "EIO" })),
    );
  });

  it("refuses what cannot be, although its checksum holds", () => {
    for (const wrong of [
      { blockCount: 0 },
      { blockCount: 8193 },
      { plainSize: 20 * 1024 * 1024 + 1 },
      { plainSize: 0x0101 },
      { indexOffset: 16 },
      { indexOffset: 0x0012_3456 + 17 },
      { indexLength: 300_000 },
    ]) {
      assert.throws(() => decodeFooter(encodeFooter({ ...footer, ...wrong })), {
        code: "EIO",
        message: /impossible footer/,
      });
    }
  });
});
