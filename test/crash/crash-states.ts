/**
 * Opens a volume from what a crash left, and checks it (PROTOCOLS.md, checker 4): it opens; its tree is the model after
 * some operation, none that was promised missing; its counters are exact; whatever has a name in the store is whole;
 * and it can be worked with until everything is stored.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "../../src/core/prng.ts";
import type { VolumeConfig } from "../../src/volume/volume-config.ts";
import { CrashDisk, type Keep } from "../support/crash-disk.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { RecordedOperation } from "../support/recorded-operation.ts";
import { checkSettled, checkStoredPacks, checkVolume, snapshot } from "../support/volume-check.ts";
import {
  makeTemporaryRoot,
  VolumeHarness,
  type HarnessOptions,
} from "../support/volume-harness.ts";
import { CRASH_LIMITS, flatten, PromiseReader, type Promises } from "./recorded-workload.ts";

export interface CrashRun {
  readonly seed: number;
  readonly config: VolumeConfig;
  readonly log: readonly RecordedOperation[];
  readonly trees: readonly string[];
  /** Random states at each place. */
  readonly randomCount: number;
  /** Every how-manieth place of the log is tested; which of them depends on the seed. */
  readonly stride: number;
  /** Whether the state after a crash is worked with to its end: every how-manieth. */
  readonly settleStride: number;
  /** Stands for the promises at every place: of a log that records a recovery. */
  readonly promises?: Promises;
}

export interface CrashTotals {
  readonly places: number;
  readonly states: number;
}

/** Throws an Error that names seed, place and state when one of them fails. */
export function checkCrashStates(run: CrashRun): CrashTotals {
  const disk = new CrashDisk();
  const reader = new PromiseReader();
  const offset = run.seed % run.stride;
  let places = 0;
  let states = 0;
  let lastDurable = -1;
  for (const [place, operation] of run.log.entries()) {
    disk.apply(operation);
    const wasBased = reader.isBased;
    reader.read(operation);
    if (!wasBased && reader.isBased) disk.syncAll();
    const isTested = place % run.stride === offset || place === run.log.length - 1;
    if (!reader.isBased || !isTested) continue;
    places++;
    const promises = run.promises ?? { ...reader };
    const keeps: [string, Keep][] = [["killed", "all"]];
    if (disk.durableVersion !== lastDurable) keeps.push(["nothing unsynced", "none"]);
    lastDurable = disk.durableVersion;
    for (let i = 0; i < run.randomCount; i++) {
      keeps.push([`random ${i}`, new Prng(run.seed * 1_000_003 + place * 101 + i)]);
    }
    for (const [name, keep] of keeps) {
      const isSettled = states++ % run.settleStride === 0;
      try {
        checkState(run, { disk, keep, promises, isSettled });
      } catch (error) {
        const where = `SEED=${run.seed} place ${place} of ${run.log.length} (${operation.kind})`;
        throw new Error(`${where}, ${name}: ${String(error)}`, { cause: error });
      }
    }
  }
  return { places, states };
}

interface StateCheck {
  readonly disk: CrashDisk;
  readonly keep: Keep;
  readonly promises: Promises;
  readonly isSettled: boolean;
}

function checkState(run: CrashRun, check: StateCheck): void {
  const { disk, keep, promises } = check;
  const isKilled = keep === "all";
  const base = makeTemporaryRoot();
  const known = { jsn: promises.jsn, segment: 0, offset: 0 };
  // A supervisor that lives on knows what was acknowledged, and recovery may refuse less than that (J6).
  const options: HarnessOptions =
    isKilled && promises.jsn > 0
      ? { limits: CRASH_LIMITS, appendedEndKnown: () => known }
      : { limits: CRASH_LIMITS };
  const directory = join(base, "state");
  using harness = new VolumeHarness({
    base: directory,
    clock: new ManualClock(),
    config: run.config,
    options,
    removes: base,
  });
  disk.materialize(keep, directory);
  mkdirSync(join(harness.stateRoot, "staging"), { recursive: true });
  harness.open();
  const tree = flatten(snapshot(harness.core, { times: false }));
  const lowest = isKilled ? promises.acknowledged : promises.synced;
  assertReached(run.trees, tree, { lowest, highest: promises.acknowledged + 1 });
  checkVolume(harness);
  checkStoredPacks(harness);
  if (!check.isSettled) return;
  harness.settle();
  assert.equal(flatten(snapshot(harness.core, { times: false })), tree, "the tree once stored");
  checkSettled(harness);
  harness.reopen("clean");
  assert.equal(flatten(snapshot(harness.core, { times: false })), tree, "the tree opened again");
}

/** The tree is that after operation `lowest`, `highest` or one between them. */
function assertReached(
  trees: readonly string[],
  tree: string,
  range: { readonly lowest: number; readonly highest: number },
): void {
  for (let i = range.lowest; i <= range.highest; i++) if (trees[i] === tree) return;
  const others = trees.flatMap((other, i) => (other === tree ? [i] : []));
  const found = others.length === 0 ? "none" : others.join(", ");
  assert.fail(
    `operations ${range.lowest} to ${range.highest} were promised or begun; the tree is that after ${found}\n` +
      difference(trees[range.highest] ?? trees[range.lowest]!, tree),
  );
}

function difference(wanted: string, found: string): string {
  const [left, right] = [new Set(wanted.split("\n")), new Set(found.split("\n"))];
  return [
    ...[...left].filter((line) => !right.has(line)).map((line) => `  - ${line}`),
    ...[...right].filter((line) => !left.has(line)).map((line) => `  + ${line}`),
  ].join("\n");
}
