/**
 * Names and attributes by one thread, with client and daemon wherever the kernel puts them and on one CPU.
 *
 * The works of a round build on each other: what one makes, the next ones look at, change and remove.
 */
import { PLACEMENTS } from "./contenders/contender.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { metadataWorks } from "./support/metadata-works.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";

const count: number = pick(readMode(), 200, 3000);
await using threads = new ClientThreads();
await runTable({
  name: "metadata",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)", "juicefs (redis)", "passthrough_hp", "s3fs", "rclone"],
  works: metadataWorks({ threads, threadCount: 1, count }),
  notes: [
    `One thread, ${count} files of 4 KiB in one directory (JuiceFS 8 %, passthrough_hp 30 %, s3fs and rclone 0.7 % of that).`,
  ],
});
