import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { AssertionFailure } from "./assert.ts";
import { ByteReader } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

function written(write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter({ size: 1, start: 0, sizeMax: 100_000 });
  write(writer);
  return Buffer.from(writer.buffer.subarray(0, writer.at));
}

function reader(bytes: Uint8Array): ByteReader {
  return new ByteReader().open(bytes, 0, bytes.length);
}

describe("ByteWriter", () => {
  it("writes these bytes", () => {
    const bytes = written((writer) => {
      writer.u8(255);
      writer.u32(0xfedc_ba98);
      writer.uvarint(0);
      writer.uvarint(127);
      writer.uvarint(128);
      writer.uvarint(2 ** 32);
      writer.uvarint(Number.MAX_SAFE_INTEGER);
      writer.svarint(-1);
      writer.svarint(1);
      writer.svarint(-64);
      writer.bytes(new Uint8Array([1, 2]));
      writer.latin1("a\xff");
    });
    assert.equal(
      bytes.toString("hex"),
      "ff 98badcfe 00 7f 8001 8080808010 ffffffffffffff0f 01 02 7f 020102 0261ff".replaceAll(
        " ",
        "",
      ),
    );
  });

  it("writes what ByteReader reads, for every number and string", () => {
    const uvarint = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(53).map((power) => Math.min(2 ** power, Number.MAX_SAFE_INTEGER)),
      fc.nat(53).map((power) => 2 ** power - 1),
    );
    const svarint = fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 });
    const latin1 = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("latin1"));
    fc.assert(
      fc.property(uvarint, svarint, fc.uint8Array(), latin1, (unsigned, signed, data, text) => {
        const bytes = written((writer) => {
          writer.uvarint(unsigned);
          writer.svarint(signed);
          writer.bytes(data);
          writer.latin1(text);
        });
        const from = reader(bytes);
        assert.equal(from.uvarint(), unsigned);
        assert.equal(from.svarint(), signed);
        assert.deepEqual(from.bytes(), data);
        assert.equal(from.latin1(), text);
        from.finish();
      }),
    );
  });

  it("leaves room in front, and begins again after reset", () => {
    const writer = new ByteWriter({ size: 8, start: 4, sizeMax: 100 });
    writer.u32(1);
    assert.deepEqual([writer.length, writer.at], [4, 8]);
    writer.buffer.writeUInt32LE(0xaaaa_aaaa, 0);
    writer.latin1("longer than the buffer was");
    assert.equal(writer.buffer.readUInt32LE(0), 0xaaaa_aaaa, "what is in front grows along");
    writer.reset();
    assert.deepEqual([writer.length, writer.at], [0, 4]);
  });

  it("never grows past its limit", () => {
    for (const write of [
      (writer: ByteWriter) => writer.bytes(new Uint8Array(20)),
      (writer: ByteWriter) => writer.latin1("x".repeat(20)),
      (writer: ByteWriter) => {
        for (let i = 0; i < 21; i++) writer.u8(i);
      },
      (writer: ByteWriter) => {
        for (let i = 0; i < 6; i++) writer.u32(i);
      },
    ]) {
      const writer = new ByteWriter({ size: 1, start: 0, sizeMax: 20 });
      assert.throws(() => write(writer), { code: "EFBIG" });
      assert.ok(writer.buffer.length <= 20);
    }
  });

  it("uses the last byte of its limit", () => {
    const writer = new ByteWriter({ size: 1, start: 0, sizeMax: 20 });
    writer.latin1("x".repeat(19));
    assert.equal(writer.at, 20);
    writer.reset();
    writer.bytes(new Uint8Array(18));
    writer.uvarint(5);
    assert.equal(writer.at, 20);
    assert.throws(() => writer.u8(1), { code: "EFBIG" });
  });

  it("takes a number that no varint can hold for a bug", () => {
    const writer = new ByteWriter({ size: 16, start: 0, sizeMax: 16 });
    for (const value of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
      assert.throws(() => writer.uvarint(value), AssertionFailure);
    }
    assert.throws(() => writer.svarint(2 ** 52), AssertionFailure);
    assert.throws(() => writer.svarint(-(2 ** 52) - 1), AssertionFailure);
    assert.equal(writer.at, 0);
  });
});
