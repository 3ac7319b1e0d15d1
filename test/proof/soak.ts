/**
 * The soak: two mounts under mixed load for a long time. One is never killed, and its memory must stay flat; the volume
 * process of the other is killed at random, and its supervisor's memory must. No client may see an error or a wrong
 * answer, and both volumes must be the same after an unmount, a check and another mount.
 *
 * `node test/proof/soak.ts MINUTES [PACE_MS]` prints a line a minute, with what each mount holds by then: the figures can
 * be used before the end. Flat means that the mean of the last quarter lies within FLAT_SHARE of the quarter before.
 */
import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Prng } from "../../src/core/prng.ts";
import { residentSize } from "../../src/mount/volume-state.ts";
import { demandSameAfterRemount } from "../support/kill-remount.ts";
import { killAtRandom, type Kill, runClients } from "../support/kill-run.ts";
import type { ClientOrder } from "../support/kill-client.ts";
import { checkShared, makeShared } from "../support/kill-shared.ts";
import { makeGit, makeUntar, runPasses, type Workload } from "../support/kill-workloads.ts";
import { makeWorkDirectory, MountFixture } from "../support/mount-fixture.ts";
import { openDirectory } from "../support/tree-manifest.ts";

const FLAT_SHARE = 0.1;
const SAMPLE_MS = 5000;
const LINE_MS = 60_000;
const MIB: number = 1024 * 1024;
/** Waits between two passes of a program, so that the load stays moderate. */
const PASS_PAUSE_MS = 20_000;
/** Between two kills; some waits are long enough for the supervisor to call the process stable. */
const KILL_MIN_MS = 500;
const KILL_MAX_MS = 60_000;

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Of each client, after every few steps. */
  readonly paceMs: number;
  readonly say: (line: string) => void;
}

/** Bytes that the processes of a mount took, shares of shared pages by parts. */
interface Sample {
  readonly atMs: number;
  readonly supervisor: number;
  readonly volume: number;
}

export interface SoakReport {
  readonly steps: number;
  readonly passes: number;
  readonly kills: number;
  /** Of the mount that was never killed: mean bytes of its processes in the last two quarters. */
  readonly beforeSize: number;
  readonly lastSize: number;
  /** Of the mount that was killed: its supervisor's. */
  readonly killedBeforeSize: number;
  readonly killedLastSize: number;
}

/** Throws when a client saw something wrong, a volume is not clean or differs, or memory is not flat. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const startMs = performance.now();
  const isOver = (): boolean => performance.now() - startMs > options.minutes * 60_000;
  await using steady = await SoakMount.start("steady", options, isOver);
  await using killed = await SoakMount.start("killed", options, isOver);
  const failed = new AbortController();
  const telling = tellMeanwhile(options, [steady, killed], failed.signal);
  try {
    await Promise.race([Promise.all([steady.run(false), killed.run(true)]), telling]);
  } finally {
    failed.abort();
    await telling.catch(() => {});
  }
  await steady.demandSame();
  await killed.demandSame();
  const [beforeSize, lastSize] = quarters(steady.samples, (one) => one.supervisor + one.volume);
  const [killedBeforeSize, killedLastSize] = quarters(killed.samples, (one) => one.supervisor);
  const report = {
    steps: steady.steps + killed.steps,
    passes: steady.passes + killed.passes,
    kills: killed.killCount,
    beforeSize,
    lastSize,
    killedBeforeSize,
    killedLastSize,
  };
  options.say(JSON.stringify(report));
  return report;
}

/** For runs long enough to say something of memory. */
export function demandFlat(report: SoakReport): void {
  for (const [what, before, last] of [
    ["the mount that was not killed", report.beforeSize, report.lastSize],
    ["the supervisor of the one that was", report.killedBeforeSize, report.killedLastSize],
  ] as const) {
    const share = Math.abs(last - before) / before;
    assert.ok(share <= FLAT_SHARE, `${what} went from ${before} to ${last} bytes`);
  }
}

async function tellMeanwhile(
  { say }: SoakOptions,
  mounts: readonly SoakMount[],
  signal: AbortSignal,
): Promise<never> {
  let nextLineMs = LINE_MS;
  const startMs = performance.now();
  for (;;) {
    await sleep(SAMPLE_MS, undefined, { signal });
    for (const mount of mounts) await mount.sample();
    if (performance.now() - startMs < nextLineMs) continue;
    say(
      `${Math.round(nextLineMs / 60_000)} min: ${mounts.map((mount) => mount.tell()).join("; ")}`,
    );
    nextLineMs += LINE_MS;
  }
}

class SoakMount implements AsyncDisposable {
  readonly #name: string;
  readonly #fixture: MountFixture;
  readonly #options: SoakOptions;
  readonly #isOver: () => boolean;
  readonly #scratch: string;
  readonly samples: Sample[] = [];
  steps = 0;
  passes = 0;
  killCount = 0;

  static async start(
    name: string,
    options: SoakOptions,
    isOver: () => boolean,
  ): Promise<SoakMount> {
    const fixture = await MountFixture.mounted({
      name: `soak-${name}`,
      mount: ["--allow-other", "-o", "dev,suid"],
    });
    return new SoakMount(name, fixture, { options, isOver });
  }

  private constructor(
    name: string,
    fixture: MountFixture,
    run: { readonly options: SoakOptions; readonly isOver: () => boolean },
  ) {
    this.#name = name;
    this.#fixture = fixture;
    this.#options = run.options;
    this.#isOver = run.isOver;
    this.#scratch = makeWorkDirectory(`soak-${name}-source`);
  }

  async sample(): Promise<void> {
    const { supervisorPid, volumePid, sparePid } = await this.#fixture.pids();
    this.samples.push({
      atMs: performance.now(),
      supervisor: residentSize(supervisorPid),
      volume: residentSize(volumePid) + residentSize(sparePid),
    });
  }

  tell(): string {
    const last = this.samples.at(-1);
    const kills = this.killCount === 0 ? "" : ` ${this.killCount} kills,`;
    return `${this.#name}${kills} ${this.passes} passes, supervisor ${inMib(last?.supervisor)}, volume and spare ${inMib(last?.volume)} MiB`;
  }

  async run(isKilled: boolean): Promise<void> {
    const { seed } = this.#options;
    using opened = openDirectory(this.#fixture.mountPoint);
    makeShared(opened.directory);
    const result = await runClients(this.#orders(), async (signal) => {
      const programs = [makeGit, makeUntar].map(async (make) =>
        this.#passes(await make(this.#scratchOf(make.name)), signal),
      );
      const kills = isKilled ? this.#kill(new Prng(seed), signal) : [];
      const [done] = await Promise.all([kills, ...programs]);
      return done;
    });
    this.steps = result.reports.reduce((sum, { stepCount }) => sum + stepCount, 0);
    const shared = result.reports.flatMap((report) => report.shared ?? []);
    checkShared(opened.directory, shared);
  }

  async demandSame(): Promise<void> {
    await demandSameAfterRemount(this.#fixture);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fixture[Symbol.asyncDispose]();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  async #kill(prng: Prng, signal: AbortSignal): Promise<Kill[]> {
    const kills: Kill[] = [];
    while (!this.#isOver()) {
      const plan = { count: 1, minMs: KILL_MIN_MS, maxMs: KILL_MAX_MS, prng, isOver: this.#isOver };
      kills.push(...(await killAtRandom(this.#fixture, plan, signal)));
      this.killCount = kills.length;
    }
    return kills;
  }

  async #passes(workload: Workload, signal: AbortSignal): Promise<void> {
    const paced: Workload = {
      ...workload,
      pass: async (directory) => {
        await workload.pass(directory);
        this.passes++;
        if (!this.#isOver()) await sleep(PASS_PAUSE_MS, undefined, { signal });
      },
    };
    await runPasses(paced, this.#fixture.mountPoint, this.#isOver);
  }

  #orders(): ClientOrder[] {
    const kinds = ["mixed", "mixed", "once", "sqlite", "sqlite"] as const;
    const { seed, paceMs } = this.#options;
    return kinds.map((kind, index) => ({
      kind,
      mountPoint: this.#fixture.mountPoint,
      index,
      seed: seed * 1000 + index,
      // One row a transaction: the table must not outgrow the run.
      paceMs: kind === "sqlite" ? paceMs * 10 : paceMs,
    }));
  }

  #scratchOf(name: string): string {
    const path = join(this.#scratch, name);
    mkdirSync(path);
    return path;
  }
}

/** Means of the last but one and the last quarter of the time. */
function quarters(samples: readonly Sample[], size: (sample: Sample) => number): [number, number] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return [0, 0];
  const length = (last.atMs - first.atMs) / 4;
  const mean = (fromMs: number, toMs: number): number => {
    const sizes = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs).map(size);
    return Math.round(sizes.reduce((sum, one) => sum + one, 0) / Math.max(1, sizes.length));
  };
  return [mean(last.atMs - 2 * length, last.atMs - length), mean(last.atMs - length, last.atMs)];
}

function inMib(size: number | undefined): string {
  return ((size ?? 0) / MIB).toFixed(1);
}

if (import.meta.main) {
  const [minutes, paceMs] = process.argv.slice(2).map(Number);
  const options = { minutes: minutes ?? 120, paceMs: paceMs ?? 60, seed: 1 };
  demandFlat(await runSoak({ ...options, say: (line) => console.log(line) }));
  console.log("flat, and nothing wrong");
}
