/** The four tests every structure of the protocol has: golden bytes, round trip, every truncation, noise. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";

export interface Codec<T> {
  /** As linux/fuse.h calls it. */
  readonly name: string;
  readonly size: number;
  readonly make: () => T;
  readonly decode: (view: DataView, at: number, into: T) => T;
  readonly encode: (view: DataView, at: number, from: T) => void;
  /**
   * What a C program prints of the structure filled with `value`, compiled against linux/fuse.h of protocol 7.45
   * (libfuse at e8d407ce, include/fuse_kernel.h) by gcc on x86-64: memset to 0, each field assigned, bytes as hex.
   */
  readonly golden: string;
  readonly value: T;
}

/** Somewhere inside a buffer, as in real requests, and not aligned. */
const AT = 3;

export function codecSuite<T>(codec: Codec<T>): void {
  const { size, make, decode, encode } = codec;
  const golden = Uint8Array.from(Buffer.from(codec.golden, "hex"));

  void describe(codec.name, () => {
    void it("reads what the C compiler lays out", () => {
      assert.equal(golden.length, size);
      const bytes = framed(golden);
      assert.deepEqual(decode(viewOf(bytes), AT, make()), codec.value);
    });

    void it("writes what the C compiler lays out, and nothing around it", () => {
      const bytes = new Uint8Array(AT + size + AT).fill(0xee);
      encode(viewOf(bytes), AT, codec.value);
      assert.deepEqual(bytes, framed(golden, 0xee));
    });

    void it("refuses every length below its own with EIO", () => {
      for (let length = 0; length < size; length++)
        assert.throws(() => decode(new DataView(golden.buffer, 0, length), 0, make()), {
          code: "EIO",
          errno: -5,
        });
    });

    void it("takes any bytes, and writes again what it read", () => {
      const noise = fc.uint8Array({ minLength: size, maxLength: size });
      fc.assert(
        fc.property(noise, (bytes) => {
          const value = decode(viewOf(bytes), 0, make());
          const again = new Uint8Array(size).fill(0xee);
          encode(viewOf(again), 0, value);
          assert.deepEqual(decode(viewOf(again), 0, make()), value);
        }),
      );
    });
  });
}

function framed(bytes: Uint8Array, around = 0): Uint8Array {
  const frame = new Uint8Array(AT + bytes.length + AT).fill(around);
  frame.set(bytes, AT);
  return frame;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
