import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ObjectStore } from "../object/object-store.ts";
import type { StoreFault } from "../object/memory-object-store.ts";
import {
  BRANCH,
  bytesOf,
  lostAnswer,
  TimelineFixture,
} from "../../test/support/timeline-fixture.ts";
import { BranchWriter } from "./branch-writer.ts";
import { readLiveHead } from "./read-head.ts";

async function held(): Promise<{ fixture: TimelineFixture; writer: BranchWriter }> {
  const fixture = new TimelineFixture();
  await fixture.createBranch();
  return { fixture, writer: new BranchWriter(fixture.context, await fixture.claim("one")) };
}

/** The next call of `method` meets `kind`, once. */
function failNext(fixture: TimelineFixture, method: string, kind: StoreFault["kind"]): void {
  fixture.fault = (call): StoreFault | undefined => {
    if (call.method !== method) return undefined;
    fixture.fault = undefined;
    return { kind, error: lostAnswer(), delayMs: 1 } as StoreFault;
  };
}

describe("shipping a batch", () => {
  it("is one create and a look at the head", async () => {
    const { fixture, writer } = await held();
    const requests = await fixture.requests(() => writer.ship(1, bytesOf("data")));
    assert.deepEqual(requests, [
      "create timelines/*/0000/0000000000000001-0000000000000001.ltx",
      "get branches/main.json",
    ]);
    assert.equal(writer.shippedTxid, 1);
  });

  it("counts once its bytes are there, whichever answer was lost", async () => {
    for (const method of ["create", "get"]) {
      for (const kind of ["fail-before", "fail-after", "apply-late"] as const) {
        const { fixture, writer } = await held();
        failNext(fixture, method, kind);
        await assert.rejects(writer.ship(1, bytesOf("data")), { code: "ETIMEDOUT" });
        assert.equal(writer.shippedTxid, 0);
        await writer.ship(1, bytesOf("data"));
        await fixture.store.settled();
        await writer.ship(2, bytesOf("more"));
        assert.equal(writer.shippedTxid, 2);
      }
    }
  });

  it("is refused when the key holds other bytes", async () => {
    const { fixture, writer } = await held();
    const twin = new BranchWriter(fixture.context, await twinOf(fixture));
    await writer.ship(1, bytesOf("data"));
    await assert.rejects(twin.ship(1, bytesOf("other")), { code: "EROFS" });
  });

  it("takes one batch at a time, each the next", async () => {
    const { writer } = await held();
    await assert.rejects(writer.ship(2, bytesOf("data")), /does not follow/);
    const first = writer.ship(1, bytesOf("data"));
    await assert.rejects(writer.ship(1, bytesOf("data")), /one batch is in flight/);
    await first;
  });

  it("does not look at the head while the store's clock says that nothing can have gone (C2)", async () => {
    const fixture = new TimelineFixture();
    await fixture.createBranch();
    const store: ObjectStore = Object.create(fixture.store) as ObjectStore;
    store.create = async (key, body) => {
      const outcome = await fixture.store.create(key, body);
      return outcome.created ? { ...outcome, storeMs: fixture.clock.nowMs() } : outcome;
    };
    Object.defineProperty(store, "swap", { value: fixture.store.swap.bind(fixture.store) });
    Object.defineProperty(store, "get", { value: fixture.store.get.bind(fixture.store) });
    Object.defineProperty(store, "url", { value: fixture.store.url });
    const claimed = await fixture.claim("one");
    const bornStoreMs = fixture.clock.nowMs();
    const writer = new BranchWriter({ ...fixture.context, store }, { ...claimed, bornStoreMs });
    const cost = async (txid: number): Promise<number> =>
      (await fixture.requests(() => writer.ship(txid, bytesOf(`data ${txid}`)))).length;
    assert.equal(await cost(1), 1);
    fixture.clock.advance(59_999);
    assert.equal(await cost(2), 1);
    fixture.clock.advance(60_000);
    assert.equal(await cost(3), 2);
    fixture.clock.advance(-1);
    assert.equal(await cost(4), 2);
  });
});

describe("renewing a head", () => {
  it("says that the timeline has begun, and how far it was shipped", async () => {
    const { fixture, writer } = await held();
    await writer.ship(1, bytesOf("data"));
    const requests = await fixture.requests(() => writer.renew());
    assert.deepEqual(requests, ["swap branches/main.json"]);
    const { head } = await readLiveHead(fixture.context, BRANCH);
    assert.ok(head.isBorn);
    assert.equal(head.shippedTxid, 1);
    assert.equal(head.holder?.host, "one");
    assert.deepEqual(head.previous, []);
  });

  it("goes on after answers that were lost, applied at once, later or never", async () => {
    for (const kind of ["fail-before", "fail-after", "apply-late"] as const) {
      const { fixture, writer } = await held();
      failNext(fixture, "swap", kind);
      await assert.rejects(writer.renew(), { code: "ETIMEDOUT" });
      // In between a batch meets the one head or the other: both are ours.
      await writer.ship(1, bytesOf("data"));
      await fixture.store.settled();
      await writer.renew();
      await writer.ship(2, bytesOf("more"));
      assert.ok(!writer.isFenced);
    }
  });

  it("is refused once another has the branch, and so is all that follows", async () => {
    const { fixture, writer } = await held();
    await fixture.claim("two");
    await assert.rejects(writer.renew(), { code: "EROFS", message: /was taken by two, process 7/ });
    await assert.rejects(writer.release(), { code: "EROFS" });
  });

  it("lets a batch's key go only when it was begun after the batch was shipped (G5)", async () => {
    const { fixture, writer } = await held();
    const renewal = Promise.withResolvers<void>();
    const swap = fixture.store.swap.bind(fixture.store);
    fixture.store.swap = async (...args) => {
      const outcome = await swap(...args);
      await renewal.promise;
      return outcome;
    };
    const slow = writer.renew();
    await writer.ship(1, bytesOf("data"));
    renewal.resolve();
    await slow;
    assert.ok(!writer.mayRetire(1), "that change of the head came before the batch");
    await writer.renew();
    assert.ok(writer.mayRetire(1));
    writer.retired(1);
    assert.ok(!writer.mayRetire(1));
  });
});

describe("releasing a branch", () => {
  it("leaves a head that nobody holds, which says how far it was shipped", async () => {
    const { fixture, writer } = await held();
    await writer.ship(1, bytesOf("data"));
    await writer.release();
    const { head } = await readLiveHead(fixture.context, BRANCH);
    assert.equal(head.holder, undefined);
    assert.equal(head.shippedTxid, 1);
    await assert.rejects(writer.ship(2, bytesOf("data")), /was released/);
  });
});

/** What a clone of the machine knows: the same claim. */
async function twinOf(
  fixture: TimelineFixture,
): Promise<ConstructorParameters<typeof BranchWriter>[1]> {
  const { head, tag } = await readLiveHead(fixture.context, BRANCH);
  const record = { kind: "real", branch: BRANCH, epoch: head.epoch } as const;
  return { branch: BRANCH, head, tag, record, lineage: [] };
}
