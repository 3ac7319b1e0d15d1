/**
 * Reads what ByteWriter wrote. Every read past the end, and every number above 2^53 - 1, is a CorruptError:
 * the bytes come from a disk.
 */
import { CorruptError } from "./fs-error.ts";

export class ByteReader {
  #buffer: Buffer;
  #end: number;
  at: number;

  constructor() {
    this.#buffer = Buffer.alloc(0);
    this.#end = 0;
    this.at = 0;
  }

  /** Begins to read `length` bytes at `at` of `buffer`, which must not change meanwhile. */
  open(buffer: Uint8Array, at: number, length: number): this {
    this.#buffer = Buffer.isBuffer(buffer)
      ? buffer
      : Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    this.at = at;
    this.#end = at + length;
    if (this.#end > buffer.length) throw new CorruptError("a record runs past its buffer");
    return this;
  }

  get remaining(): number {
    return this.#end - this.at;
  }

  u8(): number {
    if (this.at >= this.#end) this.#short();
    return this.#buffer[this.at++]!;
  }

  u32(): number {
    if (this.at + 4 > this.#end) this.#short();
    const value = this.#buffer.readUInt32LE(this.at);
    this.at += 4;
    return value;
  }

  uvarint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new CorruptError("a varint is above 2^53 - 1");
  }

  svarint(): number {
    const value = this.uvarint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A copy, owned by the caller. */
  bytes(): Uint8Array {
    const length = this.uvarint();
    if (length > this.#end - this.at) this.#short();
    const value = new Uint8Array(length);
    this.#buffer.copy(value, 0, this.at, this.at + length);
    this.at += length;
    return value;
  }

  latin1(): string {
    const length = this.uvarint();
    if (length > this.#end - this.at) this.#short();
    const value = this.#buffer.toString("latin1", this.at, this.at + length);
    this.at += length;
    return value;
  }

  /** Throws CorruptError when bytes are left over. */
  finish(): void {
    if (this.at !== this.#end) {
      throw new CorruptError(`${this.#end - this.at} bytes are left over in a record`);
    }
  }

  #short(): never {
    throw new CorruptError("a record is cut short");
  }
}
