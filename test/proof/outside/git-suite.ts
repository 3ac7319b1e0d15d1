/** git's own tests of what touches files: its scripts t00, t10 to t14, t5510 and t70 to t73, as another user than root. */
import { chownSync, globSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import {
  countingInodes,
  demandSound,
  judge,
  mountForSuite,
  NOBODY,
  placeOf,
  reasonWithout,
  runProgram,
} from "./outside-suite.ts";
import { readProve } from "./prove-report.ts";

const VARIABLE = "SHOAL_PROOF_GIT";
const SCRIPTS = ["t00*.sh", "t1[0-4]*.sh", "t5510*.sh", "t7[0-3]*.sh"];
const SLICE = ["t0000*.sh"];

export const GIT_SUITE: Proof = {
  name: "outside/git",
  what: "git's suite: scripts t00, t10-t14, t5510, t70-t73",
  reasonToSkip: () => reasonWithout(VARIABLE, "t/helper/test-tool"),
  run: runGitSuite,
};

async function runGitSuite({ isSlice, say }: ProofRun): Promise<ProofResult> {
  const tests = join(placeOf(VARIABLE), "t");
  const scripts = globSync(isSlice ? SLICE : SCRIPTS, { cwd: tests }).toSorted();
  await using fixture = await mountForSuite("git-suite");
  const work = join(fixture.mountPoint, "work");
  mkdirSync(work);
  chownSync(work, NOBODY, NOBODY);
  const { result, inodeCount } = await countingInodes(fixture.mountPoint, () =>
    runProgram({
      command: ["prove", "-j", "2", ...scripts, "::", `--root=${work}`],
      cwd: tests,
      env: { TEST_OUTPUT_DIRECTORY: work, HOME: work, GIT_TEST_CHAIN_LINT: "0" },
      uid: NOBODY,
      say,
    }),
  );
  if (inodeCount < scripts.length) throw new Error("the suite did not work on the mount");
  const report = readProve(result.lines);
  await demandSound(fixture);
  return judge(report, `asserts in ${report.fileCount} scripts`);
}
