/** Names and attributes by 4 and by 16 threads at once, each in a directory of its own. */
import { PLACEMENTS } from "./contenders/contender.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { metadataWorks } from "./support/metadata-works.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";

const count: number = pick(readMode(), 160, 4800);
await using threads = new ClientThreads();
await runTable({
  name: "metadata-threads",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)", "passthrough_hp"],
  works: [4, 16].flatMap((threadCount) =>
    metadataWorks({ threads, threadCount, count, suffix: `, ${threadCount} threads` }),
  ),
  notes: [
    `${count} files of 4 KiB, all threads together (JuiceFS 8 %, passthrough_hp 30 % of that).`,
  ],
});
