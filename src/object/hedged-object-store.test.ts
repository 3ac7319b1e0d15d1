import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { objectStoreConformance } from "../../test/conformance/object-store.ts";
import { SystemClock, type Clock } from "../core/clock.ts";
import { HedgedObjectStore } from "./hedged-object-store.ts";
import { MemoryObjectStore, type StoreFault } from "./memory-object-store.ts";
import { ObjectStoreError } from "./object-store.ts";

objectStoreConformance(
  "HedgedObjectStore",
  async () => {
    const clock = new SystemClock();
    const store = new HedgedObjectStore(new MemoryObjectStore({ clock }), { clock });
    return { store, dispose: () => store.close() };
  },
  { refusesNestedKeys: true },
);

/** Reads that the inner store is asked for get these faults, in order, and none after that. */
async function withFaults(
  faults: readonly (StoreFault | undefined)[],
  use: (store: HedgedObjectStore, asked: () => number) => Promise<void>,
): Promise<void> {
  const clock = new SteppedClock();
  let askedCount = 0;
  const inner = new MemoryObjectStore({
    clock,
    faults: ({ method }) => (method === "create" ? undefined : faults[askedCount++]),
  });
  await inner.create("k", new Uint8Array([1, 2, 3]));
  await using store = new HedgedObjectStore(inner, { clock });
  await use(store, () => askedCount);
}

const SLOW: StoreFault = { kind: "delay", delayMs: 60_000 };
const QUICK: StoreFault = { kind: "delay", delayMs: 5 };
const FAILING = new ObjectStoreError("EIO", "reset", { retryable: true });

describe("HedgedObjectStore", () => {
  it("asks again for a read that is late, and takes the first answer", async () => {
    const faults = [SLOW, undefined, SLOW, undefined, SLOW, undefined];
    await withFaults(faults, async (store, asked) => {
      assert.deepEqual((await store.get("k"))?.body, new Uint8Array([1, 2, 3]));
      assert.deepEqual(await store.getRange("k", { offset: 1, length: 1 }), new Uint8Array([2]));
      assert.equal((await store.head("k"))?.size, 3);
      assert.equal(asked(), 6);
    });
  });

  it("learns how long reads take, and waits no longer than that", async () => {
    const faults = [...Array.from({ length: 30 }, () => QUICK), SLOW, undefined];
    const clock = new SteppedClock();
    let askedCount = 0;
    const inner = new MemoryObjectStore({ clock, faults: () => faults[askedCount++] });
    await using store = new HedgedObjectStore(inner, { clock });
    for (let i = 0; i < 30; i++) await store.head("k");
    assert.equal(askedCount, 30);
    const startedMs = clock.monotonicMs();
    await store.head("k");
    assert.equal(askedCount, 32);
    assert.equal(clock.monotonicMs() - startedMs <= 10, true);
  });

  it("keeps to its budget when all reads are late", async () => {
    const faults = Array.from({ length: 100 }, () => SLOW);
    await withFaults(faults, async (store, asked) => {
      for (let i = 0; i < 40; i++) await store.head("k");
      assert.equal(asked() <= 40 + 8 + 2, true);
    });
  });

  it("waits for the other request when one fails, and tells the first one's error when both do", async () => {
    const failsLate: StoreFault = { kind: "fail-before", error: FAILING, delayMs: 60_000 };
    const fails: StoreFault = { kind: "fail-before", error: new Error("second") };
    await withFaults([SLOW, fails], async (store) => {
      assert.equal((await store.head("k"))?.size, 3);
    });
    await withFaults([failsLate, fails], async (store) => {
      await assert.rejects(store.head("k"), FAILING);
    });
  });

  it("does not ask again for what failed in time", async () => {
    const fails: StoreFault = { kind: "fail-before", error: FAILING };
    await withFaults([fails], async (store, asked) => {
      await assert.rejects(store.head("k"), FAILING);
      assert.equal(asked(), 1);
    });
  });

  it("ends both requests at an abort", async () => {
    await withFaults([SLOW, SLOW], async (store) => {
      const reason = new Error("enough");
      await assert.rejects(store.head("k", { signal: AbortSignal.abort(reason) }), reason);
    });
  });
});

/** Time that passes only when all sleep: the one who wakes first moves it on. */
class SteppedClock implements Clock {
  readonly #sleepers = new Set<{ readonly wakeMs: number; readonly wake: () => void }>();
  #nowMs = 0;
  #isStepping = false;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  realtime(): never {
    throw new Error("nobody asks");
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return promise;
    }
    const sleeper = { wakeMs: this.#nowMs + ms, wake: resolve };
    this.#sleepers.add(sleeper);
    signal?.addEventListener("abort", () => {
      if (this.#sleepers.delete(sleeper)) reject(signal.reason as Error);
    });
    if (!this.#isStepping) void this.#step();
    return promise;
  }

  async #step(): Promise<void> {
    this.#isStepping = true;
    while (this.#sleepers.size > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = [...this.#sleepers].toSorted((a, b) => a.wakeMs - b.wakeMs);
      if (next === undefined) break;
      this.#sleepers.delete(next);
      this.#nowMs = next.wakeMs;
      next.wake();
    }
    this.#isStepping = false;
  }
}
