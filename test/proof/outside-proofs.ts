/**
 * Suites and programs that others wrote, where an environment variable says where they lie. Nothing of theirs is here, nor
 * how they are built; docs/posix.md has versions, figures and exclusions with their reasons.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { MountFixture, reasonNotToMount, runCommand } from "../support/mount-fixture.ts";
import type { Proof, ProofRun, ProofResult } from "./proof.ts";

const FSX_SEED_COUNT = 10;
const FSX_OPERATION_COUNT = 100_000;
const FSX_SLICE_COUNT = 1000;
/** Read and write by calls and by mappings, and by calls only. */
const FSX_MODES: readonly (readonly string[])[] = [[], ["-W", "-R"]];

export const OUTSIDE_PROOFS: readonly Proof[] = [
  {
    name: "outside/fsx",
    what: "fsx: 1,000,000 operations over 10 seeds, with mappings and without",
    reasonToSkip: () => reasonWithout("SHOAL_PROOF_FSX", "the program fsx"),
    run: runFsx,
  },
];

/** For `reasonToSkip`: a suite wants a mount, and somebody who says where it is. */
function reasonWithout(variable: string, what: string): string | undefined {
  const path = process.env[variable];
  if (path === undefined || path === "") return `${variable} does not name ${what}`;
  return existsSync(path) ? reasonNotToMount() : `${variable}: there is no ${path}`;
}

async function runFsx({ isSlice, say }: ProofRun): Promise<ProofResult> {
  const program = process.env["SHOAL_PROOF_FSX"]!;
  await using fixture = await MountFixture.mounted({ name: "fsx" });
  const perSeed = isSlice ? FSX_SLICE_COUNT : FSX_OPERATION_COUNT;
  const failures: string[] = [];
  let count = 0;
  for (const mode of FSX_MODES) {
    for (let seed = 1; seed <= FSX_SEED_COUNT; seed++) {
      const file = join(fixture.mountPoint, `fsx-${mode.length}-${seed}`);
      const args = ["-N", String(perSeed), "-S", String(seed), "-q", ...mode, file];
      const { code, stdout, stderr } = await runCommand([program, ...args]);
      say(`fsx ${args.join(" ")}: ${code}\n${stdout}${stderr}`);
      if (code !== 0) failures.push(`fsx ${args.join(" ")}: exit code ${code}`);
      count += perSeed;
    }
  }
  await fixture.umount();
  await fixture.demandClean();
  return { counts: `${count.toLocaleString("en")} operations`, failures };
}
