import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { objectStoreConformance } from "../../test/conformance/object-store.ts";
import { SystemClock } from "../core/clock.ts";
import { Prng } from "../core/prng.ts";
import { contentTag } from "./content-tag.ts";
import { MemoryObjectStore, type StoreCall, type StoreFault } from "./memory-object-store.ts";
import { ObjectStoreError } from "./object-store.ts";
import { RetryBudget } from "./retry-budget.ts";
import { RetryingObjectStore, type RetryingObjectStoreOptions } from "./retrying-object-store.ts";

const clock = new SystemClock();
const lost = new ObjectStoreError("EIO", "the connection was reset", { retryable: true });
const refused = new ObjectStoreError("EACCES", "no", { retryable: false });

objectStoreConformance(
  "RetryingObjectStore",
  async () => {
    const { store } = wrap([]);
    return { store, dispose: () => store.close() };
  },
  { refusesNestedKeys: true },
);

/** At random a call fails before or after it took effect. Not a swap: among rivals that may end in ESTALE, see below. */
objectStoreConformance(
  "RetryingObjectStore over a store that loses a third of all answers",
  async () => {
    const prng = new Prng(7);
    const faults = (call: StoreCall): StoreFault | undefined => {
      const dice = prng.below(6);
      if (dice > 1 || call.method === "swap") return undefined;
      return { kind: dice === 1 ? "fail-after" : "fail-before", error: lost };
    };
    const inner = new MemoryObjectStore({ clock, faults });
    const store = new RetryingObjectStore(inner, {
      ...QUICK,
      prng: new Prng(8),
      attemptCountMax: 30,
      budget: new RetryBudget(1_000_000),
    });
    return { store, dispose: () => store.close() };
  },
  { refusesNestedKeys: true },
);

describe("RetryingObjectStore", () => {
  it("repeats what may be repeated until it succeeds", async () => {
    const { store, calls } = wrap([before(), before(), undefined]);
    assert.equal((await store.create("k", bytes("x"))).created, true);
    assert.equal(calls.length, 3);
  });

  it("does not repeat what may not", async () => {
    const { store, calls } = wrap([before(refused)]);
    await assert.rejects(store.create("k", bytes("x")), refused);
    assert.equal(calls.length, 1);
  });

  it("gives up after its attempts with an error that says so and may be retried", async () => {
    const { store, calls } = wrap(
      Array.from({ length: 9 }, () => before()),
      { attemptCountMax: 3 },
    );
    await assert.rejects(store.get("k"), {
      code: "EIO",
      retryable: true,
      cause: lost,
      message: "get k failed 3 times: the connection was reset",
    });
    assert.equal(calls.length, 3);
  });

  it("gives up at once when the budget is spent, and earns it back by successes", async () => {
    const faults = [before(), before(), before()];
    const { store, calls } = wrap(faults, { budget: new RetryBudget(1) });
    await assert.rejects(store.head("k"), { message: /failed 2 times/ });
    await assert.rejects(store.head("k"), { message: /failed 1 times/ });
    for (let i = 0; i < 11; i++) await store.head("k");
    faults[calls.length] = before();
    await store.head("k");
  });

  it("takes its own bytes for created when the answer was lost (invariant 6)", async () => {
    const { store, inner } = wrap([after()]);
    const outcome = await store.create("k", bytes("mine"));
    assert.deepEqual(outcome, { created: true, tag: (await inner.get("k"))!.tag });
  });

  it("does not take other bytes for created, of the same size or not", async () => {
    for (const theirs of ["their", "theirs and more", ""]) {
      const { store, inner } = wrap([undefined, before()]);
      await inner.create("k", bytes(theirs));
      assert.deepEqual(await store.create("k", bytes("mines")), { created: false });
      assert.deepEqual((await inner.get("k"))?.body, bytes(theirs));
    }
  });

  it("believes a first answer that the key exists, even with equal bytes", async () => {
    const { store, inner } = wrap([]);
    await inner.create("k", bytes("same"));
    assert.deepEqual(await store.create("k", bytes("same")), { created: false });
  });

  it("settles a lost answer to createFromFile by comparing the whole file", async (t) => {
    const body = new Uint8Array(5_000_000).fill(3);
    const path = await file(t, body);
    const ours = wrap([after()]);
    assert.equal((await ours.store.createFromFile("k", path)).created, true);
    const other = body.slice();
    other[4_999_999] = 4;
    const theirs = wrap([undefined, before()]);
    await theirs.inner.create("k", other);
    assert.deepEqual(await theirs.store.createFromFile("k", path), { created: false });
  });

  it("tries again when the key exists and then does not (rule S2)", async () => {
    let deleted = false;
    const { store, inner, calls } = wrap([undefined, before()], {}, (call) => {
      if (call.method !== "get" || deleted) return;
      deleted = true;
      void inner.delete("k");
    });
    await inner.create("k", bytes("theirs"));
    assert.equal((await store.create("k", bytes("mine"))).created, true);
    assert.deepEqual(
      calls.map((call) => call.method).filter((method) => method !== "delete"),
      ["create", "create", "create", "get", "create"],
    );
  });

  it("settles a lost answer to swap by reading", async () => {
    const { store, inner } = wrap([undefined, after()]);
    const created = (await inner.create("k", bytes("one"))) as { tag: string };
    const outcome = await store.swap("k", created.tag, bytes("nonce 1"));
    assert.deepEqual(outcome, { swapped: true, tag: (await inner.get("k"))!.tag });
  });

  it("says that a swap's outcome is unknown when another's content follows a lost answer", async () => {
    for (const [fault, present] of [
      [before(), "one"],
      [after(), "nonce 1"],
    ] as const) {
      const { store, inner } = wrap([undefined, fault], {}, (_, index) => {
        if (index === 2) void inner.swap("k", contentTag(bytes(present)), bytes("of another"));
      });
      const created = (await inner.create("k", bytes("one"))) as { tag: string };
      const swapping = store.swap("k", created.tag, bytes("nonce 1"));
      await assert.rejects(swapping, { code: "ESTALE", retryable: false });
      assert.deepEqual((await inner.get("k"))?.body, bytes("of another"));
    }
  });

  it("believes a first answer that the tag is another", async () => {
    const { store, inner, calls } = wrap([]);
    await inner.create("k", bytes("one"));
    assert.deepEqual(await store.swap("k", "no-tag", bytes("nonce 1")), { swapped: false });
    assert.equal(calls.length, 2);
  });

  it("lets rivals append to one object exactly once each, whatever answers are lost", async () => {
    const prng = new Prng(11);
    const inner = new MemoryObjectStore({
      clock,
      faults: (): StoreFault | undefined => {
        const dice = prng.below(9);
        if (dice > 2) return undefined;
        return { kind: dice === 2 ? "fail-after" : "fail-before", error: lost, delayMs: dice };
      },
    });
    const budget = new RetryBudget(1_000_000);
    const store = new RetryingObjectStore(inner, { ...QUICK, attemptCountMax: 50, budget });
    await store.create("log", bytes(""));
    let unknownCount = 0;
    const append = async (nonce: string): Promise<void> => {
      for (;;) {
        const { body, tag } = (await store.get("log"))!;
        const lines = new TextDecoder().decode(body);
        if (lines.includes(nonce)) return;
        try {
          if ((await store.swap("log", tag, bytes(lines + nonce))).swapped) return;
        } catch (error) {
          assert.equal((error as ObjectStoreError).code, "ESTALE");
          unknownCount++;
        }
      }
    };
    const nonces = Array.from({ length: 24 }, (_, i) => `<${i}>`);
    await Promise.all(nonces.map(append));
    const lines = new TextDecoder().decode((await store.get("log"))!.body);
    assert.deepEqual(lines.match(/<\d+>/g)!.sort(), nonces.sort());
    assert.notEqual(unknownCount, 0, "no answer was lost at the wrong moment");
  });

  it("bounds the time-out of a range to the end", async () => {
    const { store, calls } = wrap([{ kind: "delay", delayMs: 20 }]);
    assert.equal(
      await store.getRange("k", { offset: 0, length: Number.MAX_SAFE_INTEGER }),
      undefined,
    );
    assert.equal(calls.length, 1);
  });

  it("ends an attempt at its time-out and makes another", async () => {
    const { store, calls } = wrap([{ kind: "delay", delayMs: 60_000 }], { timeoutMs: 20 });
    assert.equal((await store.create("k", bytes("x"))).created, true);
    assert.equal(calls.length, 2);
  });

  it("names the time-out when every attempt meets it", async () => {
    const slow: StoreFault = { kind: "delay", delayMs: 60_000 };
    const { store } = wrap([slow, slow], { timeoutMs: 10, attemptCountMax: 2 });
    await assert.rejects(store.head("k"), {
      code: "ETIMEDOUT",
      retryable: true,
      message: /head k in memory: had no answer within 10 ms/,
    });
  });

  it("stops at once when the caller aborts, in an attempt and between two", async () => {
    const slow: StoreFault = { kind: "delay", delayMs: 60_000 };
    for (const fault of [slow, before()]) {
      const { store, calls } = wrap([fault], { delayFirstMs: 1e9, delayMaxMs: 1e9 });
      const controller = new AbortController();
      const getting = store.get("k", { signal: controller.signal });
      setTimeout(() => controller.abort(new Error("enough")), 10);
      await assert.rejects(getting, /enough/);
      assert.equal(calls.length, 1);
    }
  });
});

const QUICK = { clock, prng: new Prng(1), delayFirstMs: 0.01, delayMaxMs: 0.01 } as const;

/** `faults[i]` meets the i-th call of the inner store; `observe` runs before each takes effect. */
function wrap(
  faults: readonly (StoreFault | undefined)[],
  options: Partial<RetryingObjectStoreOptions> = {},
  observe?: (call: StoreCall, index: number) => void,
): { store: RetryingObjectStore; inner: MemoryObjectStore; calls: StoreCall[] } {
  const calls: StoreCall[] = [];
  const inner = new MemoryObjectStore({
    clock,
    faults: (call) => {
      const fault = faults[calls.length];
      calls.push(call);
      observe?.(call, calls.length - 1);
      return fault;
    },
  });
  return { store: new RetryingObjectStore(inner, { ...QUICK, ...options }), inner, calls };
}

function before(error: Error = lost): StoreFault {
  return { kind: "fail-before", error };
}

function after(): StoreFault {
  return { kind: "fail-after", error: lost };
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

async function file(t: TestContext, body: Uint8Array): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "object-store-"));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, "source"), body);
  return join(directory, "source");
}
