/**
 * A short random workload on a volume below a recording, and the log with what was acknowledged at each of its places.
 */
import { join } from "node:path";
import type { JournalLimits } from "../../src/journal/journal.ts";
import { Prng } from "../../src/core/prng.ts";
import type { VolumeConfig } from "../../src/volume/volume-config.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { RecordedOperation } from "../support/recorded-operation.ts";
import { Recording } from "../support/recording.ts";
import { VolumeActions, type ActionLimits } from "../support/volume-actions.ts";
import type { TreeSnapshot } from "../support/volume-check.ts";
import { makeVolume, VolumeHarness, type HarnessOptions } from "../support/volume-harness.ts";
import { VolumeModel } from "../support/volume-model.ts";

/** Small segments, so that a short workload recycles some; a record of the workload fits. */
export const CRASH_LIMITS: Partial<JournalLimits> = {
  segmentSize: 32 * 1024,
  totalSizeMax: 8 * 32 * 1024,
};

const ACTION_LIMITS: ActionLimits = {
  writeSizeMax: 9000,
  fileSizeMax: 40_000,
  fileCountMax: 12,
};

export interface Workload {
  readonly seed: number;
  readonly config: VolumeConfig;
  readonly log: readonly RecordedOperation[];
  /** The tree after operation i, as one string; 0 is the empty volume. */
  readonly trees: readonly string[];
}

/** What had been promised when the log had reached a place. */
export interface Promises {
  /** Operations answered. */
  readonly acknowledged: number;
  /** Operations that lie before the last fsync that was answered. */
  readonly synced: number;
  /** The journal's last record that was acknowledged. */
  readonly jsn: number;
}

export interface WorkloadOptions {
  readonly seed: number;
  readonly operationCount: number;
  readonly harness?: HarnessOptions;
}

/** As one string: equal trees, equal strings. */
export function flatten(tree: TreeSnapshot): string {
  return [...tree]
    .map(([path, what]) => `${path}: ${what}`)
    .sort()
    .join("\n");
}

export async function recordWorkload(options: WorkloadOptions): Promise<Workload> {
  await using recording = await Recording.start();
  const clock = new ManualClock();
  const config = await makeVolume(join(recording.directory, "0"), {}, clock);
  recording.mark("base");
  const trees = runWorkload(options, { recording, clock, config });
  return { seed: options.seed, config, trees, log: await recording.stop() };
}

interface Place {
  readonly recording: Recording;
  readonly clock: ManualClock;
  readonly config: VolumeConfig;
}

function runWorkload(options: WorkloadOptions, { recording, clock, config }: Place): string[] {
  const prng = new Prng(options.seed);
  const model = new VolumeModel();
  const harness = new VolumeHarness({
    base: recording.directory,
    clock,
    config,
    options: { limits: CRASH_LIMITS, ...options.harness },
  });
  harness.open();
  const actions = new VolumeActions({ prng, model, core: harness.core, limits: ACTION_LIMITS });
  const trees = [flatten(model.snapshot())];
  for (let i = 1; i <= options.operationCount; i++) {
    actions.step(() => harness.settle());
    trees.push(flatten(model.snapshot()));
    recording.mark(`acknowledged ${i} ${harness.core.journal.lastJsn}`);
    clock.advance(prng.below(20));
    const kind = prng.below(16);
    if (kind < 2) {
      harness.core.journal.flush();
      recording.mark(`synced ${i}`);
    } else if (kind < 5 && harness.core.mayCut) harness.core.cut();
    else if (kind < 9) harness.pump(1 + prng.below(6));
    else if (kind === 9) {
      harness.reopen("close");
      actions.core = harness.core;
    }
  }
  harness.settle();
  // What is committed, flushed and stored is as good as fsynced.
  recording.mark(`synced ${options.operationCount}`);
  harness.shut("clean");
  return trees;
}

/** Follows the marks of a log. */
export class PromiseReader {
  acknowledged = 0;
  synced = 0;
  jsn = 0;
  /** The volume was made: tests begin here. */
  isBased = false;

  read(operation: RecordedOperation): void {
    if (operation.kind !== "mark") return;
    const [what, count, jsn] = operation.text.split(" ");
    if (what === "base") this.isBased = true;
    else if (what === "synced") this.synced = Number(count);
    else {
      this.acknowledged = Number(count);
      this.jsn = Number(jsn);
    }
  }
}
