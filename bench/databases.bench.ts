/** SQLite and DuckDB with their files on the filesystem. Each flushes as it does by default. */
import { PLACEMENTS } from "./contenders/contender.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { duckdbWorks } from "./support/duckdb-works.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";
import { threadWork, type ThreadWorkOptions } from "./support/thread-work.ts";
import type { Work } from "./support/contest.ts";

const mode = readMode();
const insertCount: number = pick(mode, 20, 500);
const mixCount: number = pick(mode, 200, 10_000);
await using threads = new ClientThreads();

function sqlite(name: string, operation: string, options: Partial<ThreadWorkOptions>): Work {
  const base = { name, operation, threads, threadCount: 1, isShareless: true };
  return threadWork({ ...base, count: insertCount, subdirectory: "sqlite", ...options });
}

await runTable({
  name: "databases",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)"],
  works: [
    sqlite("SQLite, an insert a transaction, WAL", "sqliteWal", {}),
    sqlite("SQLite, an insert a transaction, rollback journal", "sqliteRollback", {}),
    sqlite("SQLite, mix of statements", "sqliteMix", { count: mixCount, unit: "statement" }),
    ...duckdbWorks(pick(mode, 10_000, 2_000_000)),
  ],
  notes: [
    `SQLite of node, synchronous=FULL: ${insertCount} inserts of 100 bytes, a mix of ${mixCount} statements.`,
    "DuckDB: its Python package, a table with three columns.",
  ],
});
