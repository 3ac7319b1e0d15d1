/**
 * What a full run leaves in bench/results/NAME.json: the rows of one table, and what they were measured on.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Row } from "./contest.ts";

const RESULTS: string = join(import.meta.dirname, "..", "results");
const ROOT = join(import.meta.dirname, "..", "..");

export interface Machine {
  readonly cpu: string;
  readonly cpuCount: number;
  readonly memoryGib: number;
  readonly kernel: string;
}

export interface TableResult {
  readonly table: string;
  /** UTC, to the minute. */
  readonly date: string;
  /** Of this clone. */
  readonly commit: string;
  readonly machine: Machine;
  /** Of each program that took part. */
  readonly versions: Readonly<Record<string, string>>;
  /** What else a reader must know of this run: sizes, counts, seeds, hashes. */
  readonly notes: readonly string[];
  readonly rows: readonly Row[];
}

export function saveResult(table: string, rows: readonly Row[], notes: readonly string[]): void {
  const result: TableResult = {
    table,
    date: `${new Date().toISOString().slice(0, 16)}Z`,
    commit: outputOf("git", ["-C", ROOT, "rev-parse", "--short=12", "HEAD"]) ?? "unknown",
    machine: describeMachine(),
    versions: findVersions(),
    notes,
    rows: rows.map(roundRow),
  };
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${table}.json`), `${JSON.stringify(result, undefined, 2)}\n`);
}

/** The rows of `table` that were kept; none when there are none. */
export function readRows(table: string): readonly Row[] {
  return readResults().get(table)?.rows ?? [];
}

/** All that were kept, by name of the table. */
export function readResults(): Map<string, TableResult> {
  const all = existsSync(RESULTS) ? readdirSync(RESULTS) : [];
  const names = all.filter((name) => name.endsWith(".json"));
  const results = names.map(
    (name) => JSON.parse(readFileSync(join(RESULTS, name), "utf8")) as TableResult,
  );
  return new Map(results.map((result) => [result.table, result]));
}

function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpuCount: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

function findVersions(): Record<string, string> {
  const versions: Record<string, string> = { node: process.version };
  const ask = (name: string, program: string | undefined, args: readonly string[]): void => {
    const answer = program === undefined ? undefined : outputOf(program, args);
    if (answer !== undefined) versions[name] = answer;
  };
  ask("juicefs", process.env["SHOAL_BENCH_JUICEFS"], ["--version"]);
  ask("redis", process.env["SHOAL_BENCH_REDIS"], ["--version"]);
  ask("passthrough_hp (libfuse)", process.env["SHOAL_BENCH_PASSTHROUGH"], ["--version"]);
  ask("s3fs", process.env["SHOAL_BENCH_S3FS"], ["--version"]);
  ask("rclone", process.env["SHOAL_BENCH_RCLONE"], ["version"]);
  ask("versitygw", process.env["SHOAL_BENCH_S3_SERVER"], ["--version"]);
  return versions;
}

/** The first line of what it prints; undefined when it cannot be run. */
function outputOf(program: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
  return status === 0 ? stdout.trim().split("\n")[0] : undefined;
}

/** Four digits are more than any of these figures is worth. */
function roundRow(row: Row): Row {
  const round = (value: number | readonly number[]): unknown =>
    typeof value === "number" ? Number(value.toPrecision(4)) : value.map(round);
  const results = Object.entries(row.results).map(([name, result]) => {
    const numbers = Object.entries(result).map(([key, value]) => [key, round(value)]);
    return [name, Object.fromEntries(numbers)] as const;
  });
  return { ...row, results: Object.fromEntries(results) as Row["results"] };
}
