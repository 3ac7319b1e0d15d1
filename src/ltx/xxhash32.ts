/**
 * xxHash32 with seed 0, as LZ4 frames carry it. Source: Cyan4973/xxHash doc/xxhash_spec.md.
 * "" gives 02cc5d05, "123456789" 937bad67.
 */

const PRIME_1 = 0x9e37_79b1;
const PRIME_2 = 0x85eb_ca77;
const PRIME_3 = 0xc2b2_ae3d;
const PRIME_4 = 0x27d4_eb2f;
const PRIME_5 = 0x1656_67b1;
const STRIPE_SIZE = 16;

export class XxHash32 {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;
  #length = 0;
  /** The bytes behind the last whole stripe. */
  readonly #rest = new DataView(new ArrayBuffer(STRIPE_SIZE));
  #restLength = 0;

  constructor() {
    this.reset();
  }

  /** Begins anew. */
  reset(): void {
    this.#a = (PRIME_1 + PRIME_2) | 0;
    this.#b = PRIME_2 | 0;
    this.#c = 0;
    this.#d = -PRIME_1 | 0;
    this.#length = 0;
    this.#restLength = 0;
  }

  /** Takes `length` bytes of `view` from `at` on. */
  update(view: DataView, at: number, length: number): void {
    const end = at + length;
    this.#length += length;
    if (this.#restLength > 0) {
      while (this.#restLength < STRIPE_SIZE && at < end) this.#keep(view.getUint8(at++));
      if (this.#restLength < STRIPE_SIZE) return;
      this.#restLength = 0;
      this.#stripes(this.#rest, 0, STRIPE_SIZE);
    }
    const stripesEnd = end - ((end - at) % STRIPE_SIZE);
    this.#stripes(view, at, stripesEnd);
    for (at = stripesEnd; at < end; at++) this.#keep(view.getUint8(at));
  }

  /** An unsigned 32-bit number; more may follow. */
  digest(): number {
    let hash = PRIME_5 | 0;
    if (this.#length >= STRIPE_SIZE) {
      hash =
        (rotate(this.#a, 1) + rotate(this.#b, 7) + rotate(this.#c, 12) + rotate(this.#d, 18)) | 0;
    }
    hash = (hash + this.#length) | 0;
    let at = 0;
    for (; at + 4 <= this.#restLength; at += 4) {
      hash = (hash + Math.imul(this.#rest.getInt32(at, true), PRIME_3)) | 0;
      hash = Math.imul(rotate(hash, 17), PRIME_4);
    }
    for (; at < this.#restLength; at++) {
      hash = (hash + Math.imul(this.#rest.getUint8(at), PRIME_5)) | 0;
      hash = Math.imul(rotate(hash, 11), PRIME_1);
    }
    hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
    hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #keep(byte: number): void {
    this.#rest.setUint8(this.#restLength++, byte);
  }

  #stripes(view: DataView, at: number, end: number): void {
    let a = this.#a;
    let b = this.#b;
    let c = this.#c;
    let d = this.#d;
    for (; at < end; at += STRIPE_SIZE) {
      a = round(a, view.getInt32(at, true));
      b = round(b, view.getInt32(at + 4, true));
      c = round(c, view.getInt32(at + 8, true));
      d = round(d, view.getInt32(at + 12, true));
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, PRIME_2)) | 0, 13), PRIME_1);
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}
