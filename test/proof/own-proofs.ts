/** Our own proofs at the size of the long run. `npm test` runs the same files at their slice. */
import { demandFlat, runSoak } from "./soak.ts";
import type { Proof } from "./proof.ts";
import { reasonNotToMount } from "../support/mount-fixture.ts";
import { testFileProof } from "./test-file-proof.ts";

const SOAK_MINUTES = 120;
const SOAK_SLICE_MINUTES = 0.5;

export const OWN_PROOFS: readonly Proof[] = [
  testFileProof({
    name: "model/engine",
    what: "1,000,000 random operations in process, with cuts and kills, against a model",
    file: "test/model/volume-model.test.ts",
    sizes: { VOLUME_MODEL_SEEDS: 200, VOLUME_MODEL_STEPS: 2000 },
    mounts: false,
  }),
  testFileProof({
    name: "model/mount",
    what: "100,000 random commands through a mount, with and without ACLs",
    file: "test/e2e/model.test.ts",
    sizes: { SHOAL_MODEL_SEED: "1,2,3,4,5", SHOAL_MODEL_COMMANDS: 10_000 },
    mounts: true,
  }),
  testFileProof({
    name: "crash/recovery",
    what: "workloads cut at every write, recoveries cut at every write, mutations found",
    file: "test/crash/volume-crash.test.ts",
    sizes: { CRASH_SEEDS: 20, CRASH_STRIDE: 1, CRASH_OPERATIONS: 60 },
    mounts: true,
  }),
  testFileProof({
    name: "kill/random",
    what: "1,000 kills under 8 clients that check every answer, and under programs",
    file: "test/e2e/kill.test.ts",
    sizes: { SHOAL_KILL_COUNT: 1000, SHOAL_KILL_CLIENTS: 8 },
    mounts: true,
  }),
  testFileProof({
    name: "errno/table",
    what: "every call on every kind of object by every caller, on ext4 and on a mount",
    file: "test/e2e/errno-table.test.ts",
    sizes: { SHOAL_ERRNO_SHARE: 1 },
    mounts: true,
  }),
  testFileProof({
    name: "simulation/fence",
    what: "10,000 schedules of writers of one branch, with clones, losses and late requests",
    file: "test/simulation/fence.test.ts",
    sizes: { SHOAL_SIMULATION_SEEDS: 10_000 },
    mounts: false,
  }),
  testFileProof({
    name: "simulation/garbage",
    what: "10,000 schedules of collectors, creators and deleters of names",
    file: "test/simulation/garbage.test.ts",
    sizes: { SHOAL_SIMULATION_SEEDS: 10_000 },
    mounts: false,
  }),
  {
    name: "soak",
    what: `${SOAK_MINUTES} minutes of mixed load with kills, memory flat`,
    reasonToSkip: reasonNotToMount,
    run: async ({ isSlice, say }) => {
      const minutes = isSlice ? SOAK_SLICE_MINUTES : SOAK_MINUTES;
      const report = await runSoak({ minutes, paceMs: 50, seed: 1, say });
      if (!isSlice) demandFlat(report);
      const { steps, passes, kills } = report;
      return { counts: `${steps} steps, ${passes} passes, ${kills} kills`, failures: [] };
    },
  },
];
