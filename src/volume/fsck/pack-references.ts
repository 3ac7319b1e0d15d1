/**
 * Which slices refer to each pack, in one pass over the slice table in order of packs: a look at the table for each pack
 * would take packs times slices.
 */
import type { PackId } from "../../core/ids.ts";
import type { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";

export interface PackReference {
  readonly ino: number;
  /** Index of the block. */
  readonly index: number;
  /** Where in the block the slice ends. */
  readonly end: number;
}

type Row = readonly [pack: number, ino: number, index: number, end: number];

export class PackReferences {
  readonly #rows: IterableIterator<Row>;
  #next: Row | undefined;

  constructor(tables: SqliteTables) {
    const query = tables.database.prepare(
      "SELECT pack, ino, idx, offset + length FROM slice WHERE pack <> 0 ORDER BY pack",
    );
    query.setReturnArrays(true);
    this.#rows = query.iterate() as unknown as IterableIterator<Row>;
    this.#advance();
  }

  /** Those of `pack`; packs must be asked for in ascending order. */
  of(pack: PackId): PackReference[] {
    const found: PackReference[] = [];
    for (; this.#next !== undefined && this.#next[0] <= pack; this.#advance()) {
      const [id, ino, index, end] = this.#next;
      if (id === pack) found.push({ ino, index, end });
    }
    return found;
  }

  #advance(): void {
    const { done, value } = this.#rows.next();
    this.#next = done === true ? undefined : value;
  }
}
