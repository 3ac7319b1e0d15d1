/**
 * Crashes of recoveries: some states of a workload are recovered below a recording of its own, and that recovery is cut
 * at its places too. Whatever the first recovery found, the second must find: recovery loses nothing.
 */
import { mkdirSync, cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Prng } from "../../src/core/prng.ts";
import { CrashDisk, type Keep } from "../support/crash-disk.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { Recording } from "../support/recording.ts";
import { snapshot } from "../support/volume-check.ts";
import { makeTemporaryRoot, VolumeHarness, volumeDirectories } from "../support/volume-harness.ts";
import { checkCrashStates, type CrashTotals } from "./crash-states.ts";
import { CRASH_LIMITS, flatten, PromiseReader, type Workload } from "./recorded-workload.ts";

export interface RecoveryCrashes {
  readonly workload: Workload;
  /** Recoveries that are recorded. */
  readonly recoveryCount: number;
  /** As in CrashRun. */
  readonly stride: number;
}

export async function checkCrashesOfRecovery(options: RecoveryCrashes): Promise<CrashTotals> {
  const { workload, recoveryCount, stride } = options;
  const prng = new Prng(workload.seed);
  const totals = { places: 0, states: 0 };
  for (let i = 0; i < recoveryCount; i++) {
    const place = prng.below(workload.log.length);
    const keep: Keep = prng.below(3) === 0 ? "all" : prng;
    const recovery = await recordRecovery(workload, place, keep);
    if (recovery === undefined) continue;
    try {
      const found = checkCrashStates({
        ...recovery,
        seed: workload.seed,
        config: workload.config,
        // Everything the first recovery read was on the disk: the second may find nothing less or else.
        promises: { acknowledged: 0, synced: 0, jsn: 0 },
        randomCount: 2,
        stride,
        settleStride: 4,
      });
      totals.places += found.places;
      totals.states += found.states;
    } catch (error) {
      throw new Error(`recovery from place ${place}: ${String(error)}`, { cause: error });
    }
  }
  return totals;
}

/** undefined: the place lies before the volume was made. */
async function recordRecovery(
  workload: Workload,
  place: number,
  keep: Keep,
): Promise<Pick<Workload, "log" | "trees"> | undefined> {
  const disk = new CrashDisk();
  const reader = new PromiseReader();
  for (const operation of workload.log.slice(0, place + 1)) {
    const wasBased = reader.isBased;
    disk.apply(operation);
    reader.read(operation);
    if (!wasBased && reader.isBased) disk.syncAll();
  }
  if (!reader.isBased) return undefined;
  const base = makeTemporaryRoot();
  try {
    disk.materialize(keep, join(base, "state"));
    await using recording = await Recording.start();
    cpSync(join(base, "state", "0"), join(recording.directory, "0"), { recursive: true });
    const { state } = volumeDirectories(join(recording.directory, "0"));
    mkdirSync(join(state, "staging"), { recursive: true });
    recording.mark("base");
    const trees = recover(workload, recording);
    return { trees, log: await recording.stop() };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

function recover({ config }: Workload, recording: Recording): string[] {
  const harness = new VolumeHarness({
    base: recording.directory,
    clock: new ManualClock(),
    config,
    options: { limits: CRASH_LIMITS },
  });
  harness.open();
  const tree = flatten(snapshot(harness.core, { times: false }));
  harness.settle();
  harness.shut("close");
  return [tree, tree];
}
