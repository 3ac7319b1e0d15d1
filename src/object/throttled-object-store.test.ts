import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { objectStoreConformance } from "../../test/conformance/object-store.ts";
import { SystemClock, type Clock } from "../core/clock.ts";
import { MemoryObjectStore } from "./memory-object-store.ts";
import {
  ThrottledObjectStore,
  type ThrottledObjectStoreOptions,
} from "./throttled-object-store.ts";
import { TokenBucket } from "./token-bucket.ts";

objectStoreConformance(
  "ThrottledObjectStore",
  async () => {
    const store = throttle(new SystemClock(), {
      requestsPerSecond: 1e6,
      uploadBytesPerSecond: 1e12,
      downloadBytesPerSecond: 1e12,
    });
    return { store, dispose: () => store.close() };
  },
  { refusesNestedKeys: true },
);

describe("ThrottledObjectStore", () => {
  it("lets a second's worth of requests pass and then keeps the rate", async () => {
    const clock = new LeapingClock();
    const store = throttle(clock, { requestsPerSecond: 10 });
    for (let i = 0; i < 10; i++) await store.head("k");
    assert.equal(clock.monotonicMs(), 0);
    for (let i = 0; i < 25; i++) await store.head("k");
    assert.equal(Math.round(clock.monotonicMs()), 2500);
  });

  it("keeps the rate of bytes up, also for a body above the burst", async () => {
    const clock = new LeapingClock();
    const store = throttle(clock, { uploadBytesPerSecond: 1000 });
    await store.create("a", new Uint8Array(5000));
    assert.equal(Math.round(clock.monotonicMs()), 4000);
    await store.create("b", new Uint8Array(1000));
    assert.equal(Math.round(clock.monotonicMs()), 5000);
    await store.get("a");
    assert.equal(Math.round(clock.monotonicMs()), 5000);
  });

  it("makes the next reader wait for bytes that were read", async () => {
    const clock = new LeapingClock();
    const store = throttle(clock, { downloadBytesPerSecond: 1000 });
    await store.create("a", new Uint8Array(4000));
    await store.get("a");
    assert.equal(clock.monotonicMs(), 0);
    await store.getRange("a", { offset: 0, length: 500 });
    assert.equal(Math.round(clock.monotonicMs()), 3000);
    await store.head("a");
    await store.getRange("a", { offset: 0, length: 1 });
    assert.equal(Math.round(clock.monotonicMs()), 3500);
  });

  it("gives the place of an aborted waiter back", async () => {
    const clock = new SystemClock();
    const bucket = new TokenBucket({ clock, perSecond: 1, burst: 1 });
    await bucket.take(1);
    const waiting = bucket.take(1_000_000, AbortSignal.timeout(5));
    await assert.rejects(waiting, { name: "TimeoutError" });
    bucket.refund(1);
    const beganMs = clock.monotonicMs();
    await bucket.take(1);
    assert.equal(clock.monotonicMs() - beganMs < 900, true);
  });
});

/** Sleeping takes no time and moves the clock. */
class LeapingClock implements Clock {
  #ms = 0;

  nowMs(): number {
    return this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  realtime(): void {
    throw new Error("not asked for here");
  }

  async sleep(ms: number): Promise<void> {
    this.#ms += ms;
  }
}

function throttle(
  clock: Clock,
  rates: Omit<ThrottledObjectStoreOptions, "clock">,
): ThrottledObjectStore {
  return new ThrottledObjectStore(new MemoryObjectStore({ clock }), { clock, ...rates });
}
