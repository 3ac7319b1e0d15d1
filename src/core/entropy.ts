/** Ids that no other machine can have, not even a copy of this one made while it ran (rule C4). */
import { randomHex } from "./hex.ts";

export interface Entropy {
  /** 128 fresh bits as 32 lower-case hex digits. */
  freshId(): string;
}

const ID_SIZE = 16;

export const systemEntropy: Entropy = { freshId: () => randomHex(ID_SIZE) };
