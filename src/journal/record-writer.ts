/**
 * Writes an operation's arguments and result as the payload of a journal record, into one buffer that is kept and reused.
 *
 * What always holds: `headroom` bytes in front of the payload stay free, so that the journal encodes its record header
 * there and appends header and payload with one write; the buffer doubles when it must and never shrinks; a payload is
 * at most PAYLOAD_SIZE_MAX. Read back by RecordReader, field by field in the same order.
 *
 * Source of the encodings (little-endian):
 *   u8 u16 u32   fixed width                       u48   6 bytes, u32 low then u16 high
 *   u64          8 bytes, at most 2^53 - 1         f64   8 bytes, IEEE 754
 *   uvarint      LEB128, 7 bits a byte, lowest first, bit 7 = more follow; 0 to 2^53 - 1; the shortest form only
 *   svarint      as uvarint of the magnitude, but bit 6 of the first byte is the sign (6 bits of magnitude there)
 *   bytes        uvarint length, then the bytes    latin1  uvarint length, then one byte a character
 */
import { assert } from "../core/assert.ts";
import { setU64Le } from "../core/u64.ts";

/** Bytes of an operation's payload: a 64 KiB extended attribute or a full plan fits, and so does the largest WRITE's data. */
export const PAYLOAD_SIZE_MAX: number = 1024 * 1024;
/** First size of the buffer: an everyday operation is under 200 bytes, with two names under 700. */
const FIRST_SIZE = 4096;
const TWO_32 = 0x1_0000_0000;

export interface RecordWriterOptions {
  /** Bytes kept free in front of the payload; RECORD_HEADER_SIZE for a scratch that the journal appends from. */
  readonly headroom?: number;
}

export class RecordWriter {
  readonly headroom: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #end: number;

  constructor(options: RecordWriterOptions = {}) {
    this.headroom = options.headroom ?? 0;
    this.#bytes = new Uint8Array(this.headroom + FIRST_SIZE);
    this.#view = new DataView(this.#bytes.buffer);
    this.#end = this.headroom;
  }

  /** The whole buffer, headroom first; replaced when the payload outgrows it, so ask again after writing. */
  get buffer(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Over `buffer`. */
  get view(): DataView<ArrayBuffer> {
    return this.#view;
  }

  /** Bytes of payload written since `reset`. */
  get length(): number {
    return this.#end - this.headroom;
  }

  /** Forgets the payload; the buffer stays. Returns itself. */
  reset(): this {
    this.#end = this.headroom;
    return this;
  }

  /** The payload, shared with the buffer: valid until the next call that writes. */
  payload(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.headroom, this.#end);
  }

  u8(value: number): void {
    assert(value >= 0 && value <= 0xff, "u8 out of range");
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  u16(value: number): void {
    assert(value >= 0 && value <= 0xffff, "u16 out of range");
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    assert(value >= 0 && value < TWO_32, "u32 out of range");
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  u48(value: number): void {
    assert(value >= 0 && value < 0x1_0000_0000_0000, "u48 out of range");
    const at = this.#room(6);
    const high = Math.floor(value / TWO_32);
    this.#view.setUint32(at, value - high * TWO_32, true);
    this.#view.setUint16(at + 4, high, true);
  }

  /** 0 to 2^53 - 1. */
  u64(value: number): void {
    assert(value >= 0 && Number.isSafeInteger(value), "u64 out of range");
    const at = this.#room(8);
    setU64Le(this.#view, at, value);
  }

  f64(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  /** 0 to 2^53 - 1. */
  uvarint(value: number): void {
    assert(value >= 0 && Number.isSafeInteger(value), "uvarint out of range");
    const at = this.#room(8);
    this.#end = this.#varintTail(at, value);
  }

  /** Any safe integer, negative ones too (times before 1970). */
  svarint(value: number): void {
    assert(Number.isSafeInteger(value), "svarint out of range");
    const at = this.#room(9);
    const magnitude = value < 0 ? -value : value;
    const sign = value < 0 ? 0x40 : 0;
    if (magnitude < 0x40) {
      this.#bytes[at] = sign | magnitude;
      this.#end = at + 1;
      return;
    }
    const rest = Math.floor(magnitude / 0x40);
    this.#bytes[at] = 0x80 | sign | (magnitude - rest * 0x40);
    this.#end = this.#varintTail(at + 1, rest);
  }

  /** Length, then a copy of the bytes. */
  bytes(value: Uint8Array): void {
    this.uvarint(value.length);
    const at = this.#room(value.length);
    this.#bytes.set(value, at);
  }

  /** Length, then a copy of `length` bytes of `from` beginning at `at`. */
  bytesOf(from: Uint8Array, at: number, length: number): void {
    assert(at >= 0 && length >= 0 && at + length <= from.length, "bytesOf outside its source");
    this.uvarint(length);
    const to = this.#room(length);
    const into = this.#bytes;
    for (let i = 0; i < length; i++) into[to + i] = from[at + i]!;
  }

  /** Length, then one byte a character; a character above U+00FF is our bug, for names are bytes. */
  latin1(value: string): void {
    const length = value.length;
    this.uvarint(length);
    const at = this.#room(length);
    const into = this.#bytes;
    let seen = 0;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      seen |= code;
      into[at + i] = code;
    }
    assert(seen <= 0xff, "a latin1 string holds a character above U+00FF");
  }

  /** Writes base-128 digits at `at` and returns where they end; there is room for 8. */
  #varintTail(at: number, value: number): number {
    const bytes = this.#bytes;
    let rest = value;
    let end = at;
    while (rest >= 0x1000_0000) {
      const next = Math.floor(rest / 0x80);
      bytes[end++] = 0x80 | (rest - next * 0x80);
      rest = next;
    }
    while (rest >= 0x80) {
      bytes[end++] = 0x80 | (rest & 0x7f);
      rest >>>= 7;
    }
    bytes[end++] = rest;
    return end;
  }

  /** Claims `size` bytes (a varint gives back what it did not need) and returns where they begin. */
  #room(size: number): number {
    const at = this.#end;
    const end = at + size;
    if (end > this.#bytes.length) this.#grow(end);
    this.#end = end;
    return at;
  }

  #grow(needed: number): void {
    const limit = this.headroom + PAYLOAD_SIZE_MAX;
    assert(needed <= limit, `an operation's payload is larger than ${PAYLOAD_SIZE_MAX} bytes`);
    const grown = new Uint8Array(Math.min(limit, Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
