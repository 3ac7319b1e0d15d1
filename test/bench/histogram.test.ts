import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Histogram } from "../../bench/support/histogram.ts";

describe("a histogram of latencies", () => {
  it("finds a quantile within 5 %", () => {
    const histogram = new Histogram();
    for (let us = 1; us <= 1000; us++) histogram.add(us);
    for (const share of [0.1, 0.5, 0.99]) {
      const found = histogram.quantile(share);
      assert.ok(Math.abs(found / (share * 1000) - 1) < 0.05, `${share}: ${found}`);
    }
    assert.equal(histogram.quantile(1), 1000);
    assert.equal(histogram.count, 1000);
  });

  it("adds up those of several threads", () => {
    const [one, other] = [new Histogram(), new Histogram()];
    one.add(10);
    other.add(1e9);
    one.merge(other);
    assert.equal(one.count, 2);
    assert.equal(one.maxUs, 1e9);
  });

  it("takes what no clock can measure", () => {
    const histogram = new Histogram();
    histogram.add(0);
    assert.equal(histogram.count, 1);
    assert.equal(histogram.quantile(0.5), 0);
  });
});
