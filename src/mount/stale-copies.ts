/** Tidies up the private copies of a state directory; apart from private-copy.ts, so that a supervisor need not load that. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Removes every copy in `run` but `kept`. Only for the holder of the state directory's lock: nobody else runs from one. */
export function removeStaleCopies(run: string, kept: string): number {
  let removed = 0;
  for (const name of readdirSync(run)) {
    const path = join(run, name);
    if (path === kept) continue;
    rmSync(path, { recursive: true, force: true });
    removed++;
  }
  return removed;
}
