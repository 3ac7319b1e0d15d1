/** fsstress: four processes of random calls for a while; then nothing may be wrong with the volume. */
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

const VARIABLE = "SHOAL_PROOF_XFSTESTS";
const PROGRAM = join("ltp", "fsstress");
const PROCESS_COUNT = 4;
const DURATION_S = 600;
const SLICE_S = 10;
/** More than can be done in the time. */
const OPERATION_COUNT = 100_000_000;

export const FSSTRESS: Proof = {
  name: "outside/fsstress",
  what: `fsstress: ${PROCESS_COUNT} processes, ${DURATION_S} s, then fsck`,
  reasonToSkip: () => reasonWithout(VARIABLE, PROGRAM),
  run: runFsstress,
};

async function runFsstress({ isSlice, scratch, say }: ProofRun): Promise<ProofResult> {
  const seconds = isSlice ? SLICE_S : DURATION_S;
  await using fixture = await mountForSuite("fsstress");
  const { result, inodeCount } = await countingInodes(fixture.mountPoint, () =>
    runProgram({
      command: [
        join(placeOf(VARIABLE), PROGRAM),
        ...["-d", join(fixture.mountPoint, "work"), "-s", "1"],
        ...["-p", String(PROCESS_COUNT), "-n", String(OPERATION_COUNT)],
        ...[`--duration=${seconds}`],
      ],
      cwd: scratch,
      say,
    }),
  );
  const failures = result.code === 0 ? [] : [`exit code ${result.code}`];
  await fixture.demandClean();
  await demandSound(fixture);
  return judge({ passed: inodeCount, failed: failures.length, failures }, "inodes made");
}
