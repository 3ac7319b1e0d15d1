/**
 * Which pages of the database some file of a chain has held. A snapshot holds the first so many, later files bring the ones
 * by which the database grew; one that is in no file would be zeros, which is what this finds. One bit for a page behind
 * the snapshot.
 */
import { lockPage } from "../header.ts";

const BITS_FIRST = 8192;

export class PageCoverage {
  /** Pages up to here came with the snapshot. */
  readonly #snapshotCommit: number;
  readonly #lockPage: number;
  #bits = new Uint8Array(BITS_FIRST / 8);

  constructor(snapshot: { readonly commit: number; readonly pageSize: number }) {
    this.#snapshotCommit = snapshot.commit;
    this.#lockPage = lockPage(snapshot.pageSize);
  }

  add(pgno: number): void {
    const bit = pgno - this.#snapshotCommit - 1;
    if (bit < 0) return;
    const byte = Math.floor(bit / 8);
    if (byte >= this.#bits.length) {
      const grown = new Uint8Array(Math.max(byte + 1, this.#bits.length * 2));
      grown.set(this.#bits);
      this.#bits = grown;
    }
    this.#bits[byte]! |= 1 << (bit % 8);
  }

  /** The first page up to `commit` that was in no file; undefined when all were. */
  firstMissing(commit: number): number | undefined {
    for (let pgno = this.#snapshotCommit + 1; pgno <= commit; pgno++) {
      const bit = pgno - this.#snapshotCommit - 1;
      const isThere = ((this.#bits[Math.floor(bit / 8)] ?? 0) & (1 << (bit % 8))) !== 0;
      if (!isThere && pgno !== this.#lockPage) return pgno;
    }
    return undefined;
  }
}
