/**
 * A short random workload on a volume below a recording, and the log with what was acknowledged at each of its places.
 */
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { JournalLimits } from "../../src/journal/journal.ts";
import { Prng } from "../../src/core/prng.ts";
import { silentLog } from "../../src/core/log.ts";
import { PackPipeline } from "../../src/volume/pack-pipeline.ts";
import { FileObjectStore } from "../../src/object/file-object-store.ts";
import { databasePath } from "../../src/volume/create-volume.ts";
import type { EngineOutput } from "../../src/volume/engine-message.ts";
import type { VolumeConfig } from "../../src/volume/volume-config.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { RecordedOperation } from "../support/recorded-operation.ts";
import { Recording } from "../support/recording.ts";
import { VolumeActions, type ActionLimits } from "../support/volume-actions.ts";
import type { TreeSnapshot } from "../support/volume-check.ts";
import {
  buildFromPlan,
  makeVolume,
  VolumeHarness,
  type HarnessOptions,
} from "../support/volume-harness.ts";
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
  /** Run the mount's own pipeline and the file store in place of the harness's steps. */
  readonly usesProductPipeline?: boolean;
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
  const place = { recording, clock, config };
  const trees =
    options.usesProductPipeline === true
      ? await runWithPipeline(options, place)
      : runInSteps(options, place);
  return { seed: options.seed, config, trees, log: await recording.stop() };
}

interface Place {
  readonly recording: Recording;
  readonly clock: ManualClock;
  readonly config: VolumeConfig;
}

function runInSteps(options: WorkloadOptions, place: Place): string[] {
  const run = new WorkloadRun(options, place, { limits: CRASH_LIMITS, ...options.harness });
  const { harness, prng } = run;
  harness.open();
  for (let i = 1; i <= options.operationCount; i++) {
    run.operate(i, () => harness.settle());
    const kind = prng.below(16);
    // The first fsync of a new journal comes before its first cut is stored.
    if (kind < 2 || i === 1) run.flush(i);
    else if (kind < 5 && harness.core.mayCut) harness.core.cut();
    else if (kind < 9) harness.pump(1 + prng.below(6));
    else if (kind === 9) harness.reopen("close");
  }
  harness.settle();
  run.finish();
  return run.trees;
}

/** The journal is large enough for the whole workload, for nobody can wait for room in the middle of an operation. */
async function runWithPipeline(options: WorkloadOptions, place: Place): Promise<string[]> {
  const limits = { ...CRASH_LIMITS, totalSizeMax: 64 * 32 * 1024 };
  let pipeline: PackPipeline | undefined;
  const waiting: EngineOutput[] = [];
  const run = new WorkloadRun(options, place, {
    limits,
    ...options.harness,
    outputs: (message) =>
      pipeline === undefined ? waiting.push(message) : pipeline.receive(message),
  });
  const { harness, prng } = run;
  await using store = await FileObjectStore.open({ root: harness.storeRoot, clock: place.clock });
  pipeline = newPipeline(harness, store);
  harness.open();
  for (const message of waiting) pipeline.receive(message);
  for (let i = 1; i <= options.operationCount; i++) {
    run.operate(i);
    const kind = prng.below(12);
    if (kind < 2 || i === 1) run.flush(i);
    else if (kind < 5 && harness.core.mayCut) harness.core.cut();
    else if (kind < 9) await turns(1 + prng.below(20));
  }
  while (!harness.core.isSettled) {
    if (harness.core.hasChanges && harness.core.mayCut) harness.core.cut();
    await Promise.race([turns(1), pipeline.failed]);
  }
  await pipeline.close();
  run.finish();
  return run.trees;
}

function newPipeline(harness: VolumeHarness, store: FileObjectStore): PackPipeline {
  return new PackPipeline({
    store,
    timeline: harness.config.timeline,
    walPath: `${databasePath(harness.storeRoot)}-wal`,
    clock: harness.clock,
    log: silentLog,
    build: async ({ pack, plan }) => buildFromPlan(harness, pack, plan),
    decodesToPlan: async () => false,
    send: (input) => harness.core.receive(input),
    signal: new AbortController().signal,
  });
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate();
}

class WorkloadRun {
  readonly prng: Prng;
  readonly harness: VolumeHarness;
  readonly trees: string[] = [];
  readonly #model = new VolumeModel();
  readonly #recording: Recording;
  readonly #count: number;
  #actions: VolumeActions | undefined;

  constructor(options: WorkloadOptions, place: Place, harness: HarnessOptions) {
    const { recording, clock, config } = place;
    this.#recording = recording;
    this.#count = options.operationCount;
    this.prng = new Prng(options.seed);
    this.harness = new VolumeHarness({
      base: recording.directory,
      clock,
      config,
      options: { schedule: this.prng, ...harness },
    });
    this.trees.push(flatten(this.#model.snapshot()));
  }

  operate(index: number, makeRoom?: () => void): void {
    const { core, clock } = this.harness;
    const parts = { prng: this.prng, model: this.#model, core, limits: ACTION_LIMITS };
    const actions = (this.#actions ??= new VolumeActions(parts));
    actions.core = core;
    actions.step(makeRoom);
    this.trees.push(flatten(this.#model.snapshot()));
    this.#recording.mark(`acknowledged ${index} ${core.journal.lastJsn}`);
    clock.advance(this.prng.below(20));
  }

  flush(index: number): void {
    this.harness.core.journal.flush();
    this.#recording.mark(`synced ${index}`);
  }

  /** Everything is stored, which is as good as fsynced; closes the volume. */
  finish(): void {
    this.#recording.mark(`synced ${this.#count}`);
    this.harness.shut("clean");
  }
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
