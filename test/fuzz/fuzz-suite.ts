/**
 * One test a target. FUZZ_COUNT (100,000 inputs a target) and SEED in the environment make it a longer or another run.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fuzz, type FuzzTarget } from "./fuzzer.ts";

const COUNT = Number(process.env["FUZZ_COUNT"] ?? 100_000);
const SEED = Number(process.env["SEED"] ?? 1);

/** `costly` inputs are more than memory and a few calls: `share` of the count runs. */
export function fuzzSuite(
  name: string,
  targets: readonly FuzzTarget[],
  { share }: { readonly share: number } = { share: 1 },
): void {
  void describe(`${name}: bytes from elsewhere`, () => {
    for (const target of targets) {
      void it(`${target.name} takes or refuses whatever it is given`, (context) => {
        const count = Math.ceil(COUNT * share);
        const { taken, refused } = fuzz(target, { count, seed: SEED });
        context.diagnostic(`proof: ${target.name} ${taken} taken, ${refused} refused`);
        assert.ok(taken > 0, "an input was taken: the changes are not all too coarse");
        if (target.refuses !== false) assert.ok(refused > 0, "an input was refused");
      });
    }
  });
}
