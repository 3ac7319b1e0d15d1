import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StoreFault } from "../object/memory-object-store.ts";
import {
  BRANCH,
  bytesOf,
  lostAnswer,
  TimelineFixture,
} from "../../test/support/timeline-fixture.ts";
import { BranchWriter } from "./branch-writer.ts";
import { claimBranch } from "./claim.ts";
import { batchKey, timelineKey } from "./object-keys.ts";
import { readLiveHead } from "./read-head.ts";
import { encodeTimelineRecord, VOID_TIMELINE } from "./timeline-record.ts";

const ORIGIN = { timeline: "0".repeat(32), txid: 4 };

/** A branch with one writer that shipped two batches and was renewed. */
async function written(): Promise<{ fixture: TimelineFixture; writer: BranchWriter }> {
  const fixture = new TimelineFixture();
  await fixture.createBranch();
  const writer = new BranchWriter(fixture.context, await fixture.claim("one"));
  await writer.ship(1, bytesOf("data one"));
  await writer.ship(2, bytesOf("data two"));
  await writer.renew();
  return { fixture, writer };
}

describe("taking a branch", () => {
  it("begins at nothing in a new volume, and where the branch begins in a new branch", async () => {
    for (const origin of [undefined, ORIGIN]) {
      const fixture = new TimelineFixture();
      await fixture.createBranch(origin);
      const claimed = await fixture.claim("one");
      assert.equal(claimed.head.epoch, 1);
      assert.deepEqual(claimed.record.parent, origin);
      assert.deepEqual(claimed.lineage, origin === undefined ? [] : [origin]);
    }
  });

  it("costs seven requests: head, swap, contest and its record, look, seal, begin", async () => {
    const { fixture } = await written();
    const requests = await fixture.requests(() => fixture.claim("two"));
    assert.deepEqual(requests, [
      "get branches/main.json",
      "swap branches/main.json",
      "create timelines/*/timeline.json",
      "get timelines/*/timeline.json",
      "list timelines/*/0000/",
      "create timelines/*/0000/0000000000000003-0000000000000003.ltx",
      "create timelines/*/timeline.json",
    ]);
  });

  it("goes on from the seal of the timeline before, with all that was shipped on it", async () => {
    const { fixture, writer } = await written();
    const claimed = await fixture.claim("two");
    assert.deepEqual(claimed.record.parent, { timeline: writer.timeline, txid: 3 });
    assert.equal(claimed.head.epoch, writer.epoch + 1);
    const next = new BranchWriter(fixture.context, claimed);
    await next.ship(4, bytesOf("data four"));
  });

  it("finds batches that were shipped after the head was written", async () => {
    const { fixture, writer } = await written();
    for (const txid of [3, 4, 5]) await writer.ship(txid, bytesOf(`data ${txid}`));
    const claimed = await fixture.claim("two");
    assert.equal(claimed.record.parent?.txid, 6);
  });

  it("fences the writer before: its next batch and its next renewal fail, for good", async () => {
    const { fixture, writer } = await written();
    await fixture.claim("two");
    await assert.rejects(writer.ship(3, bytesOf("data three")), {
      code: "EROFS",
      message: /seals/,
    });
    await assert.rejects(writer.renew(), { code: "EROFS" });
    assert.ok(writer.isFenced);
  });

  it("voids what a claimer before never began, and goes on from the last that was born", async () => {
    const { fixture, writer } = await written();
    const isBegin = (key: string): boolean => key.endsWith("timeline.json");
    let creations = 0;
    // The claimer dies before its own timeline.json.
    fixture.fault = ({ method, key }): StoreFault | undefined =>
      method === "create" && isBegin(key) && ++creations === 2
        ? { kind: "fail-before", error: lostAnswer() }
        : undefined;
    await assert.rejects(fixture.claim("two"), { code: "ETIMEDOUT" });
    fixture.fault = undefined;
    const { head } = await readLiveHead(fixture.context, BRANCH);
    const claimed = await fixture.claim("three");
    assert.deepEqual(claimed.record.parent, { timeline: writer.timeline, txid: 3 });
    const voided = await fixture.store.get(timelineKey(head.timeline));
    assert.deepEqual(voided?.body, encodeTimelineRecord(VOID_TIMELINE));
    assert.equal(claimed.head.previous.length, 2);
  });

  it("takes a past instant as the parent when it restores, and keeps the way to the undone tail", async () => {
    const { fixture, writer } = await written();
    const base = { timeline: writer.timeline, txid: 1 };
    const { record } = await fixture.claim("two", base);
    assert.deepEqual(record.parent, base);
    assert.deepEqual(record.sealed, { timeline: writer.timeline, txid: 3 });
  });

  it("leaves everything as it is when the head is not what was seen", async () => {
    const { fixture } = await written();
    const seen = await readLiveHead(fixture.context, BRANCH);
    await fixture.claim("two");
    const holder = { ...seen.head.holder!, host: "three" };
    const requests = await fixture.requests(async () => {
      const outcome = await claimBranch(fixture.context, { branch: BRANCH, seen, holder });
      assert.equal(outcome, undefined);
    });
    assert.deepEqual(requests, ["swap branches/main.json", "get branches/main.json"]);
  });

  it("is fenced when another voids its timeline before it began", async () => {
    const { fixture } = await written();
    let creations = 0;
    fixture.fault = ({ method, key }, _index): StoreFault | undefined => {
      if (method !== "create" || !key.endsWith("timeline.json") || ++creations !== 2)
        return undefined;
      fixture.fault = undefined;
      void fixture.store.create(key, encodeTimelineRecord(VOID_TIMELINE));
      return undefined;
    };
    await assert.rejects(fixture.claim("two"), { code: "EROFS", message: /is void/ });
  });

  it("refuses a timeline with a gap in its batches, and names it", async () => {
    const { fixture, writer } = await written();
    await fixture.store.create(batchKey("s3", writer.timeline, 4), bytesOf("data four"));
    await assert.rejects(fixture.claim("two"), { code: "EIO", message: /none from 3 on/ });
  });
});

const FAULTS: readonly StoreFault["kind"][] = ["fail-before", "fail-after", "apply-late"];

describe("a claim that dies at a request", () => {
  for (const kind of FAULTS) {
    it(`is finished by the next, whichever request it was (${kind})`, async () => {
      const clean = await written();
      const { length } = await clean.fixture.requests(() => clean.fixture.claim("two"));
      for (let at = 0; at < length; at++) await dieAt(at, kind);
    });
  }

  async function dieAt(at: number, kind: StoreFault["kind"]): Promise<void> {
    const { fixture, writer } = await written();
    const from = fixture.calls.length;
    fixture.fault = (_call, index): StoreFault | undefined =>
      index === from + at ? ({ kind, error: lostAnswer(), delayMs: 1 } as StoreFault) : undefined;
    // One whose lost swap came through goes on by itself.
    await fixture.claim("two").catch((error: unknown) => {
      assert.equal((error as { code?: string }).code, "ETIMEDOUT", `request ${at}`);
    });
    fixture.fault = undefined;
    await fixture.store.settled();
    const claimed = await fixture.claim("three");
    const next = new BranchWriter(fixture.context, claimed);
    await next.ship(next.shippedTxid + 1, bytesOf("data after"));
    await assert.rejects(writer.ship(3, bytesOf("data three")), { code: "EROFS" }, `request ${at}`);
    await assertReaches(fixture, claimed.record.parent, writer.timeline);
  }

  /** The two batches of the first writer are on the way back from `parent`. */
  async function assertReaches(
    fixture: TimelineFixture,
    parent: { readonly timeline: string; readonly txid: number } | undefined,
    timeline: string,
  ): Promise<void> {
    for (let at = parent; at !== undefined;) {
      if (at.timeline === timeline) {
        assert.equal(at.txid, 3);
        return;
      }
      const found = await fixture.store.get(timelineKey(at.timeline));
      at = (JSON.parse(new TextDecoder().decode(found!.body)) as { parent?: typeof at }).parent;
    }
    assert.fail("the first writer's timeline is not reached");
  }
});
