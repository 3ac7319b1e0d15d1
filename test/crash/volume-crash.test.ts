/**
 * Cuts a volume's journal, database, staging and store at every place of a recorded workload (PROTOCOLS.md, checker 4;
 * rules J2, J5, J6, J9, K1, K2, K3, G4a), and shows that leaving out any of those rules is found.
 *
 * SEED, CRASH_SEEDS, CRASH_OPERATIONS, CRASH_STRIDE (1: every place) and CRASH_RANDOM in the environment make it longer.
 */
import assert from "node:assert/strict";
import { env } from "node:process";
import { describe, it } from "node:test";
import { reasonNotToRecord } from "../support/recording.ts";
import { checkCrashStates, type CrashTotals } from "./crash-states.ts";
import { checkCrashesOfRecovery } from "./recovery-crashes.ts";
import { MUTATIONS } from "./mutations.ts";
import { recordWorkload, type Workload, type WorkloadOptions } from "./recorded-workload.ts";

const FIRST_SEED = Number(env.SEED ?? 1);
const SEED_COUNT = Number(env.CRASH_SEEDS ?? 2);
const OPERATION_COUNT = Number(env.CRASH_OPERATIONS ?? 40);
const STRIDE = Number(env.CRASH_STRIDE ?? 9);
const RANDOM_COUNT = Number(env.CRASH_RANDOM ?? 2);
/** Seeds after which a mutation that was not found counts as missed. */
const MUTATION_SEED_COUNT = 6;

async function record(options: Omit<WorkloadOptions, "operationCount">): Promise<Workload> {
  return recordWorkload({ ...options, operationCount: OPERATION_COUNT });
}

function cutEverywhere(workload: Workload): CrashTotals {
  return checkCrashStates({
    ...workload,
    randomCount: RANDOM_COUNT,
    stride: STRIDE,
    settleStride: 3,
  });
}

describe("a volume on a disk that forgets", { skip: reasonNotToRecord() }, () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed++) {
    it(`is one instant with all that was promised, cut at every write (SEED=${seed})`, async () => {
      const { states } = cutEverywhere(await record({ seed }));
      assert.ok(states > OPERATION_COUNT, `only ${states} states were looked at`);
    });

    it(`is that too under the mount's own pipeline (SEED=${seed})`, async () => {
      cutEverywhere(await record({ seed, usesProductPipeline: true }));
    });

    it(`is the same after a second crash, in the recovery (SEED=${seed})`, async () => {
      const workload = await record({ seed });
      await checkCrashesOfRecovery({ workload, recoveryCount: 2, stride: 2 * STRIDE });
    });
  }
});

describe("a rule that is left out is found", { skip: reasonNotToRecord() }, () => {
  for (const mutation of MUTATIONS) {
    it(mutation.name, async () => {
      for (let seed = 1; seed <= MUTATION_SEED_COUNT; seed++) {
        const found = complaintAbout(await record({ seed, harness: mutation.harness() }));
        if (found === undefined) continue;
        assert.match(found, mutation.symptom);
        return;
      }
      assert.fail(`${MUTATION_SEED_COUNT} workloads did not find it`);
    });
  }
});

/** What the check of a workload without the rule complained of; undefined when it did not. */
function complaintAbout(workload: Workload): string | undefined {
  try {
    cutEverywhere(workload);
    return undefined;
  } catch (error) {
    return String(error);
  }
}
