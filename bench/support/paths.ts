/** The five main paths through a mount, each as one job of one client thread that goes on for a while. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "../contenders/contender.ts";
import { cpuOf } from "../contenders/contender.ts";
import type { ClientThreads, Job } from "./client-threads.ts";

const MIB: number = 1024 * 1024;

export interface MainPath {
  readonly name: string;
  /** What the job needs, then the job itself. */
  readonly prepare: readonly string[];
  readonly operation: string;
  /** Steps at full size, and their part of it in a smoke run. */
  readonly count: number;
  readonly blockSize: number;
  /** Each step must reach the filesystem: mounted anew before. */
  readonly isForgotten: boolean;
}

const base = { prepare: [], blockSize: 4096, isForgotten: false };

export const MAIN_PATHS: readonly MainPath[] = [
  { ...base, name: "create + write 4 KiB + close", operation: "create", count: 20_000 },
  {
    ...base,
    name: "small read",
    prepare: ["create"],
    operation: "openReadOnce",
    count: 10_000,
    isForgotten: true,
  },
  {
    ...base,
    name: "sequential write, 1 MiB",
    operation: "writeSequential",
    count: 500,
    blockSize: MIB,
  },
  { ...base, name: "append 4 KiB + fdatasync", operation: "appendSynced", count: 2000 },
  {
    ...base,
    name: "stat + chmod",
    prepare: ["create"],
    operation: "statChmod",
    count: 10_000,
    isForgotten: true,
  },
];

/** The job of `path` on `contender`, ready to run: what it needs is made, what it must not know is forgotten. */
export async function preparePath(
  path: MainPath,
  contender: Contender,
  options: { readonly threads: ClientThreads; readonly count: number; readonly run: string },
): Promise<Job> {
  const { threads, count, run } = options;
  const directory = join(contender.directory, `${run}-${path.name.replaceAll(/\W+/g, "-")}`);
  mkdirSync(directory);
  const job = {
    operation: path.operation,
    directories: [directory],
    count,
    cpu: cpuOf(contender),
    minMs: 0,
    blockSize: path.blockSize,
  };
  for (const operation of path.prepare) await threads.run({ ...job, operation });
  if (path.isForgotten) await contender.remount?.();
  return job;
}
