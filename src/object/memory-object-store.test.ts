import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { objectStoreConformance } from "../../test/conformance/object-store.ts";
import { SystemClock } from "../core/clock.ts";
import { MemoryObjectStore, type StoreCall, type StoreFault } from "./memory-object-store.ts";
import { ObjectStoreError } from "./object-store.ts";

objectStoreConformance(
  "MemoryObjectStore",
  async () => {
    const store = new MemoryObjectStore({ clock: new SystemClock() });
    return { store, dispose: () => store.close() };
  },
  { refusesNestedKeys: true },
);

describe("faults of MemoryObjectStore", () => {
  const lost = new ObjectStoreError("EIO", "lost", { retryable: true });
  const body = new Uint8Array([1, 2, 3]);
  it("tells the hook of every call by method and key", async () => {
    const calls: StoreCall[] = [];
    await using store = faulty({ kind: "delay", delayMs: 1 }, calls);
    await store.create("a", body);
    await store.list({ prefix: "p" });
    await store.deleteMany(["x", "y"]);
    assert.deepEqual(calls, [
      { method: "create", key: "a" },
      { method: "list", key: "p" },
      { method: "deleteMany", key: "x" },
    ]);
  });

  it("fails before the call takes effect", async () => {
    await using store = faulty({ kind: "fail-before", error: lost });
    await assert.rejects(store.create("a", body), lost);
    assert.equal(await store.head("a"), undefined);
  });

  it("fails after the call took effect", async () => {
    await using store = faulty({ kind: "fail-after", error: lost });
    await assert.rejects(store.create("a", body), lost);
    assert.deepEqual((await store.get("a"))?.body, body);
  });

  it("applies a call late that was answered with an error at once", async () => {
    await using store = faulty({ kind: "apply-late", error: lost, delayMs: 5 });
    await assert.rejects(store.create("a", body), lost);
    assert.equal(await store.head("a"), undefined);
    await store.settled();
    assert.deepEqual((await store.get("a"))?.body, body);
  });

  it("forgets a delayed call whose signal is aborted", async () => {
    await using store = faulty({ kind: "delay", delayMs: 60_000 });
    const controller = new AbortController();
    const creating = store.create("a", body, { signal: controller.signal });
    controller.abort(new Error("enough"));
    await assert.rejects(creating, /enough/);
    assert.equal(await store.head("a"), undefined);
  });

  it("copies the body when the call is made, not when it takes effect", async () => {
    await using store = faulty({ kind: "delay", delayMs: 2 });
    const mine = body.slice();
    const creating = store.create("a", mine);
    mine.fill(9);
    await creating;
    assert.deepEqual((await store.get("a"))?.body, body);
  });
});

/** A store whose first call meets `fault`; every call is added to `calls`. */
function faulty(fault: StoreFault, calls: StoreCall[] = []): MemoryObjectStore {
  return new MemoryObjectStore({
    clock: new SystemClock(),
    faults: (call) => {
      calls.push(call);
      return calls.length === 1 ? fault : undefined;
    },
  });
}
