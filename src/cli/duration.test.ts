import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatClock, formatDuration, formatInstant } from "./duration.ts";

describe("a span of time", () => {
  it("has two units at most", () => {
    const expected: readonly (readonly [number, string])[] = [
      [0, "0.0 s"],
      [840, "0.8 s"],
      [9949, "9.9 s"],
      [9950, "10 s"],
      [59_499, "59 s"],
      [59_500, "1 min"],
      [150_000, "2 min 30 s"],
      [7_500_000, "2 h 5 min"],
      [3 * 86_400_000 + 4 * 3_600_000, "3 d 4 h"],
    ];
    for (const [ms, text] of expected) assert.equal(formatDuration(ms), text);
  });
});

describe("an instant", () => {
  it("is given in local time", () => {
    const ms = new Date(2026, 2, 1, 4, 3, 2, 41).getTime();
    assert.equal(formatInstant(ms), "2026-03-01 04:03:02");
    assert.equal(formatClock(ms), "04:03:02.041");
  });
});
