/** Slices: where each range of a file is stored. Rows of a file never overlap, so one search finds what covers a point. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { toIno, toPackId, type Ino, type PackId } from "../../core/ids.ts";
import type { SliceRow, SliceTable } from "../tables.ts";

type Row = [pos: number, length: number, pack: number, idx: number, offset: number];

export class SqliteSliceTable implements SliceTable {
  readonly #overlapping: StatementSync;
  readonly #last: StatementSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #referencing: StatementSync;

  constructor(database: DatabaseSync) {
    this.#overlapping = database.prepare(
      `SELECT pos, length, pack, idx, offset FROM slice WHERE ino = ?1 AND pos < ?3 AND
       pos >= coalesce((SELECT pos FROM slice WHERE ino = ?1 AND pos <= ?2 ORDER BY pos DESC LIMIT 1), ?2)
       ORDER BY pos`,
    );
    this.#overlapping.setReturnArrays(true);
    this.#last = database.prepare(
      "SELECT pos + length AS edge FROM slice WHERE ino = ? ORDER BY pos DESC LIMIT 1",
    );
    this.#insert = database.prepare(
      "INSERT INTO slice (ino, pos, length, pack, idx, offset) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#remove = database.prepare("DELETE FROM slice WHERE ino = ? AND pos = ?");
    this.#referencing = database.prepare(
      "SELECT ino, pos, length, pack, idx, offset FROM slice WHERE pack = ?",
    );
    this.#referencing.setReturnArrays(true);
  }

  overlapping(ino: Ino, start: number, end: number): SliceRow[] {
    const rows = this.#overlapping.all(ino, start, end) as unknown as Row[];
    const found: SliceRow[] = [];
    for (const row of rows) {
      if (row[0] + row[1] > start) found.push(toSliceRow(row));
    }
    return found;
  }

  anyFrom(ino: Ino, position: number): boolean {
    const row = this.#last.get(ino) as { edge: number } | undefined;
    return row !== undefined && row.edge > position;
  }

  insert(ino: Ino, row: SliceRow): void {
    this.#insert.run(ino, row.pos, row.length, row.pack, row.index, row.offset);
  }

  remove(ino: Ino, pos: number): void {
    this.#remove.run(ino, pos);
  }

  referencing(pack: PackId): { ino: Ino; row: SliceRow }[] {
    const rows = this.#referencing.all(pack) as unknown as [number, ...Row][];
    return rows.map(([ino, ...row]) => ({ ino: toIno(ino), row: toSliceRow(row) }));
  }
}

function toSliceRow(row: Row): SliceRow {
  return { pos: row[0], length: row[1], pack: toPackId(row[2]), index: row[3], offset: row[4] };
}
