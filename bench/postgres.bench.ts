/** PostgreSQL with its cluster on the filesystem, measured by pgbench. It flushes as it does by default. */
import { PLACEMENTS } from "./contenders/contender.ts";
import { pick, readMode } from "./support/mode.ts";
import { PostgresClusters } from "./support/postgres-clusters.ts";
import { runTable } from "./support/run-table.ts";

const mode = readMode();
await using clusters = new PostgresClusters(pick(mode, 1, 5), pick(mode, 1, 4));
await runTable({
  name: "postgres",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)"],
  mount: ["--allow-other"],
  works: clusters.works(),
  notes: [
    `pgbench: scale ${clusters.scale}, ${clusters.seconds} s a run, the cluster with its defaults on the mount.`,
  ],
  finish: () => clusters.stopAll(),
});
