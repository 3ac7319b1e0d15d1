/** The contents of a model's file: pages in a Map, and a size; what has no page is a hole and reads as zeros. */

const PAGE_SIZE = 4096;

export class SparseBytes {
  size = 0;
  #pages = new Map<number, Uint8Array>();

  get pageCount(): number {
    return this.#pages.size;
  }

  /** A copy of at most `length` bytes; fewer at the end. */
  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    for (const piece of piecesOf(offset, result.length)) {
      const page = this.#pages.get(piece.page);
      if (page !== undefined) {
        result.set(page.subarray(piece.start, piece.start + piece.length), piece.at);
      }
    }
    return result;
  }

  write(offset: number, bytes: Uint8Array): void {
    for (const piece of piecesOf(offset, bytes.length)) {
      let page = this.#pages.get(piece.page);
      if (page === undefined) this.#pages.set(piece.page, (page = new Uint8Array(PAGE_SIZE)));
      page.set(bytes.subarray(piece.at, piece.at + piece.length), piece.start);
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  truncate(size: number): void {
    if (size < this.size) this.zero(size, this.size - size);
    this.size = size;
  }

  /** Whole pages become holes. The size stays; what lies behind it is zero already. */
  zero(offset: number, length: number): void {
    const end = Math.min(offset + length, this.size);
    for (const [number, page] of this.#pages) {
      const start = Math.max(0, offset - number * PAGE_SIZE);
      const stop = Math.min(PAGE_SIZE, end - number * PAGE_SIZE);
      if (start >= stop) continue;
      const isRestOfFile = (number + 1) * PAGE_SIZE >= this.size && end === this.size;
      if (start === 0 && (stop === PAGE_SIZE || isRestOfFile)) this.#pages.delete(number);
      else page.fill(0, start, stop);
    }
  }

  /** Offset and length are multiples of the page size, and the range ends before the end of the file. */
  collapse(offset: number, length: number): void {
    this.zero(offset, length);
    this.#shift(offset + length, -length);
    this.size -= length;
  }

  /** Offset and length are multiples of the page size. */
  insert(offset: number, length: number): void {
    this.#shift(offset, length);
    this.size += length;
  }

  /** The first byte of data, or of a hole, from `offset` on; undefined when there is none before the end. */
  seek(kind: "data" | "hole", offset: number): number | undefined {
    if (offset < 0 || offset >= this.size) return undefined;
    if (kind === "data") return this.#seekData(offset);
    let page = Math.floor(offset / PAGE_SIZE);
    if (!this.#pages.has(page)) return offset;
    while (this.#pages.has(page)) page++;
    return Math.min(page * PAGE_SIZE, this.size);
  }

  #seekData(offset: number): number | undefined {
    let first: number | undefined;
    for (const page of this.#pages.keys()) {
      if ((page + 1) * PAGE_SIZE <= offset) continue;
      const at = Math.max(page * PAGE_SIZE, offset);
      if (at < this.size && (first === undefined || at < first)) first = at;
    }
    return first;
  }

  #shift(from: number, distance: number): void {
    const moved = new Map<number, Uint8Array>();
    for (const [number, page] of this.#pages) {
      const isMoved = number * PAGE_SIZE >= from;
      moved.set(isMoved ? number + distance / PAGE_SIZE : number, page);
    }
    this.#pages = moved;
  }
}

interface Piece {
  readonly page: number;
  /** Where in the page. */
  readonly start: number;
  /** Where in the caller's bytes. */
  readonly at: number;
  readonly length: number;
}

function* piecesOf(offset: number, length: number): Generator<Piece> {
  for (let at = 0; at < length;) {
    const page = Math.floor((offset + at) / PAGE_SIZE);
    const start = offset + at - page * PAGE_SIZE;
    const size = Math.min(PAGE_SIZE - start, length - at);
    yield { page, start, at, length: size };
    at += size;
  }
}
