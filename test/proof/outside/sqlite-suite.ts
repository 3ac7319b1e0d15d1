/** SQLite's suite at its size "veryquick", as another user than root, and its tests of threads and of processes. */
import { chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import {
  demandSound,
  judge,
  mountForSuite,
  NOBODY,
  placeOf,
  reasonWithout,
  runSuite,
  type SuiteReport,
} from "./outside-suite.ts";

const VARIABLE = "SHOAL_PROOF_SQLITE";

export const SQLITE_SUITE: readonly Proof[] = [
  {
    name: "outside/sqlite",
    what: "SQLite's suite, veryquick",
    reasonToSkip: () => reasonWithout(VARIABLE, "testfixture"),
    run: runVeryquick,
  },
  {
    name: "outside/sqlite-threads",
    what: "SQLite's threadtest3: threads on one database",
    reasonToSkip: () => reasonWithout(VARIABLE, "threadtest3"),
    run: runThreads,
  },
  {
    name: "outside/sqlite-processes",
    what: "SQLite's mptester: processes on one database",
    reasonToSkip: () => reasonWithout(VARIABLE, "mptester"),
    run: runProcesses,
  },
];

async function runVeryquick({ isSlice, say }: ProofRun): Promise<ProofResult> {
  const place = placeOf(VARIABLE);
  const script = isSlice ? "select1.test" : "veryquick.test";
  await using fixture = await mountForSuite("sqlite");
  const { lines } = await runSuite({
    command: [join(place, "testfixture"), join(place, "test", script)],
    cwd: makeWork(fixture.mountPoint),
    uid: NOBODY,
    say,
  });
  await demandSound(fixture);
  return judge(readVeryquick(lines), "asserts");
}

/**
 *    !Failures on these tests: oserror-1.1.1 oserror-1.1.2
 *    2 errors out of 255018 tests on HOST Linux 64-bit little-endian
 */
export function readVeryquick(lines: readonly string[]): SuiteReport {
  const total = lines.map((line) => /^(\d+) errors out of (\d+) tests/u.exec(line)).find(Boolean);
  const named = lines.map((line) => /^!Failures on these tests: (.*)$/u.exec(line)).find(Boolean);
  const failed = Number(total?.[1] ?? 0);
  const failures = named?.[1]!.trim().split(/\s+/u) ?? [];
  return { passed: Number(total?.[2] ?? 0) - failed, failed, failures };
}

async function runThreads({ isSlice, say }: ProofRun): Promise<ProofResult> {
  await using fixture = await mountForSuite("sqlite-threads");
  const command = [join(placeOf(VARIABLE), "threadtest3"), ...(isSlice ? ["walthread1"] : [])];
  const { lines } = await runSuite({
    command,
    cwd: makeWork(fixture.mountPoint),
    uid: NOBODY,
    say,
  });
  await demandSound(fixture);
  return judge(readThreads(lines), "tests");
}

/** "0 errors out of 12 tests" at the end; an error is told with its test when it happens. */
export function readThreads(lines: readonly string[]): SuiteReport {
  const total = lines.map((line) => /^(\d+) errors out of (\d+) tests/u.exec(line)).find(Boolean);
  const failed = Number(total?.[1] ?? 0);
  const failures = failed === 0 ? [] : [`${failed} errors`];
  return { passed: Math.max(0, Number(total?.[2] ?? 0) - failed), failed, failures };
}

async function runProcesses({ isSlice, say }: ProofRun): Promise<ProofResult> {
  const place = placeOf(VARIABLE);
  await using fixture = await mountForSuite("sqlite-processes");
  const cwd = makeWork(fixture.mountPoint);
  const failures: string[] = [];
  let passed = 0;
  for (const journal of ["delete", "wal"]) {
    for (const script of ["crash01.test", "multiwrite01.test"]) {
      const command = [
        join(place, "mptester"),
        `${journal}.db`,
        ...["--journalmode", journal, "--repeat", isSlice ? "1" : "20"],
        join(place, "mptest", script),
      ];
      const { code, lines } = await runSuite({ command, cwd, uid: NOBODY, say });
      const summary = /^Summary: (\d+) errors/mu.exec(lines.join("\n"));
      if (code === 0 && summary?.[1] === "0") passed++;
      else failures.push(`${script} with journal mode ${journal}: exit code ${code}`);
    }
  }
  await demandSound(fixture);
  return judge({ passed, failed: failures.length, failures }, "scripts");
}

function makeWork(mountPoint: string): string {
  const work = join(mountPoint, "work");
  mkdirSync(work);
  chownSync(work, NOBODY, NOBODY);
  return work;
}
