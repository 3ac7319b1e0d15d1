import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { ERRNO } from "../core/fs-error.ts";
import { decodeOutHeader, encodeInHeader, newInHeader, newOutHeader } from "../fuse/abi/header.ts";
import { Opcode } from "../fuse/abi/opcode.ts";
import { MemoryChannel } from "../fuse/channel.ts";
import { DeferredKind } from "./deferred-table.ts";
import { HANDOFF_AREA_SIZE, HandoffArea } from "./handoff-area.ts";
import { refuseAll } from "./refuse-all.ts";

function newRequest(opcode: number, uniqueLow: number, uniqueHigh = 0): Uint8Array {
  const bytes = new Uint8Array(120);
  const header = { ...newInHeader(), size: bytes.length, opcode, uniqueLow, uniqueHigh };
  encodeInHeader(new DataView(bytes.buffer), 0, header);
  return bytes;
}

function answersOf(channel: MemoryChannel): { unique: number; error: number }[] {
  return channel.replies.map((bytes) => {
    assert.equal(bytes.length, 16);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const header = decodeOutHeader(view, 0, newOutHeader());
    return { unique: header.uniqueHigh * 2 ** 32 + header.uniqueLow, error: header.error };
  });
}

function newArea(): HandoffArea {
  return HandoffArea.create(new ArrayBuffer(HANDOFF_AREA_SIZE), 1);
}

const clock = new SystemClock();

describe("refuseAll", () => {
  it("answers EIO to whatever has an answer, until the mount is gone", async () => {
    const channel = new MemoryChannel();
    channel.end = -ERRNO.ENODEV;
    channel.requests.push(
      newRequest(Opcode.WRITE, 2),
      newRequest(Opcode.FORGET, 4),
      newRequest(Opcode.BATCH_FORGET, 6),
      newRequest(Opcode.INTERRUPT, 8),
      newRequest(Opcode.LOOKUP, 10, 0x8000_0001),
      newRequest(Opcode.DESTROY, 12),
    );
    const { signal } = new AbortController();
    const outcome = await refuseAll({ channel, area: newArea(), clock, signal });
    assert.equal(outcome, "unmounted");
    assert.deepEqual(answersOf(channel), [
      { unique: 2, error: -ERRNO.EIO },
      // The resend bit included: the kernel takes no other answer to a request that it sent again.
      { unique: 0x8000_0001 * 2 ** 32 + 10, error: -ERRNO.EIO },
      { unique: 12, error: 0 },
    ]);
  });

  it("first answers what the dead engine had read, and leaves none of it behind", async () => {
    const area = newArea();
    area.request.bytes.set(newRequest(Opcode.CREATE, 24));
    area.request.saveHeader();
    area.request.bytes.fill(0xff, 0, 80);
    area.deferred.add({
      kind: DeferredKind.FSYNC,
      opcode: Opcode.FSYNC,
      uniqueLow: 26,
      uniqueHigh: 0,
      nodeid: 1,
    });
    const channel = new MemoryChannel();
    const stop = new AbortController();
    const running = refuseAll({ channel, area, clock, signal: stop.signal });
    await clock.sleep(20);
    stop.abort();
    assert.equal(await running, "stopped");
    assert.deepEqual(
      answersOf(channel).map(({ unique }) => unique),
      [24, 26],
    );
    assert.equal(area.request.recover(), 0);
    assert.equal(area.deferred.count, 0);
  });
});
