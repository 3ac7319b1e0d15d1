import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { planRestore, type ReplicaFile, type RestoreTarget } from "./restore-plan.ts";

const LATEST: RestoreTarget = { kind: "latest" };

/** Written `level:min-max`; the time is the max TXID. */
function file(text: string): ReplicaFile {
  const [level, minTxid, maxTxid] = text.split(/[:-]/u).map(Number) as [number, number, number];
  return { level, minTxid, maxTxid, timestampMs: maxTxid };
}

function plan(texts: string, target: RestoreTarget): string {
  const files = texts.split(" ").map(file);
  return planRestore(files, target)
    .map(({ level, minTxid, maxTxid }) => `${level}:${minTxid}-${maxTxid}`)
    .join(" ");
}

describe("the plan of a restore", () => {
  it("begins with the newest snapshot and goes on with what reaches furthest", () => {
    const files = "9:1-1 9:1-4 0:1-1 0:5-5 0:6-6 0:7-7 1:2-4 1:5-6 2:1-3";
    assert.equal(plan(files, LATEST), "9:1-4 1:5-6 0:7-7");
    assert.equal(plan(files, { kind: "txid", txid: 5 }), "9:1-4 0:5-5");
    assert.equal(plan(files, { kind: "txid", txid: 4 }), "9:1-4");
    assert.equal(plan(files, { kind: "txid", txid: 3 }), "9:1-1 2:1-3");
    assert.equal(plan(files, { kind: "before", timestampMs: 7 }), "9:1-4 1:5-6");
    assert.equal(plan(files, { kind: "before", timestampMs: 5 }), "9:1-4");
  });

  it("needs no snapshot when the files begin at TXID 1", () => {
    assert.equal(plan("0:1-1 0:2-2 1:1-2 0:3-3", LATEST), "1:1-2 0:3-3");
  });

  it("takes, of two that reach as far, the one from earlier on, then of the higher level", () => {
    assert.equal(plan("9:1-3 1:4-6 0:4-6 2:3-6", LATEST), "9:1-3 2:3-6");
    assert.equal(plan("9:1-3 1:4-6 0:4-6 2:4-6", LATEST), "9:1-3 2:4-6");
  });

  it("names the files round a gap, unless the state before it is what was asked for", () => {
    const files = "9:1-2 0:3-3 0:5-5 0:6-6";
    const refusal = {
      code: "EINVAL",
      message:
        "0000000000000003-0000000000000003.ltx of level 0 is the last before a gap, 0000000000000005-0000000000000005.ltx of level 0 the first behind it",
    };
    assert.throws(() => plan(files, LATEST), refusal);
    assert.throws(() => plan(files, { kind: "txid", txid: 6 }), /is the last before a gap/);
    assert.equal(plan(files, { kind: "txid", txid: 3 }), "9:1-2 0:3-3");
    assert.equal(plan("9:1-6 0:3-3 0:5-5", LATEST), "9:1-6");
  });

  it("refuses when nothing begins at TXID 1, nothing ends at the TXID, or there is nothing", () => {
    assert.throws(() => plan("0:2-2 0:3-3", LATEST), /no file begins at TXID 1, 0000000000000002-/);
    assert.throws(() => plan("9:2-5 0:3-3", LATEST), { code: "EINVAL" });
    assert.throws(() => plan("9:1-4 0:5-5", { kind: "txid", txid: 6 }), {
      code: "ENOENT",
      message: /TXID 0000000000000006 cannot be restored: no file ends there/,
    });
    assert.throws(() => plan("9:1-4 0:5-7", { kind: "txid", txid: 6 }), { code: "ENOENT" });
    assert.throws(() => planRestore([], LATEST), { code: "ENOENT" });
  });

  it("refuses a time before the first file or behind the last", () => {
    const files = "9:1-4 0:5-5";
    for (const timestampMs of [3, 4, 6]) {
      assert.throws(
        () => plan(files, { kind: "before", timestampMs }),
        /is outside of what there is/,
      );
    }
  });

  it("always follows without a gap, and reaches what was asked for", () => {
    const ranges = fc.record({
      level: fc.constantFrom(0, 0, 0, 1, 2, 9),
      minTxid: fc.integer({ min: 1, max: 12 }),
      count: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(fc.array(ranges), fc.option(fc.integer({ min: 1, max: 15 })), (list, txid) => {
        const files = list.map(({ level, minTxid, count }): ReplicaFile => {
          const first = level === 9 ? 1 : minTxid;
          const maxTxid = minTxid + count - 1;
          return { level, minTxid: first, maxTxid, timestampMs: maxTxid };
        });
        let chosen: ReplicaFile[];
        try {
          chosen = planRestore(files, txid === null ? LATEST : { kind: "txid", txid });
        } catch (error) {
          assert.ok(["ENOENT", "EINVAL"].includes((error as { code: string }).code), String(error));
          return;
        }
        let reached = 0;
        for (const { minTxid, maxTxid } of chosen) {
          assert.ok(minTxid <= reached + 1 && maxTxid > reached);
          reached = maxTxid;
        }
        const end = files.reduce((max, { maxTxid }) => Math.max(max, maxTxid), 0);
        assert.equal(reached, txid ?? end);
      }),
      { numRuns: 2000 },
    );
  });
});
