import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SystemClock } from "../core/clock.ts";
import { rejectedAt, StopLimit } from "./stop-limit.ts";

const clock = new SystemClock();

describe("the time that a stop has", () => {
  it("ends storing first, and then the rest", async () => {
    const { signal } = new AbortController();
    const limit = new StopLimit({ clock, limitMs: 1, graceMs: 1, ended: signal });
    const seen: string[] = [];
    const storing = rejectedAt(limit.signal).catch((error: { code: string }) => {
      seen.push(error.code, String(limit.isCutShort));
    });
    assert.equal(await limit.begin(), true);
    await storing;
    assert.deepEqual(seen, ["ETIMEDOUT", "false"]);
    assert.equal(limit.isCutShort, true);
  });

  it("is nothing to a stop that ends before, and begins once", async () => {
    const ended = new AbortController();
    const limit = new StopLimit({ clock, limitMs: 60_000, graceMs: 1, ended: ended.signal });
    const begun = limit.begin();
    assert.equal(await limit.begin(), false);
    ended.abort(new Error("the stop has ended"));
    assert.equal(await begun, false);
    assert.equal(limit.isCutShort, false);
    assert.equal(limit.signal.aborted, false);
  });
});
