/**
 * Where the engine spends its time on the five main paths: node's own sampling profiler (`--cpu-prof`) in every process
 * of a mount that does nothing else. A full run keeps the functions that took most; waiting for requests is left out.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  makeWorkDirectory,
  MountFixture,
  reasonNotToMount,
} from "../test/support/mount-fixture.ts";

import { contenderOf } from "./contenders/shoal.ts";
import { ClientThreads } from "./support/client-threads.ts";
import { makeRow, type Row } from "./support/contest.ts";
import { pick, readMode } from "./support/mode.ts";
import { MAIN_PATHS, type MainPath, preparePath } from "./support/paths.ts";
import { printRows } from "./support/print-rows.ts";
import { saveResult } from "./support/results.ts";

/** The file format of V8's profiler, as far as it is used here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const mode = readMode();
/** By URL, in lines. */
const bundles: Map<string, string[]> = new Map();
const SHOWN_COUNT = 12;
/** Not work: the thread sleeps, or the machine does something else. */
const IDLE: ReadonlySet<string> = new Set(["(idle)", "(program)", "(root)"]);
/** Where it sleeps. */
const SLEEP = /^wait \(src\/sys\/poll\.ts/u;
/** What the engine's thread runs, and no other. */
const ENGINE_FILE = /\/engine-thread\.js$/u;
/** In a bundle: the module that begins here. */
const REGION = /^\/\/ ((?:src|node_modules)\/\S+)$/u;

async function profile(path: MainPath, threads: ClientThreads): Promise<Row[]> {
  const directory = makeWorkDirectory("bench-profile");
  try {
    await using fixture = await MountFixture.create({
      name: "bench",
      // The launcher's environment reaches the supervisor and the volume process.
      prefix: ["env", `NODE_OPTIONS=--cpu-prof --cpu-prof-dir=${directory}`],
    });
    await fixture.mount();
    const count = Math.max(20, Math.round(path.count * pick(mode, 0.005, 1)));
    const shoal = contenderOf(fixture, "shoal", "default");
    await threads.run(await preparePath(path, shoal, { threads, count, run: "profile" }));
    await fixture.umount();
    await fixture.ended();
    // A profile is written when its process ends: the last engine is that which did the work.
    const profiles = readdirSync(directory)
      .toSorted()
      .map((name) => JSON.parse(readFileSync(join(directory, name), "utf8")) as CpuProfile)
      .filter(isEngine);
    if (profiles.length === 0) throw new Error("no engine left a profile");
    return rowsOf(path, profiles.at(-1)!);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function isEngine({ nodes }: CpuProfile): boolean {
  return nodes.some(({ callFrame }) => ENGINE_FILE.test(callFrame.url));
}

/** Self time by function, the most first. */
function rowsOf(path: MainPath, { nodes, samples, timeDeltas }: CpuProfile): Row[] {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)] as const));
  const selfUs = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const name = names.get(id)!;
    if (IDLE.has(name) || SLEEP.test(name)) continue;
    selfUs.set(name, (selfUs.get(name) ?? 0) + timeDeltas[i]!);
  }
  const total = [...selfUs.values()].reduce((sum, us) => sum + us, 0);
  return [...selfUs]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, SHOWN_COUNT)
    .map(([name, us]) =>
      makeRow({
        work: `${path.name}: ${name}`,
        unit: "% of the engine",
        values: { shoal: [(100 * us) / total] },
      }),
    );
}

/** Which of our files a line of the bundle at `url` comes from. */
function moduleOf(url: string, lineNumber: number): string {
  const lines = bundles.get(url) ?? readFileSync(fileURLToPath(url), "utf8").split("\n");
  bundles.set(url, lines);
  for (let at = lineNumber; at >= 0; at--) {
    const region = REGION.exec(lines[at] ?? "");
    if (region !== null) return region[1]!;
  }
  return "bundle";
}

function nameOf({
  functionName,
  url,
  lineNumber,
}: CpuProfile["nodes"][number]["callFrame"]): string {
  const file = ENGINE_FILE.test(url) ? moduleOf(url, lineNumber) : url;
  const place = file === "" ? "" : ` (${file})`;
  return `${functionName === "" ? "anonymous" : functionName}${place}`;
}

const reason = reasonNotToMount();
if (reason === undefined) {
  await using threads = new ClientThreads();
  const rows: Row[] = [];
  for (const path of MAIN_PATHS) rows.push(...(await profile(path, threads)));
  printRows(rows);
  if (mode.isFull) {
    saveResult("profile", rows, [
      "Self time by function on the engine's thread, from the start of the mount to its end, without sleep and what the profiler calls idle or program.",
    ]);
  }
} else console.log(`not run: ${reason}`);
