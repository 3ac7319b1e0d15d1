/** What each figure must reach: the speed of ours over that of another, or a size or time at most. */
import type { Placement } from "../contenders/contender.ts";

export interface Mark {
  readonly table: string;
  readonly work: string;
  readonly placement: Placement;
  /** At least this many times the speed of `over` at the same work, or at `overWork`. */
  readonly atLeast?: { readonly factor: number; readonly over: string; readonly overWork?: string };
  /** At most this, in the unit of the row; `of` names the figure. */
  readonly atMost?: { readonly value: number; readonly of: "median" | "max" };
}

const JUICEFS = "juicefs (sqlite)";
const PASSTHROUGH = "passthrough_hp";
const CREATE = "create + write 4 KiB + close";
const FORGOTTEN = "stat of what the kernel forgot";
const SYNCED = "random write 4 KiB + fdatasync";

/** For both placements: what each demands of the same ratio. */
function both(
  work: string,
  over: string,
  factors: readonly [number, number],
  overWork?: string,
): Mark[] {
  const more = overWork === undefined ? {} : { overWork };
  return [
    {
      table: "metadata",
      work,
      placement: "default",
      atLeast: { factor: factors[0], over, ...more },
    },
    {
      table: "metadata-one-cpu",
      work,
      placement: "one CPU",
      atLeast: { factor: factors[1], over, ...more },
    },
  ];
}

function speed(table: string, work: string, over: string, factor: number): Mark {
  return { table, work, placement: "default", atLeast: { factor, over } };
}

function limit(table: string, work: string, value: number, of: "median" | "max" = "median"): Mark {
  return { table, work, placement: "default", atMost: { value, of } };
}

export const MARKS: readonly Mark[] = [
  ...both(CREATE, "ext4", [0.2, 0.3]),
  ...both(CREATE, PASSTHROUGH, [2.5, 2.5]),
  ...both(CREATE, JUICEFS, [10, 10]),
  ...both("unlink", "ext4", [0.2, 0.3]),
  ...both("unlink", JUICEFS, [8, 8]),
  ...both("rename", "ext4", [0.3, 0.4]),
  ...both("rename", JUICEFS, [8, 8]),
  ...both("mkdir", "ext4", [0.3, 0.4]),
  ...both("mkdir", JUICEFS, [8, 8]),
  ...both("chmod", "ext4", [0.06, 0.1]),
  ...both("chmod", JUICEFS, [8, 8]),
  ...both(FORGOTTEN, "ext4", [0.06, 0.1], "stat"),
  ...both(FORGOTTEN, JUICEFS, [8, 8]),
  ...both("stat", "ext4", [0.85, 0.85]),
  ...both("open + read 4 KiB + close", "ext4", [0.85, 0.85]),
  speed("data", "write, 1 MiB", "ext4", 0.7),
  speed("sustained", "write 2048 MiB, 1 MiB each, fsync", "ext4", 0.4),
  speed("data", "read, cold, 1 MiB", "ext4", 0.8),
  speed("data", SYNCED, "ext4", 0.6),
  speed("data", `${SYNCED}, 4 writers`, "ext4", 1),
  speed("data", SYNCED, JUICEFS, 10),
  speed("data", "append 4 KiB", "ext4", 0.12),
  speed("writeback", "append 4096 B, --writeback", "ext4", 0.8),
  speed("postgres", "pgbench, 1 client", "ext4", 0.9),
  speed("postgres", "pgbench, 4 clients", "ext4", 0.8),
  speed("applications", "untar 11400 files", JUICEFS, 8),
  speed("applications", "rm -r", JUICEFS, 4),
  speed("applications", "git clone", "ext4", 0.5),
  speed("databases", "SQLite, an insert a transaction, WAL", "ext4", 0.7),
  speed("databases", "SQLite, an insert a transaction, rollback journal", "ext4", 0.7),
  limit("interruptions", "pause at a SIGKILL", 100, "max"),
  limit("interruptions", "an operation across cuts, 99th percentile", 10),
  limit("growth", "memory, resident, 100,000 files", 300),
  limit("growth", "metadata a file, 100,000 files", 150),
  limit("growth", "memory, resident, 1,000,000 files", 300),
  limit("growth", "metadata a file, 1,000,000 files", 150),
];
