/**
 * JuiceFS's comparison of two directories by random calls (its scripts hypo, on Hypothesis): one directory on the mount,
 * one beside it on the disk of the scratch directory, which should be ext4. Wants python3 with hypothesis, setfacl, sudo
 * and the users user1 to user3 and groups group1 to group4, which it makes.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Proof, ProofResult, ProofRun } from "../proof.ts";
import {
  countingInodes,
  demandSound,
  judge,
  mountForSuite,
  placeOf,
  reasonWithout,
  runProgram,
} from "./outside-suite.ts";

const VARIABLE = "SHOAL_PROOF_JUICEFS";
const SCRIPT = join(".github", "scripts", "hypo", "fs.py");
const SEED_COUNT = 10;
const EXAMPLE_COUNT = 100;
const STEP_COUNT = 60;

export const HYPO: Proof = {
  name: "outside/hypo",
  what: `JuiceFS's hypo against ext4: ${SEED_COUNT} seeds of ${EXAMPLE_COUNT} examples of ${STEP_COUNT} steps`,
  reasonToSkip: () => reasonWithout(VARIABLE, SCRIPT),
  run: runHypo,
};

async function runHypo({ isSlice, scratch, say }: ProofRun): Promise<ProofResult> {
  const place = placeOf(VARIABLE);
  await using fixture = await mountForSuite("hypo", ["--acl"]);
  const failures: string[] = [];
  let passed = 0;
  const work = join(scratch, "work");
  mkdirSync(work);
  for (let seed = 1; seed <= (isSlice ? 1 : SEED_COUNT); seed++) {
    const { result, inodeCount } = await countingInodes(fixture.mountPoint, () =>
      runProgram({
        command: ["python3", join(place, SCRIPT)],
        cwd: work,
        env: {
          PYTHONPATH: place,
          ROOT_DIR1: join(scratch, "fsrand"),
          ROOT_DIR2: join(fixture.mountPoint, "fsrand"),
          MAX_EXAMPLE: String(isSlice ? 5 : EXAMPLE_COUNT),
          STEP_COUNT: String(STEP_COUNT),
          SEED: String(seed),
        },
        say,
      }),
    );
    if (inodeCount === 0) throw new Error("the suite did not work on the mount");
    if (result.code === 0) passed++;
    else failures.push(`seed ${seed}: exit code ${result.code}`);
  }
  await demandSound(fixture);
  return judge({ passed, failed: failures.length, failures }, "seeds");
}
