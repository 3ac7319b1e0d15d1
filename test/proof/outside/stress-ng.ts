/** stress-ng: every stressor of its class "filesystem", two of each, each checking what it reads. */
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import { demandSound, judge, mountForSuite, placeOf, runSuite } from "./outside-suite.ts";
import { existsSync } from "node:fs";
import { reasonNotToMount } from "../../support/mount-fixture.ts";
import type { SuiteReport } from "./outside-suite.ts";

const VARIABLE = "SHOAL_PROOF_STRESS_NG";
const SECONDS_EACH = 10;

export const STRESS_NG: Proof = {
  name: "outside/stress-ng",
  what: "stress-ng --class filesystem --verify, 2 each",
  reasonToSkip: () => {
    const program = process.env[VARIABLE] ?? "";
    return existsSync(program) ? reasonNotToMount() : `${VARIABLE} does not name the program`;
  },
  run: runStressNg,
};

async function runStressNg({ isSlice, say }: ProofRun): Promise<ProofResult> {
  await using fixture = await mountForSuite("stress-ng");
  const { lines } = await runSuite({
    command: [
      placeOf(VARIABLE),
      ...["--sequential", "2", "--class", "filesystem", "--verify"],
      ...["--timeout", `${isSlice ? 1 : SECONDS_EACH}s`, "--temp-path", fixture.mountPoint],
    ],
    cwd: fixture.mountPoint,
    say,
  });
  await demandSound(fixture);
  return judge(readStressNg(lines), "stressors");
}

/** "stress-ng: info:  [1] passed: 78: access (2) chdir (2) …", and so for "failed" and "skipped". */
export function readStressNg(lines: readonly string[]): SuiteReport {
  const named = (word: string): string[] => {
    const line = lines.find((one) => one.includes(`] ${word}: `)) ?? "";
    return [...line.matchAll(/([a-z][\w-]*) \(\d+\)/gu)].map((match) => match[1]!);
  };
  const failures = named("failed");
  return {
    passed: named("passed").length,
    failed: failures.length,
    failures,
    skipped: named("skipped").length,
  };
}
