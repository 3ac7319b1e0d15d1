import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { RecordReader } from "./record-reader.ts";
import { PAYLOAD_SIZE_MAX, RecordWriter } from "./record-writer.ts";

type Field =
  | readonly ["u8" | "u16" | "u32" | "u48" | "u64" | "f64" | "uvarint" | "svarint", number]
  | readonly ["bool", boolean]
  | readonly ["bytes", Uint8Array]
  | readonly ["latin1", string];

function write(writer: RecordWriter, field: Field): void {
  (writer[field[0]] as (value: unknown) => void).call(writer, field[1]);
}

function readAll(reader: RecordReader, fields: readonly Field[]): unknown[] {
  const values = fields.map(([kind]) => {
    const value: unknown = reader[kind]();
    return value instanceof Uint8Array ? Uint8Array.from(value) : value;
  });
  reader.end();
  return values;
}

const int = (max: number): fc.Arbitrary<number> => fc.maxSafeNat().map((n) => n % (max + 1));
const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(0, 63, 64, -64, 2 ** 53 - 1, -(2 ** 53) + 1),
);
const latin1 = fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b).toString("latin1"));
const anyField: fc.Arbitrary<Field> = fc.oneof(
  fc.tuple(fc.constant("u8" as const), int(0xff)),
  fc.tuple(fc.constant("u16" as const), int(0xffff)),
  fc.tuple(fc.constant("u32" as const), int(0xffff_ffff)),
  fc.tuple(fc.constant("u48" as const), int(2 ** 48 - 1)),
  fc.tuple(fc.constant("u64" as const), fc.maxSafeNat()),
  fc.tuple(fc.constant("f64" as const), fc.double()),
  fc.tuple(fc.constant("uvarint" as const), safe.map(Math.abs)),
  fc.tuple(fc.constant("svarint" as const), safe),
  fc.tuple(fc.constant("bool" as const), fc.boolean()),
  fc.tuple(fc.constant("bytes" as const), fc.uint8Array({ maxLength: 300 })),
  fc.tuple(fc.constant("latin1" as const), latin1),
);

const sample: readonly Field[] = [
  ["u8", 0xfe],
  ["u16", 0x1234],
  ["u32", 0xdeadbeef],
  ["u48", 0x8001_0203_0405],
  ["u64", 2 ** 53 - 1],
  ["uvarint", 127],
  ["uvarint", 128],
  ["uvarint", 2 ** 53 - 1],
  ["svarint", -1],
  ["svarint", 63],
  ["svarint", 64],
  ["svarint", -(2 ** 53) + 1],
  ["bool", true],
  ["bytes", Uint8Array.of(1, 2, 3)],
  ["latin1", "h\u00e9"],
  ["f64", -1.5],
];
const golden =
  "fe" +
  "3412" +
  "efbeadde" +
  "050403020180" +
  "ffffffffffff1f00" +
  "7f" +
  "8001" +
  "ffffffffffffff0f" +
  "41" +
  "3f" +
  "8001" +
  "ffffffffffffff1f" +
  "01" +
  "03010203" +
  "0268e9" +
  "000000000000f8bf";

describe("RecordWriter and RecordReader", () => {
  it("writes the documented bytes", () => {
    const writer = new RecordWriter();
    for (const field of sample) write(writer, field);
    assert.equal(Buffer.from(writer.payload()).toString("hex"), golden);
  });

  it("reads back what was written, through one reused pair", () => {
    const writer = new RecordWriter({ headroom: 44 });
    const reader = new RecordReader();
    fc.assert(
      fc.property(fc.array(anyField, { maxLength: 40 }), (fields) => {
        writer.reset();
        for (const field of fields) write(writer, field);
        reader.open(writer.buffer, writer.headroom, writer.length);
        assert.deepEqual(
          readAll(reader, fields),
          fields.map(([, value]) => value),
        );
      }),
    );
  });

  it("refuses every truncation with EIO", () => {
    const bytes = Uint8Array.from(Buffer.from(golden, "hex"));
    const reader = new RecordReader();
    for (let length = 0; length < bytes.length; length++)
      assert.throws(() => readAll(reader.open(bytes, 0, length), sample), {
        name: "CorruptError",
        errno: -5,
      });
    assert.deepEqual(
      readAll(reader.open(bytes), sample),
      sample.map(([, value]) => value),
    );
  });

  it("meets noise with a value or CorruptError, and never reads past its end", () => {
    const reader = new RecordReader();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.array(anyField, { maxLength: 20 }),
        (bytes, fields) => {
          try {
            readAll(reader.open(bytes), fields);
          } catch (error) {
            assert.equal((error as Error).name, "CorruptError");
          }
          assert.ok(reader.remaining >= 0);
        },
      ),
    );
  });

  it("refuses numbers that are not in shortest form, minus zero and anything above 2^53 - 1", () => {
    const reader = new RecordReader();
    for (const hex of ["8000", "ffffffffffffff10", "8080808080808080808001", "ff8000"])
      assert.throws(
        () => reader.open(Buffer.from(hex, "hex")).uvarint(),
        { name: "CorruptError" },
        hex,
      );
    for (const hex of ["40", "8000", "c000", "ffffffffffffff20"])
      assert.throws(
        () => reader.open(Buffer.from(hex, "hex")).svarint(),
        { name: "CorruptError" },
        hex,
      );
    assert.throws(() => reader.open(Uint8Array.of(2)).bool(), { name: "CorruptError" });
    assert.throws(() => reader.open(Uint8Array.of(1, 2)).end(), { name: "CorruptError" });
  });

  it("grows to the largest payload and stops there", () => {
    const writer = new RecordWriter({ headroom: 44 });
    const big = new Uint8Array(PAYLOAD_SIZE_MAX - 3).fill(7);
    writer.bytes(big);
    assert.equal(writer.length, PAYLOAD_SIZE_MAX);
    assert.throws(() => writer.u8(1), { name: "AssertionFailure" });
    assert.throws(() => new RecordWriter().latin1("\u0100"), { name: "AssertionFailure" });
    assert.throws(() => new RecordWriter().u32(-1), { name: "AssertionFailure" });
    assert.throws(() => new RecordWriter().svarint(1.5), { name: "AssertionFailure" });
  });
});
