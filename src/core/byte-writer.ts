/**
 * A cursor that appends little-endian numbers, varints, names and byte strings to a buffer that grows up to a limit.
 *
 * Used for the arguments and results of operations in journal records and for compact rows. Names are latin1
 * strings, one character a byte (a bijection with the bytes the kernel sent), so they need no decoding.
 */
import { assert, AssertionFailure } from "./assert.ts";
import { FsError } from "./fs-error.ts";

const TWO_32 = 0x1_0000_0000;
/** Of 53 bits, seven a byte. */
const VARINT_SIZE_MAX = 8;

export class ByteWriter {
  /** The bytes; `at` says how many are valid, from `start` on. Replaced when it grows. */
  buffer: Buffer;
  at: number;
  readonly #start: number;
  readonly #sizeMax: number;

  /** `start` bytes are left free in front for a header; the buffer never grows past `sizeMax`. */
  constructor(options: {
    readonly size: number;
    readonly start: number;
    readonly sizeMax: number;
  }) {
    assert(options.start <= options.size, "the writer's start lies inside its buffer");
    this.buffer = Buffer.alloc(options.size);
    this.#start = options.start;
    this.#sizeMax = options.sizeMax;
    this.at = options.start;
  }

  /** Forgets what was written; returns itself. */
  reset(): this {
    this.at = this.#start;
    return this;
  }

  /** Bytes written since reset. */
  get length(): number {
    return this.at - this.#start;
  }

  u8(value: number): void {
    if (this.at + 1 > this.buffer.length) this.#grow(1);
    this.buffer[this.at++] = value;
  }

  u32(value: number): void {
    if (this.at + 4 > this.buffer.length) this.#grow(4);
    const b = this.buffer;
    let at = this.at;
    b[at++] = value;
    b[at++] = value >>> 8;
    b[at++] = value >>> 16;
    b[at++] = value >>> 24;
    this.at = at;
  }

  /** An integer in [0, 2^53 - 1]: seven bits a byte, lowest first, the top bit says that more follows. */
  uvarint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new AssertionFailure(`${value} cannot be stored as a varint`);
    }
    if (this.at + VARINT_SIZE_MAX > this.buffer.length) this.#grow(varintSize(value));
    const b = this.buffer;
    let at = this.at;
    let rest = value;
    while (rest >= TWO_32) {
      b[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    rest >>>= 0;
    while (rest >= 0x80) {
      b[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    b[at++] = rest;
    this.at = at;
  }

  /** A signed integer in ±2^52 (zig-zag). */
  svarint(value: number): void {
    this.uvarint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** Length, then the bytes. */
  bytes(value: Uint8Array): void {
    this.uvarint(value.length);
    if (this.at + value.length > this.buffer.length) this.#grow(value.length);
    this.buffer.set(value, this.at);
    this.at += value.length;
  }

  /** Length, then one byte a character. */
  latin1(value: string): void {
    this.uvarint(value.length);
    if (this.at + value.length > this.buffer.length) this.#grow(value.length);
    this.buffer.write(value, this.at, "latin1");
    this.at += value.length;
  }

  #grow(more: number): void {
    const needed = this.at + more;
    if (needed <= this.buffer.length) return;
    if (needed > this.#sizeMax) {
      throw new FsError("EFBIG", `a record of ${needed} bytes is larger than ${this.#sizeMax}`);
    }
    const size = Math.min(this.#sizeMax, Math.max(needed, this.buffer.length * 2));
    const grown = Buffer.alloc(size);
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
  return size;
}
