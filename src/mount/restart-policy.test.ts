import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RestartPolicy } from "./restart-policy.ts";

const KILLED = { lifeMs: 100, answered: 1 };
const FRUITLESS = { lifeMs: 10, answered: 0 };

describe("RestartPolicy", () => {
  it("starts again at once, a hundred times, as long as each life answered something", () => {
    const policy = new RestartPolicy();
    for (let i = 0; i < 100; i++)
      assert.deepEqual(policy.died(KILLED), { kind: "restart", waitMs: 0 });
  });

  it("excuses the first fruitless death, waits longer from then on, and gives up", () => {
    const policy = new RestartPolicy();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const decision = policy.died(FRUITLESS);
      assert.equal(decision.kind, "restart");
      if (decision.kind === "restart") waits.push(decision.waitMs);
    }
    assert.deepEqual(waits, [0, 50, 100, 200, 400, 800, 1600, 3200, 6400]);
    const last = policy.died(FRUITLESS);
    assert.equal(last.kind, "give-up");
    assert.match(last.kind === "give-up" ? last.reason : "", /10 times in sequence/);
  });

  it("forgets fruitless deaths once something was answered or a life was long", () => {
    const policy = new RestartPolicy({ fruitlessMax: 3 });
    for (const between of [KILLED, { lifeMs: 30_000, answered: 0 }]) {
      for (let round = 0; round < 5; round++) {
        assert.equal(policy.died(FRUITLESS).kind, "restart");
        assert.equal(policy.died(FRUITLESS).kind, "restart");
        assert.equal(policy.died(between).kind, "restart");
      }
    }
  });

  it("gives up on one that goes on dying though it answers, and starts afresh when told", () => {
    const policy = new RestartPolicy({ shortMax: 5 });
    for (let i = 0; i < 4; i++) assert.equal(policy.died(KILLED).kind, "restart");
    assert.equal(policy.died(KILLED).kind, "give-up");
    policy.reset();
    assert.equal(policy.died(KILLED).kind, "restart");
  });
});
