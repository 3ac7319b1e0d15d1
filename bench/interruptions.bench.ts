/**
 * What a client that never stops notices: of cuts, and of volume processes that are killed. One thread creates, writes
 * and removes small files; how long each operation takes is what counts.
 */
import { join } from "node:path";
import { reasonNotToMount } from "../test/support/mount-fixture.ts";
import { openShoal, type ShoalContender } from "./contenders/shoal.ts";
import { ClientThreads, type Job } from "./support/client-threads.ts";
import { makeRow, type Measure, type Row } from "./support/contest.ts";
import { pick, readMode } from "./support/mode.ts";
import { printRows } from "./support/print-rows.ts";
import { saveResult } from "./support/results.ts";
import { mkdirSync } from "node:fs";

const mode = readMode();
const cutsMs: number = pick(mode, 2500, 20_000);
const killCount: number = pick(mode, 2, 30);
/** Between a kill and the next: the process that follows serves, and a new spare waits. */
const betweenMs: number = pick(mode, 1000, 1500);

function churn(shoal: ShoalContender, name: string, minMs: number): Job {
  const directory = join(shoal.directory, name);
  mkdirSync(directory);
  return { operation: "churn", directories: [directory], count: 100, cpu: undefined, minMs };
}

/** Operations while nothing happens but the cut of every second. */
async function acrossCuts(shoal: ShoalContender, threads: ClientThreads): Promise<Row[]> {
  const { latencies } = await threads.run(churn(shoal, "cuts", cutsMs));
  if (latencies === undefined) throw new Error("no latencies were kept");
  const row = (share: string, us: number): Row =>
    makeRow({
      work: `an operation across cuts, ${share}`,
      unit: "ms",
      values: { shoal: [us / 1000] },
    });
  return [
    row("median", latencies.quantile(0.5)),
    row("99th percentile", latencies.quantile(0.99)),
    row("99.9th percentile", latencies.quantile(0.999)),
    row("longest", latencies.maxUs),
  ];
}

/** The longest operation of each stretch of time that has one kill in it. */
async function acrossKills(shoal: ShoalContender, threads: ClientThreads): Promise<Row> {
  const pauses: number[] = [];
  for (let i = 0; i < killCount; i++) {
    const running: Promise<Measure> = threads.run(churn(shoal, `kill-${i}`, betweenMs));
    await new Promise((resolve) => setTimeout(resolve, betweenMs / 2));
    await shoal.fixture.kill();
    const { latencies } = await running;
    pauses.push((latencies?.maxUs ?? 0) / 1000);
    await shoal.fixture.serving();
  }
  return makeRow({ work: "pause at a SIGKILL", unit: "ms", values: { shoal: pauses } });
}

const reason = reasonNotToMount();
if (reason === undefined) {
  await using threads = new ClientThreads();
  await using shoal = await openShoal({ placement: "default" });
  const rows = [...(await acrossCuts(shoal, threads)), await acrossKills(shoal, threads)];
  printRows(rows);
  if (mode.isFull) {
    saveResult("interruptions", rows, [
      `Cuts: ${cutsMs / 1000} s of create + write 4 KiB + close + unlink. Kills: ${killCount}, the longest operation of each; the client saw no error.`,
    ]);
  }
} else console.log(`not run: ${reason}`);
