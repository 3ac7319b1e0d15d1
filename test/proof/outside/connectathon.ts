/** The Connectathon suite: its basic, special and lock parts, as for a network filesystem. */
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

const VARIABLE = "SHOAL_PROOF_CONNECTATHON";
/** What the suite says when a part went well. */
const PARTS = [
  { name: "basic", option: "-b", success: "Congratulations, you passed the basic tests!" },
  { name: "special", option: "-s", success: "Special tests complete" },
  { name: "lock", option: "-l", success: "Congratulations, you passed the locking tests!" },
];

export const CONNECTATHON: Proof = {
  name: "outside/connectathon",
  what: "Connectathon: basic, special, lock",
  reasonToSkip: () => reasonWithout(VARIABLE, join("lock", "tlocklfs")),
  run: runConnectathon,
};

async function runConnectathon({ isSlice, say }: ProofRun): Promise<ProofResult> {
  await using fixture = await mountForSuite("connectathon");
  const failures: string[] = [];
  let passed = 0;
  for (const { name, option, success } of isSlice ? PARTS.slice(0, 1) : PARTS) {
    const directory = join(fixture.mountPoint, name);
    const { result, inodeCount } = await countingInodes(fixture.mountPoint, () =>
      runProgram({
        command: ["./runtests", option, "-f", directory],
        cwd: placeOf(VARIABLE),
        env: { NFSTESTDIR: directory },
        say,
      }),
    );
    if (inodeCount === 0) throw new Error("the suite did not work on the mount");
    if (result.code === 0 && result.lines.includes(success)) passed++;
    else failures.push(name);
  }
  await demandSound(fixture);
  return judge({ passed, failed: failures.length, failures }, "parts");
}
