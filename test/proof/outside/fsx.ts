/** fsx: random calls on one file, each read compared with what was written; by calls, mappings, AIO, io_uring, O_DIRECT. */
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

const VARIABLE = "SHOAL_PROOF_XFSTESTS";
const PROGRAM = join("ltp", "fsx");
const SEED_COUNT = 10;
const SLICE_SEED_COUNT = 2;
const SLICE_COUNT = 500;

interface Mode {
  readonly name: string;
  readonly what: string;
  readonly args: readonly string[];
  /** Operations a seed. */
  readonly count: number;
}

const MODES: readonly Mode[] = [
  { name: "mapped", what: "calls and mappings", args: ["-e", "1"], count: 100_000 },
  { name: "calls", what: "calls only", args: ["-W", "-R"], count: 100_000 },
  { name: "aio", what: "AIO", args: ["-A"], count: 20_000 },
  { name: "uring", what: "io_uring", args: ["-U"], count: 20_000 },
  {
    name: "direct",
    what: "O_DIRECT",
    args: ["-Z", "-R", "-W", "-r", "4096", "-w", "4096", "-t", "4096"],
    count: 20_000,
  },
  { name: "sync", what: "fsync and dropped pages after each", args: ["-f", "-y"], count: 5000 },
];

export const FSX: readonly Proof[] = MODES.map((mode): Proof => ({
  name: `outside/fsx-${mode.name}`,
  what: `fsx: ${(SEED_COUNT * mode.count).toLocaleString("en")} operations over ${SEED_COUNT} seeds, ${mode.what}`,
  reasonToSkip: () => reasonWithout(VARIABLE, PROGRAM),
  run: (run) => runFsx(run, mode),
}));

async function runFsx({ isSlice, say }: ProofRun, mode: Mode): Promise<ProofResult> {
  await using fixture = await mountForSuite("fsx");
  const perSeed = isSlice ? SLICE_COUNT : mode.count;
  const failures: string[] = [];
  let passed = 0;
  for (let seed = 1; seed <= (isSlice ? SLICE_SEED_COUNT : SEED_COUNT); seed++) {
    const args = ["-N", String(perSeed), "-S", String(seed), "-q", ...mode.args, `fsx-${seed}`];
    const command = [join(placeOf(VARIABLE), PROGRAM), ...args];
    const { code, lines } = await runSuite({ command, cwd: fixture.mountPoint, say });
    const isDone = lines.some((line) => line.startsWith("All ") && line.includes("completed A-OK"));
    if (code === 0 && isDone) passed += perSeed;
    else failures.push(`fsx ${args.join(" ")}: exit code ${code}`);
  }
  await demandSound(fixture);
  return judge({ passed, failed: failures.length, failures }, "operations");
}
