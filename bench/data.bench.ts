/**
 * Data of files by one thread and by sixteen: in sequence, at random, with a flush each, in three states of what is in
 * memory. Cold: mounted anew, and the page cache dropped. Local cache: mounted anew, the store's files in the page
 * cache. Warm: just read.
 */
import { PLACEMENTS } from "./contenders/contender.ts";
import { ClientThreads } from "./support/client-threads.ts";
import type { Work } from "./support/contest.ts";
import { forgetAll, forgetMounted } from "./support/forget.ts";
import { pick, readMode } from "./support/mode.ts";
import { runTable } from "./support/run-table.ts";
import { threadWork, type ThreadWorkOptions } from "./support/thread-work.ts";

const KIB = 1024;
const MIB: number = 1024 * KIB;
const mode = readMode();
const largeSize: number = pick(mode, 4, 128) * MIB;
const smallSize: number = pick(mode, 1, 32) * MIB;
const randomCount: number = pick(mode, 100, 5000);
const syncCount: number = pick(mode, 30, 500);

await using threads = new ClientThreads();

/** What is written in sequence, and read again, by requests of `blockSize`. */
const SEQUENCES = [
  { label: "1 MiB", blockSize: MIB, size: largeSize },
  { label: "128 KiB", blockSize: 128 * KIB, size: largeSize },
  { label: "4 KiB", blockSize: 4 * KIB, size: smallSize },
] as const;

function one(
  name: string,
  operation: string,
  options: Partial<ThreadWorkOptions> & { readonly count: number },
): Work {
  const base = { name, operation, threads, threadCount: 1, isShareless: true };
  return threadWork({ ...base, ...options });
}

function sequential(name: string, operation: string, before?: ThreadWorkOptions["before"]): Work[] {
  return SEQUENCES.map(({ label, blockSize, size }, i) =>
    one(`${name}, ${label}`, operation, {
      unit: "MB",
      count: size / blockSize,
      blockSize,
      subdirectory: `sequence-${blockSize}`,
      // All three files are forgotten at once.
      ...(before === undefined || i > 0 ? {} : { before }),
    }),
  );
}

const random = { blockSize: 4 * KIB, size: largeSize, subdirectory: `sequence-${MIB}` };
const works: Work[] = [
  ...sequential("write", "writeSequential"),
  ...sequential("read, cold", "readSequential", forgetAll),
  ...sequential("read, local cache", "readSequential", forgetMounted),
  ...sequential("read, warm", "readSequential"),
  one("random read 4 KiB, cold", "readRandom", {
    ...random,
    count: syncCount,
    before: forgetAll,
  }),
  one("random read 4 KiB, local cache", "readRandom", {
    ...random,
    count: randomCount,
    before: forgetMounted,
  }),
  one("random write 4 KiB", "writeRandom", { ...random, count: randomCount }),
  one("random write 4 KiB + fdatasync", "writeNewSynced", {
    count: syncCount,
    blockSize: 4 * KIB,
    size: smallSize,
    subdirectory: "writer",
  }),
  threadWork({
    name: "random write 4 KiB + fdatasync, 4 writers",
    operation: "writeNewSynced",
    threads,
    threadCount: 4,
    count: syncCount * 2,
    isShareless: true,
    blockSize: 4 * KIB,
    size: smallSize,
    subdirectory: "writers",
  }),
  one("append 4 KiB", "append", { count: randomCount, blockSize: 4 * KIB, subdirectory: "log" }),
  one("append 100 B + fdatasync", "appendSynced", {
    count: syncCount,
    blockSize: 100,
    subdirectory: "small-log",
  }),
  threadWork({
    name: "write 128 KiB, 16 writers, with fsync at the end",
    operation: "writeSynced",
    unit: "MB",
    threads,
    threadCount: 16,
    count: largeSize / (128 * KIB),
    isShareless: true,
    blockSize: 128 * KIB,
    subdirectory: "sixteen",
  }),
];

await runTable({
  name: "data",
  placements: PLACEMENTS,
  peers: ["juicefs (sqlite)"],
  works,
  notes: [
    `Sequences of 1 MiB and 128 KiB: ${largeSize / MIB} MiB; of 4 KiB: ${smallSize / MIB} MiB.`,
    `Random places in a file of ${largeSize / MIB} MiB (with a flush: ${smallSize / MIB} MiB a writer, stored before): ${randomCount} times, ${syncCount} with a flush or cold.`,
    "Half of what is written is noise, the rest blanks; seed 1. Writes are timed until close, without a flush, unless one is named.",
  ],
});
