/**
 * The page index of a v2 or v3 file: where each page's frame is.
 *
 * For each page, ascending, three unsigned LEB128 varints: page number, offset of its frame in the file, length of the
 * frame (its header included); then one 00; then u64 big-endian: the bytes of all that before it, the 00 included.
 * Frames stand one behind the other from the end of the header on. Source: superfly/ltx encoder.go, decoder.go.
 */
import { assert } from "../core/assert.ts";
import { CorruptError } from "../core/fs-error.ts";
import { getU64Be, setU64Be } from "../core/u64.ts";
import { LTX_HEADER_SIZE } from "./header.ts";

/** The u64 behind the entries. */
export const INDEX_SIZE_SIZE = 8;
/** A page number of 5 bytes, an offset of 8, a length of 3. */
export const INDEX_ENTRY_SIZE_MAX = 16;
const CHUNK_SIZE: number = 64 * 1024;
const VARINT_SIZE_MAX = 8;

export interface PageIndexEntry {
  readonly pgno: number;
  /** Of the page's frame, in the file. */
  readonly offset: number;
  /** Of the page's frame, header included. */
  readonly length: number;
}

/** Collects the entries of a file that is being written, encoded: about 8 bytes a page. */
export class PageIndexWriter {
  readonly #chunks: Uint8Array[] = [];
  #chunk = new Uint8Array(CHUNK_SIZE);
  #at = 0;
  #size = 0;

  add(entry: PageIndexEntry): void {
    if (this.#at + INDEX_ENTRY_SIZE_MAX > this.#chunk.length) this.#nextChunk();
    const begin = this.#at;
    this.#at = encodeIndexEntry(this.#chunk, begin, entry);
    this.#size += this.#at - begin;
  }

  /** The whole index, its size behind it, in pieces owned by the caller. */
  finish(): Uint8Array[] {
    if (this.#at + 1 + INDEX_SIZE_SIZE > this.#chunk.length) this.#nextChunk();
    const view = new DataView(this.#chunk.buffer);
    view.setUint8(this.#at, 0);
    setU64Be(view, this.#at + 1, this.#size + 1);
    this.#at += 1 + INDEX_SIZE_SIZE;
    this.#nextChunk();
    return this.#chunks;
  }

  #nextChunk(): void {
    this.#chunks.push(this.#chunk.subarray(0, this.#at));
    this.#chunk = new Uint8Array(CHUNK_SIZE);
    this.#at = 0;
  }
}

/** Writes an entry at `at`; INDEX_ENTRY_SIZE_MAX bytes must be there. Returns where it ends. */
export function encodeIndexEntry(bytes: Uint8Array, at: number, entry: PageIndexEntry): number {
  let end = encodeVarint(bytes, at, entry.pgno);
  end = encodeVarint(bytes, end, entry.offset);
  return encodeVarint(bytes, end, entry.length);
}

/**
 * Reads the entries of an index as its bytes come, and checks that pages ascend, that frames stand one behind the other,
 * and that numbers are encoded in the one shortest way.
 */
export class PageIndexCursor {
  readonly #bytes: Uint8Array;
  #at: number;
  #pgno: number;
  #offset: number;

  /** `bytes` begins with an entry; what was before it is said by `after`, left out at the beginning. */
  constructor(bytes: Uint8Array, after?: { readonly pgno: number; readonly offset: number }) {
    this.#bytes = bytes;
    this.#at = 0;
    this.#pgno = after?.pgno ?? 0;
    this.#offset = after?.offset ?? LTX_HEADER_SIZE;
  }

  /** Where the next entry begins in the bytes. */
  get at(): number {
    return this.#at;
  }

  /** The last page number seen. */
  get pgno(): number {
    return this.#pgno;
  }

  /** Where the next frame begins in the file. */
  get offset(): number {
    return this.#offset;
  }

  /** The length of the next entry's frame, `pgno` and `offset` moved on; undefined at the 00, which is then behind. */
  next(): number | undefined {
    const pgno = this.#varint();
    if (pgno === 0) return undefined;
    if (pgno <= this.#pgno || pgno > 0xffff_ffff) {
      throw new CorruptError(`the page index has page ${pgno} behind page ${this.#pgno}`);
    }
    const offset = this.#varint();
    if (offset !== this.#offset) {
      throw new CorruptError(
        `the page index has page ${pgno} at offset ${offset} instead of ${this.#offset}`,
      );
    }
    const length = this.#varint();
    if (length === 0) throw new CorruptError(`the page index has page ${pgno} without bytes`);
    this.#pgno = pgno;
    this.#offset = offset + length;
    return length;
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_SIZE_MAX; i++) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw new CorruptError("the page index is cut short");
      this.#at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if ((byte === 0 && i > 0) || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new CorruptError("a number in the page index is encoded wrongly");
  }
}

/** A whole index in memory, for reading single pages: 16 bytes a page. */
export class PageIndex {
  readonly #pgnos: Uint32Array;
  readonly #offsets: Float64Array;
  readonly #lengths: Uint32Array;

  private constructor(pgnos: number[], offsets: number[], lengths: number[]) {
    this.#pgnos = Uint32Array.from(pgnos);
    this.#offsets = Float64Array.from(offsets);
    this.#lengths = Uint32Array.from(lengths);
  }

  /** `bytes` is the index with the size behind it; the frames must end at `end`, where the terminator is. */
  static decode(bytes: Uint8Array, end: number): PageIndex {
    const size = bytes.length - INDEX_SIZE_SIZE;
    if (size < 1) throw new CorruptError("the page index is cut short");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const said = getU64Be(view, size);
    if (said !== size) throw new CorruptError(`the page index says ${said} bytes and has ${size}`);
    const cursor = new PageIndexCursor(bytes.subarray(0, size));
    const pgnos: number[] = [];
    const offsets: number[] = [];
    const lengths: number[] = [];
    for (;;) {
      const { offset } = cursor;
      const length = cursor.next();
      if (length === undefined) break;
      pgnos.push(cursor.pgno);
      offsets.push(offset);
      lengths.push(length);
    }
    if (cursor.at !== size) throw new CorruptError("the page index ends before its size");
    if (cursor.offset !== end) {
      throw new CorruptError(`the page index ends at offset ${cursor.offset} instead of ${end}`);
    }
    return new PageIndex(pgnos, offsets, lengths);
  }

  /** How many pages the file holds. */
  get count(): number {
    return this.#pgnos.length;
  }

  /** undefined when the file does not hold this page. */
  find(pgno: number): PageIndexEntry | undefined {
    let low = 0;
    let high = this.#pgnos.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.#pgnos[middle]!;
      if (found === pgno) return this.#entry(middle);
      if (found < pgno) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** In ascending order of page numbers. */
  *[Symbol.iterator](): Generator<PageIndexEntry> {
    for (let i = 0; i < this.#pgnos.length; i++) yield this.#entry(i);
  }

  #entry(at: number): PageIndexEntry {
    return { pgno: this.#pgnos[at]!, offset: this.#offsets[at]!, length: this.#lengths[at]! };
  }
}

function encodeVarint(bytes: Uint8Array, at: number, value: number): number {
  assert(Number.isSafeInteger(value) && value >= 0, `${value} cannot be stored as a varint`);
  let rest = value;
  let end = at;
  while (rest >= 0x80) {
    bytes[end++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  bytes[end++] = rest;
  return end;
}
