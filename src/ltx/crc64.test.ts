import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { combineCrc64, Crc64 } from "./crc64.ts";
import { spanOf } from "./lz4-block.ts";

function crcOf(...pieces: readonly Uint8Array[]): bigint {
  const crc = new Crc64();
  for (const piece of pieces) crc.update(spanOf(piece).view, 0, piece.length);
  return crc.digest();
}

/** As the definition has it, a bit at a time. */
function plainCrc(bytes: Uint8Array): bigint {
  let register = 0xffff_ffff_ffff_ffffn;
  for (const byte of bytes) {
    register ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) {
      register =
        (register & 1n) === 1n ? (register >> 1n) ^ 0xd800_0000_0000_0000n : register >> 1n;
    }
  }
  return register ^ 0xffff_ffff_ffff_ffffn;
}

describe("CRC-64", () => {
  it("has the check value of CRC-64 GO-ISO", () => {
    assert.equal(crcOf(new TextEncoder().encode("123456789")), 0xb909_56c7_75a4_1001n);
    assert.equal(crcOf(), 0n);
  });

  it("is what the definition says, for bytes that come in any pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }), (pieces) => {
        assert.equal(crcOf(...pieces), plainCrc(Buffer.concat(pieces)));
      }),
    );
  });

  it("of two strings follows from the CRC of each and a length", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ maxLength: 300 }), (a, b) => {
        assert.equal(combineCrc64(crcOf(a), crcOf(b), b.length), crcOf(a, b));
      }),
    );
  });
});
