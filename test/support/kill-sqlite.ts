/** SQLite on a mount whose server is killed: one row a transaction, and every row that was committed must be there. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const CHECK_EVERY = 100;
const PAYLOAD_SIZE = 300;

export class SqliteLoop implements Disposable {
  readonly #path: string;
  readonly #mode: "wal" | "delete";
  #database: DatabaseSync;
  #count = 0;

  constructor(directory: string, mode: "wal" | "delete") {
    this.#path = join(directory, "rows.db");
    this.#mode = mode;
    this.#database = new DatabaseSync(this.#path);
    const row = this.#database.prepare(`PRAGMA journal_mode = ${mode}`).get();
    assert.equal(row?.["journal_mode"], mode);
    this.#database.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, payload TEXT NOT NULL)");
  }

  step(): void {
    const id = this.#count + 1;
    const insert = this.#database.prepare("INSERT INTO rows VALUES (?, ?)");
    insert.run(id, payloadOf(id));
    this.#count = id;
    if (id % CHECK_EVERY === 0) this.#checkCount();
    if (id % (CHECK_EVERY * 5) === 0) this.#reopen();
  }

  checkAll(): void {
    this.#reopen();
    this.#checkCount();
    for (const { id, payload } of this.#database.prepare("SELECT id, payload FROM rows").all()) {
      assert.equal(payload, payloadOf(Number(id)), `row ${String(id)}`);
    }
    const checked = this.#database.prepare("PRAGMA integrity_check").get();
    assert.equal(checked?.["integrity_check"], "ok");
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #checkCount(): void {
    const row = this.#database.prepare("SELECT count(*) AS n, max(id) AS last FROM rows").get();
    assert.deepEqual([row?.["n"], row?.["last"]], [this.#count, this.#count], this.#mode);
  }

  #reopen(): void {
    this.#database.close();
    this.#database = new DatabaseSync(this.#path);
  }
}

function payloadOf(id: number): string {
  return String(id)
    .repeat(Math.ceil(PAYLOAD_SIZE / String(id).length))
    .slice(0, PAYLOAD_SIZE);
}
