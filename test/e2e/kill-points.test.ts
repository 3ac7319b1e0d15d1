/**
 * Deaths at named points of a request's and a cut's way (rules J1, J2, J7, K1): right after a request was read, around the
 * journal's record, after the reply, around a flush whose FSYNCs wait, around the commit of a cut. Clients must not notice.
 *
 * SHOAL_POINT_DEATHS chooses how many deaths (30), SHOAL_KILL_SEED the seed (1), SHOAL_KILL_CLIENTS the clients (4).
 */
import assert from "node:assert/strict";
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, it } from "node:test";
import type { ClientOrder } from "../support/kill-client.ts";
import {
  KILL_POINTS,
  KILL_POINTS_ENV,
  MUTATION_ENV,
  ONLY_POINT_ENV,
} from "../support/kill-points.ts";
import { demandSameAfterRemount } from "../support/kill-remount.ts";
import { runClients } from "../support/kill-run.ts";
import { checkShared, makeShared } from "../support/kill-shared.ts";
import { makeWorkDirectory, MountFixture, skipWithoutMount } from "../support/mount-fixture.ts";
import { openDirectory } from "../support/tree-manifest.ts";

const DEATH_COUNT = Number(process.env["SHOAL_POINT_DEATHS"] ?? 30);
const SEED = Number(process.env["SHOAL_KILL_SEED"] ?? 1);
const CLIENT_COUNT = Number(process.env["SHOAL_KILL_CLIENTS"] ?? 4);
/** As in kill.test.ts: more short lives in one mount would be taken for a crash loop. */
const ROUND_DEATH_COUNT_MAX = 120;
const LOOK_MS = 100;
/** One record in a few is that of an operation which may not take effect twice. */
const MUTATION_DEATH_COUNT_MAX = 40;
const PRELOAD = join(import.meta.dirname, "..", "support", "kill-points.ts");
const KINDS: readonly ClientOrder["kind"][] = ["mixed", "once", "mixed", "sqlite"];

describe("a volume process that dies at a named point", skipWithoutMount(), () => {
  it("is not missed by clients that check every answer", async (context) => {
    const deaths: string[] = [];
    for (let left = DEATH_COUNT, seed = SEED; left > 0; left -= ROUND_DEATH_COUNT_MAX, seed++) {
      deaths.push(...(await runRound(Math.min(left, ROUND_DEATH_COUNT_MAX), seed)));
    }
    const counts = KILL_POINTS.map(
      (point) => `${deaths.filter((death) => death === point).length} ${point}`,
    );
    context.diagnostic(`proof: ${deaths.length} deaths: ${counts.join(", ")}`);
    assert.ok(deaths.length >= DEATH_COUNT);
  });
});

describe("a rule of restarts that is left out is missed", skipWithoutMount(), () => {
  it("J7: the recorded reply is given again", async () => {
    await using fixture = await MountFixture.create({ name: "mutation" });
    const points = join(fixture.base, "points");
    writeFileSync(points, "");
    await mountWith(fixture, {
      [KILL_POINTS_ENV]: points,
      [MUTATION_ENV]: "J7",
      [ONLY_POINT_ENV]: "after journal",
    });
    const order = { kind: "once", mountPoint: fixture.mountPoint, index: 0, seed: SEED } as const;
    const run = runClients([order], async (signal) => {
      while (deathsIn(points).length < MUTATION_DEATH_COUNT_MAX) {
        await sleep(LOOK_MS, undefined, { signal });
      }
      return [];
    });
    // Whichever it was that took effect twice.
    await assert.rejects(run, /SEED=\d+ client 0 step \d+/u);
    renameSync(points, `${points}.over`);
  });

  it("J8: open orphans are kept at a restart", async () => {
    await using fixture = await MountFixture.create({ name: "mutation" });
    await mountWith(fixture, {
      [KILL_POINTS_ENV]: join(fixture.base, "none"),
      [MUTATION_ENV]: "J8",
    });
    const path = join(fixture.mountPoint, "file");
    const fd = openSync(path, "w+");
    writeSync(fd, "content");
    unlinkSync(path);
    await fixture.serving(await fixture.kill());
    assert.throws(() => writeSync(fd, "more"));
    closeSync(fd);
  });
});

/** Returns where it died, each time. */
async function runRound(count: number, seed: number): Promise<string[]> {
  const scratch = makeWorkDirectory("kill-points");
  using _ = { [Symbol.dispose]: () => rmSync(scratch, { recursive: true, force: true }) };
  const points = join(scratch, "points");
  writeFileSync(points, "");
  await using fixture = await MountFixture.create({
    name: "kill-points",
    mount: ["--allow-other", "-o", "dev,suid"],
  });
  await mountWith(fixture, { [KILL_POINTS_ENV]: points });
  {
    using opened = openDirectory(fixture.mountPoint);
    makeShared(opened.directory);
    const orders = Array.from({ length: CLIENT_COUNT }, (_, index): ClientOrder => ({
      kind: KINDS[index % KINDS.length]!,
      mountPoint: fixture.mountPoint,
      index,
      seed: seed * 1000 + index,
    }));
    const { reports } = await runClients(orders, async (signal) => {
      while (deathsIn(points).length < count) await sleep(LOOK_MS, undefined, { signal });
      renameSync(points, `${points}.over`);
      return [];
    });
    checkShared(
      opened.directory,
      reports.flatMap(({ shared }) => shared ?? []),
    );
  }
  await demandSameAfterRemount(fixture);
  return deathsIn(`${points}.over`);
}

/** Only the mount's processes get the preload and what it is told. */
async function mountWith(
  fixture: MountFixture,
  told: Readonly<Record<string, string>>,
): Promise<void> {
  const environment = { ...told, NODE_OPTIONS: `--import=${PRELOAD}` };
  Object.assign(process.env, environment);
  try {
    await fixture.mount();
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
  }
}

function deathsIn(points: string): string[] {
  return readFileSync(points, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
