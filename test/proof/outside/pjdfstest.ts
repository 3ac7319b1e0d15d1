/** pjdfstest: 238 scripts of what POSIX says of calls on names, as root, without ACLs and with them. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import {
  demandSound,
  judge,
  mountForSuite,
  placeOf,
  reasonWithout,
  runSuite,
} from "./outside-suite.ts";
import { readProve } from "./prove-report.ts";

const VARIABLE = "SHOAL_PROOF_PJDFSTEST";
/** They sleep more than they work. */
const JOB_COUNT = 8;

export const PJDFSTEST: readonly Proof[] = [
  pjdfstest("outside/pjdfstest", "8,798 asserts in 238 files", []),
  pjdfstest("outside/pjdfstest-acl", "the same on a volume with ACLs", ["--acl"]),
];

function pjdfstest(name: string, what: string, create: readonly string[]): Proof {
  return {
    name,
    what: `pjdfstest: ${what}`,
    reasonToSkip: () => reasonWithout(VARIABLE, "pjdfstest"),
    run: (run) => runPjdfstest(run, create),
  };
}

async function runPjdfstest(run: ProofRun, create: readonly string[]): Promise<ProofResult> {
  const tests = join(placeOf(VARIABLE), "tests");
  await using fixture = await mountForSuite("pjdfstest", create);
  const cwd = join(fixture.mountPoint, "work");
  mkdirSync(cwd);
  const chosen = run.isSlice ? join(tests, "mkdir") : tests;
  const command = ["prove", "-r", "-j", String(JOB_COUNT), chosen];
  const { lines } = await runSuite({ command, cwd, say: run.say });
  const report = readProve(lines, `${tests}/`);
  await demandSound(fixture);
  return judge(report, `asserts in ${report.fileCount} files`);
}
