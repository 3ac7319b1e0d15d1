/**
 * Reads a record's payload back, field by field in the order RecordWriter wrote it. One reader is kept and reused.
 *
 * What always holds: nothing outside [at, at + length) is read; bytes that end too early, a varint that is not in its
 * shortest form or above 2^53 - 1, and a boolean that is neither 0 nor 1 throw CorruptError (EIO); `end` refuses bytes
 * that nobody read. Source of the encodings: record-writer.ts.
 */
import { CorruptError } from "../core/fs-error.ts";
import { getU64Le } from "../core/u64.ts";

const TWO_32 = 0x1_0000_0000;

/** Node has had this method since 6.4; its type declarations leave it out. It is the fastest decoder of bytes to characters. */
type LatinBuffer = Buffer & { latin1Slice(start: number, end: number): string };

export class RecordReader {
  #bytes: LatinBuffer;
  #view: DataView;
  #at = 0;
  #end = 0;

  constructor() {
    this.#bytes = Buffer.alloc(0) as LatinBuffer;
    this.#view = new DataView(new ArrayBuffer(0));
  }

  /** Reads `length` bytes of `bytes` from `at` on; the bytes are borrowed until the next `open`. Returns itself. */
  open(bytes: Uint8Array, at = 0, length: number = bytes.length - at): this {
    if (
      this.#bytes.buffer !== bytes.buffer ||
      this.#bytes.byteOffset !== bytes.byteOffset ||
      this.#bytes.length !== bytes.length
    ) {
      this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as LatinBuffer;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    if (at < 0 || length < 0 || at + length > bytes.length)
      throw new CorruptError(
        `a payload of ${length} bytes at ${at} leaves its buffer of ${bytes.length}`,
      );
    this.#at = at;
    this.#end = at + length;
    return this;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    const at = this.#take(1);
    return this.#bytes[at]!;
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new CorruptError(`a boolean in a journal record is ${value}`);
    return value === 1;
  }

  u16(): number {
    const at = this.#take(2);
    return this.#view.getUint16(at, true);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#view.getUint32(at, true);
  }

  u48(): number {
    const at = this.#take(6);
    return this.#view.getUint16(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }

  u64(): number {
    const at = this.#take(8);
    return getU64Le(this.#view, at);
  }

  f64(): number {
    const at = this.#take(8);
    return this.#view.getFloat64(at, true);
  }

  uvarint(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    return this.#varintTail(first & 0x7f, 0x80);
  }

  svarint(): number {
    const first = this.u8();
    const isNegative = (first & 0x40) !== 0;
    const low = first & 0x3f;
    const magnitude = first < 0x80 ? low : this.#varintTail(low, 0x40);
    if (isNegative && magnitude === 0)
      throw new CorruptError("a signed number in a journal record is minus zero");
    return isNegative ? -magnitude : magnitude;
  }

  /** The bytes, shared with the buffer that was opened: copy what must outlive it. */
  bytes(): Uint8Array {
    const length = this.uvarint();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  latin1(): string {
    const length = this.uvarint();
    const at = this.#take(length);
    return this.#bytes.latin1Slice(at, at + length);
  }

  /** Throws CorruptError when bytes are left over: the writer and the reader do not agree on the fields. */
  end(): void {
    if (this.#at !== this.#end)
      throw new CorruptError(`${this.#end - this.#at} bytes are left over in a journal record`);
  }

  /** The digits after the first; `scale` is the weight of the next one. */
  #varintTail(low: number, scale: number): number {
    let value = low;
    let weight = scale;
    for (;;) {
      const digit = this.u8();
      value += (digit & 0x7f) * weight;
      if (value > Number.MAX_SAFE_INTEGER)
        throw new CorruptError("a number in a journal record is above 2^53 - 1");
      if (digit < 0x80) {
        if (digit === 0)
          throw new CorruptError("a number in a journal record is not in shortest form");
        return value;
      }
      weight *= 0x80;
      // Nine digits reach beyond 2^53, whatever they are: a run of empty ones must not go on for ever.
      if (weight > 2 ** 57) throw new CorruptError("a number in a journal record is too long");
    }
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.#end - at)
      throw new CorruptError(`a journal record ends ${size - (this.#end - at)} bytes too early`);
    this.#at = at + size;
    return at;
  }
}
