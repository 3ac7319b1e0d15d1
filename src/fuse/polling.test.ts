import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AdaptivePolling } from "./polling.ts";

describe("adaptive polling", () => {
  it("starts with a window of 50 us and grows to 100 us and no further", () => {
    const polling = new AdaptivePolling(() => 2);
    assert.equal(polling.window(0), 0.05);
    for (let i = 0; i < 100; i++) polling.hit();
    assert.equal(polling.window(0), 0.1);
  });

  it("shrinks on misses, then pauses, and tries again after short sleeps", () => {
    const polling = new AdaptivePolling(() => 2);
    for (let i = 0; i < 3; i++) polling.miss();
    assert.equal(polling.window(0), 0);
    for (let i = 0; i < 8; i++) polling.slept(0.05);
    assert.ok(polling.window(0) > 0);
  });

  it("pauses twice as long each time, until a hit", () => {
    const polling = new AdaptivePolling(() => 2);
    const pauses: number[] = [];
    for (let round = 0; round < 3; round++) {
      while (polling.window(0) > 0) polling.miss();
      let pause = 0;
      for (; polling.window(0) === 0; pause++) polling.slept(0.05);
      pauses.push(pause);
    }
    assert.deepEqual(pauses, [8, 16, 32]);
    polling.hit();
    while (polling.window(0) > 0) polling.miss();
    for (let i = 0; i < 8; i++) polling.slept(0.05);
    assert.ok(polling.window(0) > 0);
  });

  it("takes long sleeps for no reason to look again", () => {
    const polling = new AdaptivePolling(() => 2);
    while (polling.window(0) > 0) polling.miss();
    for (let i = 0; i < 1000; i++) polling.slept(5);
    assert.equal(polling.window(0), 0);
  });

  it("never looks with one CPU, and asks again after a second", () => {
    let cpuCount = 1;
    const polling = new AdaptivePolling(() => cpuCount);
    assert.equal(polling.window(0), 0);
    cpuCount = 2;
    assert.equal(polling.window(999), 0);
    assert.ok(polling.window(1000) > 0);
  });
});
