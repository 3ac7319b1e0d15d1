import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import { POSITION_SETTING } from "../../cut/position.ts";
import { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import { databasePath } from "../create-volume.ts";
import { checkVolume, type CheckResult } from "./check-volume.ts";

let harness: VolumeHarness;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  harness.write(harness.makeFile("a"), 0, "some bytes");
  harness.settle();
});
afterEach(() => harness[Symbol.dispose]());

function check(timeline: string = harness.config.timeline): CheckResult {
  return checkVolume({
    root: harness.storeRoot,
    uuid: harness.config.uuid,
    timeline,
    metadataOnly: false,
    signal: new AbortController().signal,
    onProgress: () => {},
  });
}

describe("the check of a volume", () => {
  it("finds a sound one clean, and counts what it looked at", () => {
    const { problemCount, inodeCount, packCount } = check();
    assert.deepEqual(
      { problemCount, inodeCount, packCount },
      {
        problemCount: 0,
        inodeCount: 2,
        packCount: 1,
      },
    );
  });

  it("names a position without which nothing would open the volume", () => {
    assert.match(check("f".repeat(32)).problems[0]!.message, /belongs to timeline/u);
    harness.shut("clean");
    const tables = SqliteTables.open(databasePath(harness.storeRoot));
    tables.settings.putText(POSITION_SETTING, "noise");
    tables.close();
    const { problems } = check();
    assert.deepEqual(problems, [{ subject: "position", message: "the position row is not JSON" }]);
  });
});
