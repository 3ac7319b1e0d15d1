import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ByteReader } from "./byte-reader.ts";
import { CorruptError } from "./fs-error.ts";

function reader(hex: string): ByteReader {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  return new ByteReader().open(bytes, 0, bytes.length);
}

describe("ByteReader", () => {
  it("reads a part of a buffer and nothing outside of it", () => {
    const bytes = new Uint8Array([9, 1, 0, 0, 0, 2, 9]);
    const from = new ByteReader().open(bytes.subarray(1), 0, 5);
    assert.equal(from.remaining, 5);
    assert.equal(from.u32(), 1);
    assert.equal(from.u8(), 2);
    assert.equal(from.remaining, 0);
    from.finish();
    assert.throws(() => from.u8(), CorruptError);
  });

  it("hands out bytes that are the caller's own", () => {
    const bytes = Buffer.from([2, 7, 8]);
    const value = new ByteReader().open(bytes, 0, 3).bytes();
    bytes.fill(0);
    assert.deepEqual(value, new Uint8Array([7, 8]));
  });

  it("refuses every read past the end as corrupt", () => {
    assert.throws(() => reader("").u8(), CorruptError);
    assert.throws(() => reader("000000").u32(), CorruptError);
    assert.throws(() => reader("8080").uvarint(), CorruptError);
    assert.throws(() => reader("81").svarint(), CorruptError);
    assert.throws(() => reader("0201").bytes(), CorruptError);
    assert.throws(() => reader("0361 62").latin1(), CorruptError);
    assert.throws(() => reader("ffffffffffffff0f").latin1(), CorruptError);
    assert.throws(() => new ByteReader().open(new Uint8Array(3), 1, 3), CorruptError);
    assert.throws(() => reader("00").finish(), CorruptError);
  });

  it("refuses a varint above 2^53 - 1, and one that does not end", () => {
    assert.equal(reader("ffffffffffffff0f").uvarint(), Number.MAX_SAFE_INTEGER);
    assert.throws(() => reader("8080808080808010").uvarint(), CorruptError);
    assert.throws(() => reader("ffffffffffffff7f").uvarint(), CorruptError);
    assert.throws(() => reader("808080808080808000").uvarint(), CorruptError);
  });

  it("reads from noise, or refuses it as corrupt; it never leaves its range", () => {
    const calls = fc.array(fc.constantFrom("u8", "u32", "uvarint", "svarint", "bytes", "latin1"), {
      size: "max",
      maxLength: 20,
    });
    fc.assert(
      fc.property(fc.uint8Array(), calls, (noise, names) => {
        const bytes = Buffer.concat([Buffer.alloc(3, 0xff), noise, Buffer.alloc(3, 0xff)]);
        const from = new ByteReader().open(bytes, 3, noise.length);
        try {
          for (const name of names) {
            from[name]();
            assert.ok(from.at <= 3 + noise.length);
          }
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
    );
  });
});
