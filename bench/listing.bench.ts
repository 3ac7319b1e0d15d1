/** Reading a large directory: the names, and the names with lstat of each. It is filled once and listed in every round. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PLACEMENTS } from "./contenders/contender.ts";
import { ClientThreads } from "./support/client-threads.ts";
import type { Work } from "./support/contest.ts";
import { forgetNames } from "./support/forget.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";
import { runThreads } from "./support/thread-work.ts";

const MIN_MS = 200;
const count: number = pick(readMode(), 1000, 100_000);
await using threads = new ClientThreads();

function listing(
  name: string,
  operation: string,
  options: { readonly isForgotten: boolean },
): Work {
  const base = { name, threads, threadCount: 1 };
  return {
    name,
    unit: "entry",
    isRate: true,
    async run(contender) {
      const directory = join(contender.directory, "listing");
      if (!existsSync(directory)) {
        await runThreads({ ...base, operation: "createEmpty", count }, contender, directory);
      }
      if (options.isForgotten) await forgetNames();
      const size = Math.round(count * contender.share);
      const minMs = options.isForgotten ? 0 : MIN_MS;
      const list = { ...base, operation, count: 1, minMs, size, isShareless: true };
      return runThreads(list, contender, directory);
    },
  };
}

await runTable({
  name: "listing",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)", "passthrough_hp"],
  works: [
    listing("readdir", "readdir", { isForgotten: false }),
    listing("readdir + lstat", "readdirStat", { isForgotten: false }),
    listing("readdir + lstat of what the kernel forgot", "readdirStat", { isForgotten: true }),
  ],
  notes: [`A directory of ${count} empty files (JuiceFS 8 %, passthrough_hp 30 % of that).`],
});
