/**
 * The other side of the kill tests: starts clients on a mount, kills its volume process again and again while they work,
 * and says how long they had to wait.
 *
 * What always holds: only the processes that the mount's own supervisor names are killed; a client that fails or stands
 * still ends the run at once with what it said.
 */
import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Prng } from "../../src/core/prng.ts";
import { monotonicMs } from "./kill-clock.ts";
import type { ClientOrder, ClientReport, FromClient, SlowCall } from "./kill-client.ts";
import type { MountFixture } from "./mount-fixture.ts";

const CLIENT = join(import.meta.dirname, "kill-client.ts");
/** A client that says nothing at so many looks, one a second, stands still; a suspended machine does not look. */
const STILL_COUNT = 180;
/** Kills in sequence that do not wait until the next process serves: more would be taken for a crash loop. */
const HASTY_MAX = 2;
/** A call that began this long after a kill did not wait because of it. */
const BLAME_MS = 10_000;

export interface KillPlan {
  readonly count: number;
  /** Ends the kills before `count`. */
  readonly isOver?: () => boolean;
  /** Between two kills, in milliseconds, at random. */
  readonly minMs: number;
  readonly maxMs: number;
  readonly prng: Prng;
}

/** Kills of the volume process, with the times of the machine's monotonic clock. */
export interface Kill {
  readonly atMs: number;
  /** When the next process was seen serving. */
  readonly servedMs: number;
}

export class Client {
  readonly order: ClientOrder;
  /** Rejects when it fails, dies or stands still. */
  readonly done: Promise<ClientReport>;
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #done = Promise.withResolvers<ClientReport>();
  readonly #ready = Promise.withResolvers<void>();
  #stillCount = 0;

  constructor(order: ClientOrder) {
    this.order = order;
    this.done = this.#done.promise;
    this.ready = this.#ready.promise;
    // Both are awaited later; a failure before that is no unhandled rejection.
    this.done.catch(() => {});
    this.ready.catch(() => {});
    this.#child = fork(CLIENT, [JSON.stringify(order)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    this.#child.on("message", (message) => this.#receive(message as FromClient));
    this.#child.on("exit", (code, signal) => {
      this.#fail(`client ${order.index} ended too early (${signal ?? `code ${code}`})`);
      clearInterval(watch);
    });
    const watch = setInterval(() => {
      if (this.#stillCount++ < STILL_COUNT) return;
      this.#fail(`SEED=${order.seed} client ${order.index} stands still`);
      this.#child.kill("SIGKILL");
    }, 1000);
    watch.unref();
  }

  tell(type: "start" | "stop"): void {
    if (this.#child.connected) this.#child.send({ type });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #receive(message: FromClient): void {
    this.#stillCount = 0;
    if (message.type === "ready") this.#ready.resolve();
    else if (message.type === "done") this.#done.resolve(message.report);
    else if (message.type === "failed") this.#fail(message.message);
  }

  #fail(message: string): void {
    const error = new Error(message);
    this.#ready.reject(error);
    this.#done.reject(error);
  }
}

export interface KillRunReport {
  readonly reports: readonly ClientReport[];
  readonly kills: readonly Kill[];
}

/** Clients work while `during` runs; then all look at everything. Throws the first failure. */
export async function runClients(
  orders: readonly ClientOrder[],
  during: (signal: AbortSignal) => Promise<readonly Kill[]>,
): Promise<KillRunReport> {
  const clients = orders.map((order) => new Client(order));
  const failed = new AbortController();
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  for (const client of clients) {
    client.done.catch((error: unknown) => {
      failed.abort(error);
      failure.reject(error);
    });
  }
  try {
    await Promise.race([Promise.all(clients.map(({ ready }) => ready)), failure.promise]);
    for (const client of clients) client.tell("start");
    const kills = await Promise.race([during(failed.signal), failure.promise]);
    for (const client of clients) client.tell("stop");
    return { reports: await Promise.all(clients.map(({ done }) => done)), kills };
  } finally {
    for (const client of clients) client.kill();
  }
}

/** Kills the volume process at random instants; returns when the last successor serves. */
export async function killAtRandom(
  fixture: MountFixture,
  plan: KillPlan,
  signal?: AbortSignal,
): Promise<Kill[]> {
  const { prng } = plan;
  const kills: { atMs: number; servedMs: number }[] = [];
  let hasty = 0;
  while (kills.length < plan.count && plan.isOver?.() !== true) {
    await sleep(plan.minMs + prng.below(plan.maxMs - plan.minMs), undefined, { signal });
    const isHasty = hasty < HASTY_MAX && prng.below(6) === 0;
    const { volumePid, sparePid } = isHasty ? await fixture.pids() : await fixture.serving();
    if (volumePid === undefined) continue;
    if (sparePid !== undefined && prng.below(10) === 0) kill(sparePid);
    const atMs = monotonicMs();
    if (!kill(volumePid)) continue;
    hasty = isHasty ? hasty + 1 : 0;
    kills.push({ atMs, servedMs: atMs });
    if (isHasty) continue;
    await fixture.serving(volumePid);
    kills.at(-1)!.servedMs = monotonicMs();
  }
  await fixture.serving();
  return kills;
}

export interface Pauses {
  readonly count: number;
  readonly p50Ms: number;
  readonly maxMs: number;
}

/** How long clients waited because of kills: of each kill and client the longest call that was under way or began then. */
export function pausesOf(reports: readonly ClientReport[], kills: readonly Kill[]): Pauses {
  const pauses: number[] = [];
  for (const { atMs, servedMs } of kills) {
    for (const { slow } of reports) {
      const longest = longestWithin(slow, atMs, Math.min(servedMs, atMs + BLAME_MS));
      if (longest > 0) pauses.push(longest);
    }
  }
  pauses.sort((a, b) => a - b);
  return {
    count: pauses.length,
    p50Ms: Math.round(pauses[Math.floor(pauses.length / 2)] ?? 0),
    maxMs: Math.round(pauses.at(-1) ?? 0),
  };
}

function longestWithin(slow: readonly SlowCall[], fromMs: number, toMs: number): number {
  let longest = 0;
  for (const [startMs, endMs] of slow) {
    if (endMs >= fromMs && startMs <= toMs) longest = Math.max(longest, endMs - startMs);
  }
  return longest;
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
