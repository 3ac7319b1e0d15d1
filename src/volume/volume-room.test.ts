import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { VolumeHarness } from "../../test/support/volume-harness.ts";
import { refuseFullDisk, VolumeRoom } from "./volume-room.ts";

let harness: VolumeHarness;

beforeEach(async () => {
  harness = await VolumeHarness.create();
});

afterEach(() => harness[Symbol.dispose]());

function makeRoom(readOnly: boolean): VolumeRoom {
  return new VolumeRoom({
    root: import.meta.dirname,
    state: harness.state,
    clock: new ManualClock(),
    readOnly,
  });
}

describe("the volume's room", () => {
  it("refuses to keep more than is free, and nothing less", () => {
    const room = makeRoom(false);
    const { bytes } = room.free();
    room.check();
    room.check(Math.floor(bytes / 2));
    assert.throws(() => room.check(bytes * 2), { code: "ENOSPC", errno: -28 });
  });

  it("refuses to open a volume on a disk that is wholly full", () => {
    refuseFullDisk(harness.storeRoot);
    assert.throws(() => refuseFullDisk(harness.storeRoot, 2 ** 52), {
      code: "ENOSPC",
      message: /^the disk of the volume .* has \d+ KiB free and at least \d+ are needed/u,
    });
  });

  it("refuses everything with EROFS when nothing may be written", () => {
    assert.throws(() => makeRoom(true).check(), { code: "EROFS" });
    assert.throws(() => makeRoom(true).check(2 ** 50), { code: "EROFS" });
  });
});
