/**
 * Which pages an LTX file may hold, in which order: ascending, none above the commit, never the lock page; and in a
 * snapshot every page from 1 to the commit. Writer, reader and restore ask the same question here.
 */
import { isSnapshot, lockPage, type LtxHeader } from "./header.ts";

export class PageOrder {
  readonly #commit: number;
  readonly #isSnapshot: boolean;
  readonly #lockPage: number;
  #last = 0;

  constructor(header: LtxHeader) {
    this.#commit = header.commit;
    this.#isSnapshot = isSnapshot(header);
    this.#lockPage = lockPage(header.pageSize);
  }

  /** What is wrong with `pgno` as the next page; undefined when nothing is. */
  accept(pgno: number): string | undefined {
    const last = this.#last;
    if (!Number.isInteger(pgno) || pgno < 1) return `${pgno} is no page number`;
    if (pgno === this.#lockPage) return `page ${pgno} is the lock page, which no file holds`;
    if (pgno > this.#commit) return `page ${pgno} is above the database's ${this.#commit} pages`;
    if (pgno <= last) return `page ${pgno} comes behind page ${last}`;
    if (this.#isSnapshot && pgno !== this.#next()) {
      return `a snapshot goes on with page ${pgno} behind page ${last}`;
    }
    this.#last = pgno;
    return undefined;
  }

  /** What is wrong with there being no further page; undefined when nothing is. */
  finish(): string | undefined {
    if (!this.#isSnapshot || this.#next() > this.#commit) return undefined;
    return `a snapshot of ${this.#commit} pages ends behind page ${this.#last}`;
  }

  #next(): number {
    const next = this.#last + 1;
    return next === this.#lockPage ? next + 1 : next;
  }
}
