/**
 * `npm run proof`: everything that takes hours, one proof after the other, and one table at the end. `-- WORD…` runs those
 * whose name holds one of the words, `-- --list` only lists them, `-- --slice` runs a small part of each.
 *
 * Ours need root and /dev/fuse; suites of others are named by environment variables and skipped without (the list says
 * which). What passed on this very commit is not run again unless `-- --again` says so, so a run that was interrupted
 * goes on where it was. Results and logs lie in `.proof`.
 */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { OUTSIDE_PROOFS } from "../test/proof/outside-proofs.ts";
import { OWN_PROOFS } from "../test/proof/own-proofs.ts";
import type { Proof, ProofResult } from "../test/proof/proof.ts";
import { makeWorkDirectory } from "../test/support/mount-fixture.ts";
import { ROOT } from "./tool.ts";

const DIRECTORY = join(ROOT, ".proof");
const RESULTS = join(DIRECTORY, "results.json");

interface Outcome {
  readonly name: string;
  readonly what: string;
  readonly counts: string;
  readonly result: "holds" | "FAILS" | "skipped";
  readonly seconds: number;
  /** Of the sources; empty when they differ from every commit. */
  readonly commit: string;
  readonly isSlice: boolean;
}

const options = new Set(process.argv.slice(2).filter((argument) => argument.startsWith("--")));
const words = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const isSlice = options.has("--slice");

async function main(): Promise<void> {
  const chosen = [...OWN_PROOFS, ...OUTSIDE_PROOFS].filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  if (chosen.length === 0) throw new Error(`no proof's name holds ${words.join(" or ")}`);
  if (options.has("--list")) {
    for (const { name, what, reasonToSkip } of chosen) {
      console.log([name.padEnd(24), what, reasonToSkip() ?? ""].join("  ").trimEnd());
    }
    return;
  }
  mkdirSync(DIRECTORY, { recursive: true });
  const commit = commitOfSources();
  const outcomes: Outcome[] = [];
  for (const proof of chosen) {
    const outcome = earlierOutcome(proof, commit) ?? (await prove(proof, commit));
    keep(outcome);
    outcomes.push(outcome);
  }
  printTable(outcomes);
  const isProven = outcomes.some(({ result }) => result === "holds");
  if (!isProven || outcomes.some(({ result }) => result === "FAILS")) process.exitCode = 1;
}

/** What an interrupted run found already. */
function earlierOutcome({ name }: Proof, commit: string): Outcome | undefined {
  if (commit === "" || options.has("--again")) return undefined;
  const found = readOutcomes().find(
    (one) => one.name === name && one.commit === commit && one.isSlice === isSlice,
  );
  if (found?.result !== "holds") return undefined;
  console.log(`${name}: held on this commit before`);
  return found;
}

async function prove(proof: Proof, commit: string): Promise<Outcome> {
  const { name, what } = proof;
  const base = { name, what, commit, isSlice };
  const reason = proof.reasonToSkip();
  if (reason !== undefined) {
    console.log(`${name}: skipped: ${reason}`);
    return { ...base, counts: reason, result: "skipped", seconds: 0 };
  }
  const log = join(DIRECTORY, `${name.replaceAll("/", "-")}.log`);
  writeFileSync(log, "");
  console.log(`${name}: ${what} (log: ${log})`);
  const startMs = performance.now();
  const { counts, failures } = await runGuarded(proof, (line) => appendFileSync(log, `${line}\n`));
  for (const failure of failures) console.log(`  FAIL ${failure}`);
  const seconds = Math.round((performance.now() - startMs) / 1000);
  const result = failures.length === 0 ? "holds" : "FAILS";
  console.log(`  ${result} after ${seconds} s: ${counts}`);
  return { ...base, counts, result, seconds };
}

async function runGuarded(proof: Proof, say: (line: string) => void): Promise<ProofResult> {
  const scratch = makeWorkDirectory("proof");
  try {
    return await proof.run({ scratch, isSlice, say });
  } catch (error) {
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return { counts: "", failures: [String(error)] };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readOutcomes(): Outcome[] {
  return existsSync(RESULTS) ? (JSON.parse(readFileSync(RESULTS, "utf8")) as Outcome[]) : [];
}

function keep(outcome: Outcome): void {
  const others = readOutcomes().filter(
    ({ name, isSlice }) => name !== outcome.name || isSlice !== outcome.isSlice,
  );
  writeFileSync(`${RESULTS}.new`, `${JSON.stringify([...others, outcome], undefined, 2)}\n`);
  renameSync(`${RESULTS}.new`, RESULTS);
}

function commitOfSources(): string {
  const status = spawnSync("git", ["status", "--porcelain"], { cwd: ROOT, encoding: "utf8" });
  const head = spawnSync("git", ["rev-parse", "HEAD"], { cwd: ROOT, encoding: "utf8" });
  return status.status === 0 && head.status === 0 && status.stdout === "" ? head.stdout.trim() : "";
}

function printTable(outcomes: readonly Outcome[]): void {
  const rows = [
    ["proof", "what ran", "counts", "result", "seconds"],
    ...outcomes.map((one) => [one.name, one.what, one.counts, one.result, String(one.seconds)]),
  ];
  console.log("");
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
  const counted = ["holds", "FAILS", "skipped"].map(
    (word) => `${outcomes.filter(({ result }) => result === word).length} ${word}`,
  );
  console.log(`\n${counted.join(", ")}`);
}

await main();
