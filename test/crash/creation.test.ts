/**
 * Cuts the making of a volume at every write: what calls itself a volume afterwards is one, whole and empty; what does
 * not is no volume, and is never gone over by a second attempt (invariant 9).
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Prng } from "../../src/core/prng.ts";
import { decodeVolumeConfig, VOLUME_KEY } from "../../src/volume/volume-config.ts";
import { CrashDisk, type Keep } from "../support/crash-disk.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { RecordedOperation } from "../support/recorded-operation.ts";
import { reasonNotToRecord, Recording } from "../support/recording.ts";
import { checkVolume, snapshot } from "../support/volume-check.ts";
import {
  makeTemporaryRoot,
  makeVolume,
  VolumeHarness,
  volumeDirectories,
} from "../support/volume-harness.ts";
import { CRASH_LIMITS } from "./recorded-workload.ts";

const RANDOM_COUNT = 3;

async function recordCreation(): Promise<RecordedOperation[]> {
  await using recording = await Recording.start();
  const root = join(recording.directory, "0");
  const { store, state } = volumeDirectories(root);
  mkdirSync(store, { recursive: true });
  mkdirSync(join(state, "staging"), { recursive: true });
  recording.mark("base");
  await makeVolume(root);
  recording.mark("made");
  return await recording.stop();
}

/** Whether the state is a volume. */
async function checkCreation(disk: CrashDisk, keep: Keep): Promise<boolean> {
  const base = makeTemporaryRoot();
  try {
    const directory = join(base, "state");
    disk.materialize(keep, directory);
    const root = join(directory, "0");
    const key = join(volumeDirectories(root).store, VOLUME_KEY);
    if (!existsSync(key)) {
      await makeVolume(root).catch((error: unknown) => {
        // It stopped where the first attempt had begun to write: the operator is told of what lies there.
        assert.ok(["EEXIST", "EIO"].includes((error as { code: string }).code), String(error));
      });
      return false;
    }
    const config = decodeVolumeConfig(readFileSync(key), key);
    const clock = new ManualClock();
    const options = { limits: CRASH_LIMITS };
    using harness = new VolumeHarness({ base: directory, clock, config, options });
    harness.open();
    assert.deepEqual([...snapshot(harness.core, { times: false }).keys()], [""]);
    checkVolume(harness);
    return true;
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

describe("making a volume", { skip: reasonNotToRecord() }, () => {
  it("leaves a whole, empty volume or none, cut at every write", async () => {
    const log = await recordCreation();
    const disk = new CrashDisk();
    let isBased = false;
    let isMade = false;
    let volumeCount = 0;
    for (const [place, operation] of log.entries()) {
      disk.apply(operation);
      if (operation.kind === "mark") {
        isMade = operation.text === "made";
        isBased = true;
        if (!isMade) disk.syncAll();
      }
      if (!isBased) continue;
      const keeps: Keep[] = ["all", "none"];
      for (let i = 0; i < RANDOM_COUNT; i++) keeps.push(new Prng(place * 10 + i));
      for (const keep of keeps) {
        const isVolume = await checkCreation(disk, keep);
        if (isVolume) volumeCount++;
        assert.ok(isVolume || !isMade, `place ${place}: the volume was made and is not there`);
      }
    }
    assert.ok(volumeCount > 0);
  });
});
