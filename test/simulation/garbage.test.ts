/**
 * Roots and garbage (rules G2, G3, C10) under random schedules, with the real code of src/timeline and src/gc; and each
 * rule left out, which must be found. SHOAL_SIMULATION_SEEDS is how many (500), SEED=n runs that one alone.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { GARBAGE_MUTATIONS } from "./garbage-host.ts";
import { GarbageWorld } from "./garbage-world.ts";
import { Violation } from "./violation.ts";

const SEED_COUNT = Number(process.env["SHOAL_SIMULATION_SEEDS"] ?? 500);
const ONLY = process.env["SEED"];
/** A mutant that lives as long as this is not found. */
const MUTANT_SEEDS_MAX = 5000;

describe("names and collectors", () => {
  it(`keep the data of every name and of the window in ${SEED_COUNT} schedules`, async () => {
    const seeds =
      ONLY === undefined ? Array.from({ length: SEED_COUNT }, (_, i) => i) : [Number(ONLY)];
    let made = 0;
    let collected = 0;
    for (const seed of seeds) {
      const result = await runSeed(seed);
      made += result.made;
      collected += result.collected;
    }
    assert.ok(ONLY !== undefined || made > seeds.length, "hardly a name was made");
    assert.ok(ONLY !== undefined || collected > seeds.length, "hardly anything was collected");
  });

  it("are one world a seed", async () => {
    const first = await runSeed(3);
    assert.deepEqual(await runSeed(3), first);
  });

  for (const mutation of GARBAGE_MUTATIONS) {
    it(`are found broken when a rule is left out: ${mutation}`, async () => {
      await assert.rejects(async () => {
        for (let seed = 0; seed < MUTANT_SEEDS_MAX; seed++)
          await new GarbageWorld(seed, mutation).run();
      }, Violation);
    });
  }
});

async function runSeed(seed: number): ReturnType<GarbageWorld["run"]> {
  try {
    return await new GarbageWorld(seed).run();
  } catch (error) {
    throw new Error(`SEED=${seed}: ${(error as Error).message}`, { cause: error });
  }
}
