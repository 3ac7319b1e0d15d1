/**
 * Runs groups of test files on node's own runner, each file in a process of its own, and reports briefly: a line a
 * file, every failure in full, every skipped test with its reason.
 *
 * The counts are those of the runner's own summary, so that a file that crashes or hangs counts as failed.
 */
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { relative } from "node:path";
import { inspect } from "node:util";
import { run } from "node:test";
import { ROOT } from "./tool.ts";

/** A file that runs longer than this hangs: unit tests take seconds, the kill tests minutes. */
const UNIT_TIMEOUT_MS = 2 * 60_000;
const SLICE_TIMEOUT_MS = 15 * 60_000;

export interface TestGroup {
  readonly name: string;
  readonly patterns: readonly string[];
  /** Tests that mount, or that measure how long others wait, run one file at a time. */
  readonly isSerial: boolean;
}

export const UNIT_TESTS: TestGroup = {
  name: "unit",
  patterns: ["src/**/*.test.ts", "test/tidy.test.ts"],
  isSerial: false,
};

/** What `npm test` runs after the unit tests, in this order. */
export const SLICES: readonly TestGroup[] = [
  {
    name: "conformance, golden, model",
    patterns: ["test/{bench,conformance,golden,model,proof,support}/**/*.test.ts"],
    isSerial: false,
  },
  { name: "command line", patterns: ["test/cli/**/*.test.ts"], isSerial: true },
  { name: "simulation", patterns: ["test/simulation/**/*.test.ts"], isSerial: false },
  { name: "crash", patterns: ["test/crash/**/*.test.ts"], isSerial: true },
  { name: "end to end", patterns: ["test/e2e/**/*.test.ts"], isSerial: true },
  { name: "limits", patterns: ["test/limits/**/*.test.ts"], isSerial: true },
];

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface TestEvent {
  readonly name: string;
  readonly file?: string;
  readonly nesting: number;
  readonly skip?: string | boolean;
  readonly details: {
    readonly type?: string;
    readonly error?: Error;
    readonly duration_ms: number;
  };
}

/** `words` narrow the files to those whose path holds one of them; none means all. */
export async function runTestFiles(
  group: TestGroup,
  words: readonly string[],
): Promise<TestCounts> {
  const files = globSync([...group.patterns], { cwd: ROOT })
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .toSorted();
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  console.log(`\n${group.name}: ${files.length} files`);
  const stream = run({
    files,
    cwd: ROOT,
    concurrency: group.isSerial ? 1 : availableParallelism(),
    timeout: group === UNIT_TESTS ? UNIT_TIMEOUT_MS : SLICE_TIMEOUT_MS,
  });
  let total: TestCounts | undefined;
  stream.on("test:pass", (event: TestEvent) => {
    if (event.skip !== undefined && event.skip !== false) printSkip(event);
  });
  stream.on("test:fail", (event: TestEvent) => printFailure(event));
  stream.on("test:stderr", ({ message }) => process.stderr.write(message));
  stream.on("test:summary", ({ file, counts, duration_ms: durationMs, success }) => {
    const failed = counts.tests - counts.passed - counts.skipped - counts.todo;
    if (file === undefined) total = { passed: counts.passed, failed, skipped: counts.skipped };
    else console.log(`${success ? "ok  " : "FAIL"} ${fileLine(file, counts, durationMs)}`);
  });
  for await (const event of stream) void event;
  if (total === undefined) throw new Error(`the test runner gave no summary of ${group.name}`);
  return total;
}

function fileLine(
  file: string,
  counts: { readonly tests: number; readonly skipped: number },
  durationMs: number,
): string {
  const skipped = counts.skipped === 0 ? "" : `, ${counts.skipped} skipped`;
  return `${relative(ROOT, file)}  ${counts.tests} tests${skipped}  ${Math.round(durationMs)} ms`;
}

function printSkip(event: TestEvent): void {
  const reason =
    typeof event.skip === "string" && event.skip !== "" ? event.skip : "no reason given";
  console.log(`skip ${relative(ROOT, event.file ?? "")}: ${event.name}: ${reason}`);
}

/** A suite fails because a test of it did, which is printed already. */
function printFailure(event: TestEvent): void {
  const error = event.details.error;
  const failure = error as (Error & { readonly failureType?: string }) | undefined;
  if (failure?.failureType === "subtestsFailed") return;
  const cause = error?.cause ?? error;
  console.log(`FAIL ${relative(ROOT, event.file ?? "")}: ${event.name}`);
  console.log(inspect(cause).replaceAll(/^/gmu, "     "));
}
