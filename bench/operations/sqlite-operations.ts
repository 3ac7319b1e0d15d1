/** Statements of SQLite on a database in the thread's directory, as node has it, synchronous=FULL. */
import { DatabaseSync } from "node:sqlite";
import { Prng } from "../../src/core/prng.ts";
import type { Operation, OperationSpec, Task } from "./operation.ts";

const VALUE = "x".repeat(100);
const STATEMENTS_PER_TRANSACTION = 50;

function openDatabase({ directory }: OperationSpec, name: string, journal: string): DatabaseSync {
  const database = new DatabaseSync(`${directory}/${name}.db`);
  database.exec(`PRAGMA journal_mode = ${journal}; PRAGMA synchronous = FULL`);
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, key INTEGER, value TEXT)");
  return database;
}

/** One insert a transaction. */
function inserts(name: string, journal: string): Operation {
  return (spec) => {
    const database = openDatabase(spec, name, journal);
    const insert = database.prepare("INSERT INTO t (key, value) VALUES (?, ?)");
    return {
      step: (i) => void insert.run(i, VALUE),
      after: () => database.close(),
    };
  };
}

/** Inserts, updates, lookups, ranges and deletes, fifty a transaction, with an index: what a program does all day. */
function mix(spec: OperationSpec): Task {
  const database = openDatabase(spec, "mix", "WAL");
  database.exec("CREATE INDEX by_key ON t (key)");
  const prng = new Prng(1);
  const insert = database.prepare("INSERT INTO t (key, value) VALUES (?, ?)");
  const update = database.prepare("UPDATE t SET value = ? WHERE key = ?");
  const find = database.prepare("SELECT value FROM t WHERE key = ?");
  const range = database.prepare("SELECT count(*) FROM t WHERE key BETWEEN ? AND ?");
  const remove = database.prepare("DELETE FROM t WHERE id = ?");
  let isOpen = false;
  return {
    step(i) {
      if (i % STATEMENTS_PER_TRANSACTION === 0) {
        if (isOpen) database.exec("COMMIT");
        database.exec("BEGIN");
        isOpen = true;
      }
      const key = prng.u32() % (spec.count + 1);
      const kind = i % 10;
      if (kind < 5) insert.run(key, VALUE);
      else if (kind === 5) update.run(VALUE, key);
      else if (kind < 8) find.get(key);
      else if (kind === 8) range.get(key, key + 10);
      else remove.run(i >> 1);
    },
    end() {
      if (isOpen) database.exec("COMMIT");
      database.close();
    },
  };
}

export const SQLITE_OPERATIONS: Readonly<Record<string, Operation>> = {
  sqliteWal: inserts("wal", "WAL"),
  sqliteRollback: inserts("rollback", "DELETE"),
  sqliteMix: mix,
};
