import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { objectStoreConformance } from "../../test/conformance/object-store.ts";
import { SystemClock } from "../core/clock.ts";
import { LatencyHistogram, quantileMs } from "./latency-histogram.ts";
import { MemoryObjectStore } from "./memory-object-store.ts";
import { MeteredObjectStore } from "./metered-object-store.ts";
import { ObjectStoreError } from "./object-store.ts";

const clock = new SystemClock();

objectStoreConformance(
  "MeteredObjectStore",
  async () => {
    const store = new MeteredObjectStore(new MemoryObjectStore({ clock }), { clock });
    return { store, dispose: () => store.close() };
  },
  { refusesNestedKeys: true },
);

describe("MeteredObjectStore", () => {
  it("counts requests by class, bytes each way, and answers that are misses", async () => {
    const store = new MeteredObjectStore(new MemoryObjectStore({ clock }), { clock });
    await store.create("a", new Uint8Array(100));
    await store.create("a", new Uint8Array(100));
    await store.swap("a", "no-tag", new Uint8Array(7));
    await store.get("a");
    await store.getRange("a", { offset: 90, length: 100 });
    await store.head("none");
    await store.list({ prefix: "" });
    await store.deleteMany(["a"]);
    const metrics = store.metrics();
    assert.deepEqual(metrics.requestCounts, { write: 3, list: 1, read: 3, delete: 1 });
    assert.deepEqual([metrics.uploadSize, metrics.downloadSize], [207, 110]);
    const { create, swap, head, get } = metrics.methods;
    assert.deepEqual([create.count, create.missCount, create.latency.count], [2, 1, 2]);
    assert.deepEqual([swap.missCount, head.missCount, get.missCount], [1, 1, 0]);
    assert.equal(metrics.inFlightCount, 0);
  });

  it("counts errors, those that may be retried among them, and calls under way", async () => {
    const errors = [true, false].map(
      (retryable) => new ObjectStoreError("EIO", "lost", { retryable }),
    );
    const inner = new MemoryObjectStore({
      clock,
      faults: () => {
        const error = errors.shift();
        return error && { kind: "fail-before", error, delayMs: 3 };
      },
    });
    const store = new MeteredObjectStore(inner, { clock });
    const failing = assert.rejects(store.get("k"));
    assert.equal(store.metrics().inFlightCount, 1);
    await failing;
    await assert.rejects(store.get("k"));
    await store.get("k");
    const { count, errorCount, retryableCount, latency } = store.metrics().methods.get;
    assert.deepEqual([count, errorCount, retryableCount, latency.count], [3, 2, 1, 3]);
    assert.equal(latency.maxMs >= 2, true);
    assert.equal(store.metrics().inFlightCount, 0);
  });
});

describe("LatencyHistogram", () => {
  it("finds quantiles to the width of a bucket, and the longest beyond the last", () => {
    const histogram = new LatencyHistogram();
    assert.equal(quantileMs(histogram.snapshot(), 0.5), 0);
    for (let i = 0; i < 98; i++) histogram.add(3);
    histogram.add(70);
    histogram.add(99_000);
    const snapshot = histogram.snapshot();
    assert.deepEqual(
      [0, 0.5, 0.98, 0.99, 1].map((fraction) => quantileMs(snapshot, fraction)),
      [5, 5, 5, 100, 99_000],
    );
    assert.deepEqual([snapshot.count, snapshot.sumMs, snapshot.maxMs], [100, 99_364, 99_000]);
  });
});
