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

/**
 *    stress-ng: info:  [20361] dispatching hogs: 2 access, 2 copy-file
 *    stress-ng: info:  [20387] binderfs: binderfs not supported, errno=19 (No such device), skipping stress test
 *    stress-ng: fail:  [20390] access: …
 *    stress-ng: info:  [20361] successful run completed in 1.50s
 *
 * Lines of "fail" and "error" are failures of the stressor they name.
 */
export function readStressNg(lines: readonly string[]): SuiteReport {
  const named = (pattern: RegExp): Set<string> =>
    new Set(lines.flatMap((line) => pattern.exec(line)?.[1] ?? []));
  const started = new Set(
    lines.flatMap((line) => {
      const list = / dispatching hogs: (.*)$/u.exec(line)?.[1] ?? "";
      return [...list.matchAll(/\d+ ([\w-]+)/gu)].map((match) => match[1]!);
    }),
  );
  const skipped = named(/\] ([\w-]+): .*skipping stress/u);
  const failures = [...named(/^stress-ng: (?:fail|error): +\[\d+\] ([\w-]+):/u)];
  if (!lines.some((line) => / successful run completed/u.test(line))) {
    failures.push("no successful run completed");
  }
  const isPassed = (name: string): boolean => !skipped.has(name) && !failures.includes(name);
  return {
    passed: [...started].filter(isPassed).length,
    failed: failures.length,
    failures,
    skipped: skipped.size,
  };
}
