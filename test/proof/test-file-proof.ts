/**
 * A proof that is a file of tests, run by node's own runner with the sizes of the long run in its environment.
 *
 * A test tells figures for the table with `context.diagnostic("proof: …")`.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { reasonNotToMount } from "../support/mount-fixture.ts";
import type { Proof, ProofResult, ProofRun } from "./proof.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const FIGURE = /^\s*# proof: (.*)$/u;
const TOTAL = /^# (tests|pass|fail|cancelled|skipped) (\d+)$/u;
const FAILED = /^\s*not ok \d+ - (.*)$/u;

export interface TestFileProof {
  readonly name: string;
  readonly what: string;
  /** From the root of the clone. */
  readonly file: string;
  /** Only tests whose name fits; all without. */
  readonly pattern?: string;
  /** The sizes of the long run. Without them the file runs as in `npm test`. */
  readonly sizes: Readonly<Record<string, string | number>>;
  readonly mounts: boolean;
}

export function testFileProof(options: TestFileProof): Proof {
  return {
    name: options.name,
    what: options.what,
    reasonToSkip: () => (options.mounts ? reasonNotToMount() : undefined),
    run: async (run) => runTestFile(options, run),
  };
}

async function runTestFile(options: TestFileProof, run: ProofRun): Promise<ProofResult> {
  const pattern = options.pattern === undefined ? [] : ["--test-name-pattern", options.pattern];
  const args = ["--test", "--test-reporter=tap", ...pattern, options.file];
  const sizes = Object.entries(options.sizes).map(([name, size]) => [name, String(size)]);
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", ...args], {
    cwd: ROOT,
    env: { ...process.env, ...(run.isSlice ? {} : Object.fromEntries(sizes)) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => run.say(text.trimEnd()));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const figures: string[] = [];
  const failures: string[] = [];
  const totals = new Map<string, number>();
  for await (const line of createInterface({ input: child.stdout })) {
    run.say(line);
    const total = TOTAL.exec(line);
    if (total !== null) totals.set(total[1]!, Number(total[2]));
    const [, figure] = FIGURE.exec(line) ?? [];
    if (figure !== undefined) figures.push(figure);
    const [, failure] = FAILED.exec(line) ?? [];
    if (failure !== undefined) failures.push(failure);
  }
  const code = await ended;
  const passed = totals.get("pass") ?? 0;
  if (passed === 0 && failures.length === 0) failures.push("no test ran");
  if (code !== 0 && failures.length === 0) failures.push(`the test runner ended with ${code}`);
  const skipped = totals.get("skipped") ?? 0;
  const tests = `${passed} tests${skipped === 0 ? "" : `, ${skipped} skipped`}`;
  return { counts: [tests, ...figures].join("; "), failures };
}
