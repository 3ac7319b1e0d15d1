/**
 * The engine against a plain model, without a mount: random operations, and between them cuts, a pipeline that is left
 * half way, kills and closes at any point (rules J1, J4, K2; checker 4's share that needs no lost sector).
 *
 * SEED and VOLUME_MODEL_SEEDS, VOLUME_MODEL_STEPS in the environment make it another or a longer run.
 */
import assert from "node:assert/strict";
import { env } from "node:process";
import { describe, it } from "node:test";
import { Prng } from "../../src/core/prng.ts";
import { checkSettled, checkVolume, snapshot } from "../support/volume-check.ts";
import { VolumeActions } from "../support/volume-actions.ts";
import { VolumeHarness, type HarnessOptions } from "../support/volume-harness.ts";
import { VolumeModel } from "../support/volume-model.ts";

const FIRST_SEED = Number(env.SEED ?? 1);
const SEED_COUNT = Number(env.VOLUME_MODEL_SEEDS ?? 4);
const STEP_COUNT = Number(env.VOLUME_MODEL_STEPS ?? 250);
const HOWS = ["kill", "kill", "kill", "close", "clean"] as const;

interface ModelRun extends HarnessOptions {
  /** Files made before the run: enough of them, and some are planned ahead of each cut. */
  readonly fileCount?: number;
}

/** One seed is one run. Throws when volume and model differ. */
async function runModel(seed: number, options: ModelRun = {}): Promise<void> {
  const prng = new Prng(seed);
  const model = new VolumeModel();
  using harness = await VolumeHarness.create({
    compression: "adaptive",
    schedule: prng,
    ...options,
  });
  const actions = new VolumeActions({ prng, model, core: harness.core });
  const compare = (): void => {
    assert.deepEqual(snapshot(harness.core, { times: false }), model.snapshot());
  };
  for (let i = 0; i < (options.fileCount ?? 0); i++) actions.makeFile();
  for (let step = 0; step < STEP_COUNT; step++) {
    try {
      actions.step(() => {
        harness.settle();
      });
      harness.clock.advance(prng.below(50));
      between(harness, actions, compare);
    } catch (error) {
      throw new Error(`SEED=${seed} step ${step} after ${actions.last}`, { cause: error });
    }
  }
  harness.settle();
  compare();
  checkSettled(harness);
  harness.reopen("clean");
  compare();
  checkSettled(harness);
}

/** What happens beside the operations: cuts, some steps of the pipeline, the end of a process. */
function between(harness: VolumeHarness, actions: VolumeActions, compare: () => void): void {
  const { prng } = actions;
  const kind = prng.below(40);
  if (kind < 4 && harness.core.mayCut) harness.core.cut();
  else if (kind < 12) harness.pump(1 + prng.below(5));
  else if (kind < 13) harness.pump();
  else if (kind < 14) checkVolume(harness);
  else if (kind < 17) harness.core.tick();
  else if (kind < 18) harness.maintenance().step();
  else if (kind < 19) actions.writeToMany(() => harness.settle());
  else if (kind < 21) {
    const before = snapshot(harness.core, { times: true });
    harness.reopen(HOWS[prng.below(HOWS.length)]!);
    actions.core = harness.core;
    assert.deepEqual(snapshot(harness.core, { times: true }), before, "replay gives the same tree");
    compare();
    checkVolume(harness);
  }
}

describe("a volume under random operations, cuts and kills", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed++) {
    it(`is what the model is (SEED=${seed})`, async () => runModel(seed));
  }
});

describe("a volume of many files, some of which are planned ahead of the cut", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + Math.ceil(SEED_COUNT / 2); seed++) {
    it(`is what the model is (SEED=${seed})`, async () => runModel(seed, { fileCount: 330 }));
  }
});

describe("a volume whose journal is as small as it may be", () => {
  const limits = { segmentSize: 64 * 1024, totalSizeMax: 4 * 64 * 1024 };
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEED_COUNT; seed++) {
    it(`never comes to a stop (SEED=${seed})`, async () => runModel(seed, { limits }));
  }
});
