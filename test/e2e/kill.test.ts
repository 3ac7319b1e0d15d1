/**
 * SIGKILLs at random instants while programs work: no client sees an error or a wrong answer, nothing acknowledged is
 * lost, and everything is there again after an unmount, a check and another mount (rules J1, J4, J7).
 *
 * SHOAL_KILL_COUNT chooses the kills of each part (50), SHOAL_KILL_SEED the seed (1), SHOAL_KILL_CLIENTS the clients (4).
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, it, type TestContext } from "node:test";
import { Prng } from "../../src/core/prng.ts";
import type { ClientOrder } from "../support/kill-client.ts";
import { killAtRandom, type KillRunReport, pausesOf, runClients } from "../support/kill-run.ts";
import { demandSameAfterRemount } from "../support/kill-remount.ts";
import { checkShared, makeShared } from "../support/kill-shared.ts";
import { makeGit, makeUntar, runPasses, type Workload } from "../support/kill-workloads.ts";
import { makeWorkDirectory, MountFixture, skipWithoutMount } from "../support/mount-fixture.ts";
import { openDirectory } from "../support/tree-manifest.ts";

const KILL_COUNT = Number(process.env["SHOAL_KILL_COUNT"] ?? 50);
const SEED = Number(process.env["SHOAL_KILL_SEED"] ?? 1);
const CLIENT_COUNT = Number(process.env["SHOAL_KILL_CLIENTS"] ?? 4);
/** More short lives than that in one mount would be taken for a crash loop (src/mount/restart-policy.ts). */
const ROUND_KILL_COUNT_MAX = 120;
/** Kills that find the loop of operations that must happen once in every possible place. */
const ONCE_SHARE = 0.5;

describe("a mount whose volume process is killed", skipWithoutMount(), () => {
  let fixture: MountFixture;

  beforeEach(async () => {
    fixture = await MountFixture.mounted({
      name: "kill",
      mount: ["--allow-other", "-o", "dev,suid"],
    });
  });
  afterEach(() => fixture?.remove());

  it("gives right answers to clients that check every one", async (context) => {
    for (let left = KILL_COUNT, round = 0; left > 0; left -= ROUND_KILL_COUNT_MAX, round++) {
      const seed = SEED + round;
      const count = Math.min(left, ROUND_KILL_COUNT_MAX);
      if (round > 0) {
        fixture.remove();
        fixture = await MountFixture.mounted({ name: "kill", mount: ["--allow-other"] });
      }
      tellPauses(context, await runChecked(fixture, { count, seed }));
      await demandSameAfterRemount(fixture);
    }
  });

  it("does what must happen once exactly once, however often it is killed", async (context) => {
    const result = await runKilled(fixture, {
      orders: ordersOf(fixture, "once", SEED),
      count: Math.min(ROUND_KILL_COUNT_MAX, Math.ceil(KILL_COUNT * ONCE_SHARE)),
      seed: SEED,
      everyMs: [0, 250],
    });
    tellPauses(context, result);
    await demandSameAfterRemount(fixture);
  });

  it("keeps every row that SQLite committed, with a WAL and with a rollback journal", async (context) => {
    const result = await runKilled(fixture, {
      orders: ordersOf(fixture, "sqlite", SEED).slice(0, 2),
      count: share(3),
      seed: SEED,
      everyMs: [50, 1500],
    });
    tellPauses(context, result);
    await demandSameAfterRemount(fixture);
  });

  for (const make of [makeUntar, makeGit]) {
    it(`finishes what ${make.name.slice("make".length).toLowerCase()} began`, async (context) => {
      const scratch = makeWorkDirectory("kill-source");
      try {
        await runWorkload(fixture, await make(scratch), context);
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    });
  }
});

/** A third of the kills for each of three programs. */
function share(parts: number): number {
  return Math.min(ROUND_KILL_COUNT_MAX, Math.ceil(KILL_COUNT / parts));
}

function ordersOf(fixture: MountFixture, kind: ClientOrder["kind"], seed: number): ClientOrder[] {
  const { mountPoint } = fixture;
  return Array.from({ length: CLIENT_COUNT }, (_, index) => ({
    kind,
    mountPoint,
    index,
    seed: seed * 1000 + index,
  }));
}

/** Clients that work on files of their own and on shared ones; their words are compared at the end. */
async function runChecked(
  fixture: MountFixture,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<KillRunReport> {
  using opened = openDirectory(fixture.mountPoint);
  const { directory } = opened;
  makeShared(directory);
  const orders = ordersOf(fixture, "mixed", seed);
  const result = await runKilled(fixture, { orders, count, seed, everyMs: [50, 1500] });
  const reports = result.reports.map(({ shared }) => shared!);
  checkShared(directory, reports);
  return result;
}

async function runKilled(
  fixture: MountFixture,
  options: {
    readonly orders: readonly ClientOrder[];
    readonly count: number;
    readonly seed: number;
    readonly everyMs: readonly [number, number];
  },
): Promise<KillRunReport> {
  const [minMs, maxMs] = options.everyMs;
  const plan = { count: options.count, minMs, maxMs, prng: new Prng(options.seed) };
  const result = await runClients(options.orders, (signal) => killAtRandom(fixture, plan, signal));
  assert.equal(result.kills.length, options.count);
  for (const { stepCount } of result.reports) assert.ok(stepCount > 0, "every client got on");
  return result;
}

async function runWorkload(
  fixture: MountFixture,
  workload: Workload,
  context: TestContext,
): Promise<void> {
  let isOver = false;
  const plan = { count: share(3), minMs: 50, maxMs: 1500, prng: new Prng(SEED) };
  const failed = new AbortController();
  const kills = killAtRandom(fixture, plan, failed.signal).finally(() => (isOver = true));
  kills.catch(() => {});
  const passes = await runPasses(workload, fixture.mountPoint, () => isOver).catch(
    (error: unknown) => {
      failed.abort(error);
      throw new Error(`SEED=${SEED} ${workload.name}: ${String(error)}`, { cause: error });
    },
  );
  context.diagnostic(`${(await kills).length} kills, ${passes.count} passes`);
  await demandSameAfterRemount(fixture);
  await workload.check(passes.last);
}

function tellPauses(context: TestContext, { reports, kills }: KillRunReport): void {
  const { p50Ms, maxMs, count } = pausesOf(reports, kills);
  const steps = reports.reduce((sum, { stepCount }) => sum + stepCount, 0);
  context.diagnostic(
    `${kills.length} kills, ${reports.length} clients, ${steps} steps; ${count} pauses: p50 ${p50Ms} ms, max ${maxMs} ms`,
  );
}
