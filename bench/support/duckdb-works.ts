/** DuckDB by its Python package: SHOAL_BENCH_PYTHON, or python3, must be able to import it. */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "../contenders/contender.ts";
import { timeCommand } from "./commands.ts";
import type { Work } from "./contest.ts";
import { forgetAll } from "./forget.ts";

const PYTHON: string = process.env["SHOAL_BENCH_PYTHON"] ?? "python3";

export function duckdbWorks(rowCount: number): readonly Work[] {
  if (spawnSync(PYTHON, ["-c", "import duckdb"]).status !== 0) {
    console.log("skipped: Python has no duckdb; SHOAL_BENCH_PYTHON may name one that has");
    return [];
  }
  const rows = `SELECT range AS id, hash(range) AS key, 'value ' || (range % 1000) AS text FROM range(${rowCount})`;
  return [
    statement("DuckDB, write a Parquet file", `COPY (${rows}) TO 'rows.parquet'`),
    statement(
      "DuckDB, load it into a database",
      "ATTACH 'base.duckdb' AS b; CREATE TABLE b.t AS SELECT * FROM 'rows.parquet'; DETACH b",
    ),
    statement(
      "DuckDB, query it, cold",
      "SELECT text, count(*), max(key) FROM 'rows.parquet' GROUP BY text",
      forgetAll,
    ),
  ];
}

function statement(
  name: string,
  sql: string,
  before?: (contender: Contender) => Promise<void>,
): Work {
  const program = "import duckdb, sys; duckdb.connect().execute(sys.argv[1]).fetchall()";
  return {
    name,
    unit: "s",
    isRate: false,
    async run(contender, directory) {
      const cwd = join(directory, "duckdb");
      mkdirSync(cwd, { recursive: true });
      await before?.(contender);
      return { value: await timeCommand(contender, [PYTHON, "-c", program, sql], { cwd }) };
    },
  };
}
