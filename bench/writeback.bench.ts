/** Small writes with `--writeback`, where the kernel collects them before we see them. */
import { PLACEMENTS } from "./contenders/contender.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";
import { threadWork } from "./support/thread-work.ts";

const count: number = pick(readMode(), 100, 10_000);
await using threads = new ClientThreads();
await runTable({
  name: "writeback",
  placements: PLACEMENTS,
  peers: [],
  mount: ["--writeback"],
  works: [4096, 100].map((blockSize) =>
    threadWork({
      name: `append ${blockSize} B, --writeback`,
      operation: "append",
      threads,
      threadCount: 1,
      count,
      isShareless: true,
      blockSize,
      subdirectory: `append-${blockSize}`,
    }),
  ),
  notes: [`${count} appends to one file; no flush.`],
});
