/** More than a journal holds, written by one thread until it is flushed: what the disk and we keep up with. */
import { PLACEMENTS } from "./contenders/contender.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";
import { threadWork } from "./support/thread-work.ts";

const MIB: number = 1024 * 1024;
const count: number = pick(readMode(), 8, 2048);
await using threads = new ClientThreads();
await runTable({
  name: "sustained",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)"],
  works: [
    threadWork({
      name: `write ${count} MiB, 1 MiB each, fsync`,
      operation: "writeSynced",
      unit: "MB",
      threads,
      threadCount: 1,
      count,
      isShareless: true,
      blockSize: MIB,
      subdirectory: "sustained",
    }),
  ],
  notes: [`${count} MiB, half noise and half blanks; the fsync at the end is timed.`],
});
