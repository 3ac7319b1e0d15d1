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
  testFileProof({
    name: "kill/points",
    what: "500 deaths at named points of requests, flushes and cuts, under 8 clients",
    file: "test/e2e/kill-points.test.ts",
    sizes: { SHOAL_POINT_DEATHS: 500, SHOAL_KILL_CLIENTS: 8 },
    mounts: true,
  }),
  ...["fuse-requests", "disk-formats", "text-formats"].map((name) =>
    testFileProof({
      name: `fuzz/${name}`,
      what: "10,000,000 damaged inputs of each reader; a tenth of that where one costs a disk",
      file: `test/fuzz/${name}.test.ts`,
      sizes: { FUZZ_COUNT: 10_000_000 },
      mounts: false,
    }),
  ),
  testFileProof({
    name: "limits/large-directory",
    what: "1,000,000 names in one directory, read from every thousandth place while others change it",
    file: "test/limits/large-directory.test.ts",
    sizes: { SHOAL_LIMIT_NAMES: 1_000_000 },
    mounts: true,
  }),
  testFileProof({
    name: "limits/open-files",
    what: "19,000 unlinked open files through kills and dropped caches; 1,000 threads of one client",
    file: "test/limits/open-files.test.ts",
    sizes: { SHOAL_LIMIT_OPEN: 19_000, SHOAL_LIMIT_THREADS: 1000 },
    mounts: true,
  }),
  testFileProof({
    name: "limits/edges",
    what: "depth 2,000, 65,000 links, attributes of 64 KiB, any names, a file of 2^53 - 1 bytes",
    file: "test/limits/edges.test.ts",
    sizes: {},
    mounts: true,
  }),
  testFileProof({
    name: "limits/full-disk",
    what: "a disk filled 60 times at any moment under a volume and its state, kills in between",
    file: "test/limits/full-disk.test.ts",
    sizes: { SHOAL_FULL_ROUNDS: 60 },
    mounts: true,
  }),
  testFileProof({
    name: "limits/memory",
    what: "a mount within 400 MiB: a tree unpacked, mapped pages, npm ci of this project",
    file: "test/limits/memory.test.ts",
    sizes: { SHOAL_LIMIT_NPM: 1 },
    mounts: true,
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
