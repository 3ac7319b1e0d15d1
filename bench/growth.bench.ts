/**
 * What a volume costs as it grows: metadata operations with 10^3, 10^5 and 10^6 files in it, and at each size the memory
 * of all its processes, the bytes of metadata a file, and the time from `shoal mount` until it serves.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { reasonNotToMount } from "../test/support/mount-fixture.ts";
import { openShoal, type ShoalContender } from "./contenders/shoal.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { contest, makeRow, type Row } from "./support/contest.ts";
import { metadataWorks } from "./support/metadata-works.ts";
import { pick, readMode } from "./support/mode.ts";
import { printRows } from "./support/print-rows.ts";
import { cpuUsOf, memoryOf } from "./support/process-usage.ts";
import { saveResult } from "./support/results.ts";
import { runThreads } from "./support/thread-work.ts";

const mode = readMode();
const SIZES: readonly number[] = pick(mode, [0, 100, 1000], [0, 1000, 100_000, 1_000_000]);
const operationCount: number = pick(mode, 50, 1000);
const idleMs: number = pick(mode, 300, 5000);
const POPULATE_THREADS = 4;
const NOTES: readonly string[] = [
  `Files of 64 bytes with names of 20, a thousand in a directory; ${operationCount} operations a run beside them. Memory: all processes of the mount together, right after the files were made.`,
];
const MIB: number = 1024 * 1024;

async function grow(shoal: ShoalContender, threads: ClientThreads): Promise<void> {
  const rows: Row[] = [];
  let fileCount = 0;
  for (const size of SIZES) {
    if (size > fileCount) {
      await runThreads(
        {
          name: "populate",
          operation: "populate",
          threads,
          threadCount: POPULATE_THREADS,
          count: size - fileCount,
        },
        shoal,
        join(shoal.directory, `to-${size}`),
      );
    }
    fileCount = size;
    const found = await measureAt(shoal, threads, size);
    printRows(found);
    rows.push(...found);
    // After each size, so that a run that is cut short has not been for nothing.
    if (mode.isFull) saveResult("growth", rows, NOTES);
  }
}

async function measureAt(
  shoal: ShoalContender,
  threads: ClientThreads,
  size: number,
): Promise<Row[]> {
  const suffix = `, ${size.toLocaleString("en-US")} files`;
  const single = (work: string, unit: string, value: number): Row =>
    makeRow({ work: `${work}${suffix}`, unit, values: { shoal: [value] } });
  const { pssBytes, rssBytes } = memoryOf(shoal.processes());
  const rows = [
    single("memory, proportional", "MiB", pssBytes / MIB),
    single("memory, resident", "MiB", rssBytes / MIB),
  ];
  const beforeUs = cpuUsOf(shoal.processes());
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const idleUs = cpuUsOf(shoal.processes()) - beforeUs;
  rows.push(single("CPU when idle", "% of a CPU", idleUs / idleMs / 10));
  await shoal.fixture.umount();
  if (size > 0) rows.push(single("metadata a file", "B", databaseSize(shoal) / size));
  const startMs = performance.now();
  await shoal.fixture.mount();
  rows.push(single("`shoal mount` until it serves", "ms", performance.now() - startMs));
  if (size === 0) return rows;
  const works = metadataWorks({ threads, threadCount: 1, count: operationCount, suffix });
  return [...rows, ...(await contest([shoal], works, { roundCount: mode.roundCount }))];
}

/** After an unmount nothing is left in a write-ahead log. */
function databaseSize({ fixture }: ShoalContender): number {
  return statSync(join(fixture.volumeRoot, "meta", "shoal.db")).size;
}

const reason = reasonNotToMount();
if (reason === undefined) {
  await using threads = new ClientThreads();
  await using shoal = await openShoal({ placement: "default" });
  await grow(shoal, threads);
} else console.log(`not run: ${reason}`);
