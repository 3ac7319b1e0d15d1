/** What only fio does: O_DIRECT, mmap, io_uring, and four jobs at once, on files that it lays out first. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Contender, PLACEMENTS } from "./contenders/contender.ts";
import { runCommand, whenInstalled } from "./support/commands.ts";
import type { Work } from "./support/contest.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";

const mode = readMode();
const seconds: number = pick(mode, 0.3, 2);
const size: string = pick(mode, "2m", "64m");

interface FioReport {
  readonly jobs: readonly {
    readonly read: { readonly iops: number };
    readonly write: { readonly iops: number };
  }[];
}

function fio(name: string, options: readonly string[], jobCount = 1): Work {
  return {
    name,
    unit: "op",
    isRate: true,
    async run(contender, directory) {
      return { value: await runFio(contender, join(directory, "fio"), options, jobCount) };
    },
  };
}

async function runFio(
  contender: Contender,
  directory: string,
  options: readonly string[],
  jobCount: number,
): Promise<number> {
  mkdirSync(directory, { recursive: true });
  const report = await runCommand(contender, [
    "fio",
    "--name=bench",
    `--directory=${directory}`,
    `--size=${size}`,
    "--bs=4k",
    `--numjobs=${jobCount}`,
    "--group_reporting",
    "--time_based",
    `--runtime=${seconds}`,
    "--randseed=1",
    "--fallocate=none",
    "--output-format=json",
    ...options,
  ]);
  const { jobs } = JSON.parse(report.slice(report.indexOf("{"))) as FioReport;
  return jobs.reduce((sum, { read, write }) => sum + read.iops + write.iops, 0);
}

const uring = ["--ioengine=io_uring", "--iodepth=16"];
await runTable({
  name: "fio",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)"],
  works: [
    ...whenInstalled("fio", () => [
      fio("random read, O_DIRECT", ["--rw=randread", "--direct=1"]),
      fio("random write, O_DIRECT", ["--rw=randwrite", "--direct=1"]),
      fio("random read, mmap", ["--rw=randread", "--ioengine=mmap"]),
      fio("random write, mmap", ["--rw=randwrite", "--ioengine=mmap"]),
      fio("random read, io_uring, depth 16, 4 jobs", ["--rw=randread", ...uring], 4),
      fio("random write, io_uring, depth 16, 4 jobs", ["--rw=randwrite", ...uring], 4),
      fio("random write + fdatasync, 4 jobs", ["--rw=randwrite", "--fdatasync=1"], 4),
    ]),
  ],
  notes: [`Requests of 4 KiB, ${seconds} s each, files of ${size.replace("m", " MiB")} a job.`],
});
