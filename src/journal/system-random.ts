/** The system's random numbers as a RandomSource: for salts, which must differ in each life of a file. */
import { fillRandom } from "../core/random-bytes.ts";
import type { RandomSource } from "./journal.ts";

export const systemRandom: RandomSource = {
  u32: () => fillRandom(new Uint32Array(1))[0]!,
};
