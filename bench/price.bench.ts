/**
 * What an operation costs the machine: CPU of all processes of the mount by the scheduler's count, system calls of the
 * volume process by `strace -c`, bytes that reach the disk a byte written, and what ACLs cost a caller who is not the owner.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  demandSuccess,
  makeWorkDirectory,
  reasonNotToMount,
  runShoal,
} from "../test/support/mount-fixture.ts";
import { openShoal, type ShoalContender } from "./contenders/shoal.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { hasProgram } from "./support/commands.ts";
import { makeRow, type Row } from "./support/contest.ts";
import { pick, readMode } from "./support/mode.ts";
import { MAIN_PATHS, type MainPath, preparePath } from "./support/paths.ts";
import { printRows } from "./support/print-rows.ts";
import { cpuUsOf, writtenBytesOf } from "./support/process-usage.ts";
import { saveResult } from "./support/results.ts";

const mode = readMode();
const share: number = pick(mode, 0.005, 0.25);
const NOBODY = 65_534;
const STRANGER_STATS: number = pick(mode, 500, 20_000);
/** strace prints `% time seconds usecs/call calls errors syscall`. */
const STRACE_LINE = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/gmu;
const SHOWN_CALLS = 6;

async function pricesOfPaths(threads: ClientThreads): Promise<Row[]> {
  const rows: Row[] = [];
  await using shoal = await openShoal({ placement: "default" });
  for (const path of MAIN_PATHS) {
    const count = Math.max(10, Math.round(path.count * share));
    const job = await preparePath(path, shoal, { threads, count, run: "cpu" });
    const pids = shoal.processes();
    const beforeUs = cpuUsOf(pids);
    await threads.run(job);
    const cpuUs = (cpuUsOf(pids) - beforeUs) / count;
    rows.push(makeRow({ work: `${path.name}: CPU`, unit: "us", values: { shoal: [cpuUs] } }));
    if (hasProgram("strace")) rows.push(...(await callsOf(path, shoal, { threads, count })));
  }
  return rows;
}

/** In a run of its own: being traced costs more than the work. */
async function callsOf(
  path: MainPath,
  shoal: ShoalContender,
  { threads, count }: { readonly threads: ClientThreads; readonly count: number },
): Promise<Row[]> {
  const job = await preparePath(path, shoal, { threads, count, run: "calls" });
  const { volumePid } = await shoal.fixture.pids();
  const output = join(shoal.fixture.base, "strace");
  const command = ["-f", "-c", "-o", output, "-p", String(volumePid)];
  const tracer = spawn("strace", command, { stdio: ["ignore", "ignore", "pipe"] });
  // It says so once it is attached to every thread.
  await once(tracer.stderr, "data");
  await threads.run(job);
  tracer.kill("SIGINT");
  await once(tracer, "exit");
  const calls = [...readFileSync(output, "utf8").matchAll(STRACE_LINE)]
    .map(([, calls, name]) => ({ name: name!, perStep: Number(calls) / count }))
    .filter(({ name }) => name !== "total")
    .toSorted((a, b) => b.perStep - a.perStep);
  const total = calls.reduce((sum, { perStep }) => sum + perStep, 0);
  const row = (name: string, value: number): Row =>
    makeRow({ work: `${path.name}: ${name}`, unit: "calls", values: { shoal: [value] } });
  return [
    row("system calls", total),
    ...calls.slice(0, SHOWN_CALLS).map(({ name, perStep }) => row(name, perStep)),
  ];
}

/** Bytes written to the disk by all processes of the mount, until everything is stored, a byte that a client wrote. */
async function amplifications(threads: ClientThreads): Promise<Row[]> {
  const rows: Row[] = [];
  const cases = [
    {
      name: "sequential write, 1 MiB",
      operation: "writeSequential",
      count: 256,
      blockSize: 2 ** 20,
    },
    { name: "files of 4 KiB", operation: "create", count: 5000, blockSize: 4096 },
    { name: "append 4 KiB + fdatasync", operation: "appendSynced", count: 2000, blockSize: 4096 },
    { name: "append 100 B + fdatasync", operation: "appendSynced", count: 2000, blockSize: 100 },
  ];
  await using shoal = await openShoal({ placement: "default" });
  const pids = shoal.processes();
  for (const [at, { name, operation, count, blockSize }] of cases.entries()) {
    demandSuccess(await runShoal(["sync", shoal.directory]));
    const before = writtenBytesOf(pids);
    const steps = Math.max(4, Math.round(count * pick(mode, 0.02, 1)));
    const directory = join(shoal.directory, `case-${at}`);
    mkdirSync(directory);
    await threads.run({
      operation,
      directories: [directory],
      count: steps,
      cpu: undefined,
      minMs: 0,
      blockSize,
    });
    demandSuccess(await runShoal(["sync", shoal.directory]));
    const value = (writtenBytesOf(pids) - before) / (steps * blockSize);
    rows.push(makeRow({ work: `written a byte: ${name}`, unit: "B", values: { shoal: [value] } }));
  }
  return rows;
}

/** stat of a file by somebody who is neither its owner nor root, mounted without and with ACLs, and on the disk. */
async function priceOfAcls(): Promise<Row> {
  const values: Record<string, number[]> = {};
  const disk = makeWorkDirectory("bench-acl");
  values["ext4"] = statAsStranger(disk);
  rmSync(disk, { recursive: true });
  for (const [name, mount] of [
    ["shoal", ["--allow-other"]],
    ["shoal --acl", ["--allow-other", "--acl"]],
  ] as const) {
    await using shoal = await openShoal({ placement: "default", mount });
    values[name] = statAsStranger(shoal.directory);
  }
  return makeRow({ work: "stat by a stranger", unit: "us", values });
}

function statAsStranger(root: string): number[] {
  const directory = join(root, "open");
  mkdirSync(directory);
  writeFileSync(join(directory, "file"), "x");
  chmodSync(directory, 0o755);
  const program = `
    const { statSync } = require("node:fs");
    const rounds = [];
    for (let round = 0; round < ${mode.roundCount}; round++) {
      const startMs = performance.now();
      for (let i = 0; i < ${STRANGER_STATS}; i++) statSync(process.argv[1]);
      rounds.push(((performance.now() - startMs) * 1000) / ${STRANGER_STATS});
    }
    console.log(JSON.stringify(rounds));`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["-e", program, join(directory, "file")],
    { uid: NOBODY, gid: NOBODY, cwd: "/", encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`stat by a stranger: ${stderr}`);
  return JSON.parse(stdout) as number[];
}

const reason = reasonNotToMount();
if (reason === undefined) {
  await using threads = new ClientThreads();
  const rows = [
    ...(await pricesOfPaths(threads)),
    ...(await amplifications(threads)),
    await priceOfAcls(),
  ];
  printRows(rows);
  if (mode.isFull) {
    saveResult("price", rows, [
      "CPU: all threads of all processes of the mount, client not counted. Calls: the volume process under strace, an operation.",
      "Written a byte: write_bytes of all processes of the mount, until `shoal sync` returned; half of the data is noise.",
    ]);
  }
} else console.log(`not run: ${reason}`);
