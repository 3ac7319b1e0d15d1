/**
 * The fence (rules C1 to C6, G5) under random schedules, with the real code of src/timeline; and each rule left out, which
 * must be found. SHOAL_SIMULATION_SEEDS is how many (500), SEED=n runs that one alone.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FenceWorld } from "./fence-world.ts";
import { MUTATIONS } from "./fence-host.ts";
import { Violation } from "./violation.ts";

const SEED_COUNT = Number(process.env["SHOAL_SIMULATION_SEEDS"] ?? 500);
const ONLY = process.env["SEED"];
/** A mutant that lives as long as this is not found. */
const MUTANT_SEEDS_MAX = 3000;

describe("the fence of a branch", () => {
  it(`keeps every acknowledged batch in ${SEED_COUNT} schedules of writers that lose, freeze and clone`, async () => {
    const total = { acknowledged: 0, clones: 0, takers: 0 };
    const seeds =
      ONLY === undefined ? Array.from({ length: SEED_COUNT }, (_, i) => i) : [Number(ONLY)];
    for (const seed of seeds) {
      const { acknowledged, clones, takers } = await runSeed(seed);
      total.acknowledged += acknowledged;
      total.clones += clones;
      total.takers += takers;
    }
    assert.ok(total.acknowledged > seeds.length && total.takers > seeds.length, "nothing happened");
    assert.ok(ONLY !== undefined || total.clones > seeds.length / 2, "hardly a machine was cloned");
  });

  it("is one world a seed", async () => {
    for (const seed of [3, 77]) {
      const first = await runSeed(seed);
      assert.deepEqual(await runSeed(seed), first);
    }
  });

  for (const mutation of MUTATIONS) {
    it(`is found broken when a rule is left out: ${mutation}`, async () => {
      await assert.rejects(async () => {
        for (let seed = 0; seed < MUTANT_SEEDS_MAX; seed++)
          await new FenceWorld(seed, mutation).run();
      }, Violation);
    });
  }
});

async function runSeed(seed: number): ReturnType<FenceWorld["run"]> {
  try {
    return await new FenceWorld(seed).run();
  } catch (error) {
    throw new Error(`SEED=${seed}: ${(error as Error).message}`, { cause: error });
  }
}
