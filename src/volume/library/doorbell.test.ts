import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { SystemClock } from "../../core/clock.ts";
import { Doorbell } from "./doorbell.ts";

const clock = new SystemClock();
const LONG_MS = 60_000;

describe("Doorbell", () => {
  it("does not sleep when it has rung since it was read", () => {
    const doorbell = Doorbell.create();
    const seen = doorbell.read();
    new Doorbell(doorbell.memory).ring();
    const startedMs = clock.monotonicMs();
    doorbell.wait(seen, LONG_MS);
    assert.ok(clock.monotonicMs() - startedMs < LONG_MS / 2);
    assert.equal(doorbell.read(), seen + 1);
  });

  it("sleeps no longer than it is told", () => {
    const doorbell = Doorbell.create();
    const startedMs = clock.monotonicMs();
    doorbell.wait(doorbell.read(), 20);
    assert.ok(clock.monotonicMs() - startedMs >= 19);
  });

  it("wakes another thread, and does not keep one from being ended", async () => {
    const doorbell = Doorbell.create();
    const worker = new Worker(
      `const { parentPort, workerData } = require("node:worker_threads");
       const count = new Int32Array(workerData);
       parentPort.postMessage("asleep");
       Atomics.wait(count, 0, 0, ${LONG_MS});
       parentPort.postMessage("awake");
       Atomics.wait(count, 0, 1, ${LONG_MS});`,
      { eval: true, workerData: doorbell.memory },
    );
    assert.deepEqual(await once(worker, "message"), ["asleep"]);
    doorbell.ring();
    assert.deepEqual(await once(worker, "message"), ["awake"]);
    const startedMs = clock.monotonicMs();
    await worker.terminate();
    assert.ok(clock.monotonicMs() - startedMs < LONG_MS / 2);
  });
});
