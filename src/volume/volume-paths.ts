/** Where a mounted volume keeps what, below its state directory. */
import { join } from "node:path";

/** One directory a journal uuid. */
export function journalRoot(stateDirectory: string): string {
  return join(stateDirectory, "journal");
}

/** Packs that are built and not yet in the store. */
export function stagingRoot(stateDirectory: string): string {
  return join(stateDirectory, "staging");
}
