/** Pack rows, and the plans of packs whose bytes are still in the journal. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { toPackId, type PackId } from "../../core/ids.ts";
import type { PackRow, PackTable, PlanTable } from "../tables.ts";

type Row = [
  id: number,
  state: number,
  stored: number,
  plain: number,
  live: number,
  refs: number,
  born: number,
  died: number,
];
const COLUMNS = "id, state, stored, plain, live, refs, born, died";

export class SqlitePackTable implements PackTable {
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #list: StatementSync;

  constructor(database: DatabaseSync) {
    this.#get = database.prepare(`SELECT ${COLUMNS} FROM pack WHERE id = ?`);
    this.#get.setReturnArrays(true);
    this.#put = database.prepare(
      `INSERT OR REPLACE INTO pack (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#remove = database.prepare("DELETE FROM pack WHERE id = ?");
    this.#list = database.prepare(`SELECT ${COLUMNS} FROM pack ORDER BY id`);
    this.#list.setReturnArrays(true);
  }

  get(id: PackId): PackRow | undefined {
    const row = this.#get.get(id) as unknown as Row | undefined;
    return row === undefined ? undefined : toPackRow(row);
  }

  put(row: PackRow): void {
    this.#put.run(
      row.id,
      row.state,
      row.storedSize,
      row.plainSize,
      row.liveSize,
      row.refCount,
      row.bornCut,
      row.diedCut,
    );
  }

  remove(id: PackId): void {
    this.#remove.run(id);
  }

  list(): PackRow[] {
    return (this.#list.all() as unknown as Row[]).map(toPackRow);
  }
}

export class SqlitePlanTable implements PlanTable {
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #list: StatementSync;

  constructor(database: DatabaseSync) {
    this.#put = database.prepare("INSERT OR REPLACE INTO plan (pack, plan) VALUES (?, ?)");
    this.#remove = database.prepare("DELETE FROM plan WHERE pack = ?");
    this.#list = database.prepare("SELECT pack, plan FROM plan ORDER BY pack");
  }

  put(pack: PackId, plan: Uint8Array): void {
    this.#put.run(pack, plan);
  }

  remove(pack: PackId): void {
    this.#remove.run(pack);
  }

  list(): { pack: PackId; plan: Uint8Array }[] {
    const rows = this.#list.all() as unknown as { pack: number; plan: Uint8Array }[];
    return rows.map((row) => ({ pack: toPackId(row.pack), plan: row.plan }));
  }
}

function toPackRow(row: Row): PackRow {
  return {
    id: toPackId(row[0]),
    state: row[1],
    storedSize: row[2],
    plainSize: row[3],
    liveSize: row[4],
    refCount: row[5],
    bornCut: row[6],
    diedCut: row[7],
  };
}
