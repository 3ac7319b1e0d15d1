import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { RequestWindow } from "./request-window.ts";

describe("RequestWindow", () => {
  it("lets so many run at once, and the others in order when those end", async () => {
    const window = new RequestWindow(new ManualClock());
    const { size } = window;
    const started: number[] = [];
    const ends: (() => void)[] = [];
    const all = Array.from({ length: size + 3 }, (_, index) =>
      window.run(() => {
        started.push(index);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    await setImmediate();
    assert.equal(started.length, size);
    for (let i = 0; i < 3; i++) {
      ends[i]!();
      await setImmediate();
      assert.equal(started.at(-1), size + i);
    }
    for (const end of ends) end();
    await Promise.all(all);
  });

  it("gives up a place in the queue on an abort, and takes no turn then", async () => {
    const window = new RequestWindow(new ManualClock());
    const ends: (() => void)[] = [];
    const running = Array.from({ length: window.size }, () =>
      window.run(() => new Promise<void>((resolve) => ends.push(resolve))),
    );
    const controller = new AbortController();
    let ran = false;
    const waiting = window.run(async () => {
      ran = true;
    }, controller.signal);
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(waiting, reason);
    for (const end of ends) end();
    await Promise.all(running);
    assert.equal(ran, false);
  });

  it("halves once for one overload, never below two, and grows again with success", () => {
    const clock = new ManualClock();
    const window = new RequestWindow(clock);
    const { size } = window;
    window.slowDown();
    window.slowDown();
    assert.equal(window.size, size / 2);
    for (let i = 0; i < 20; i++) {
      clock.advance(1000);
      window.slowDown();
    }
    assert.equal(window.size, 2);
    for (let i = 0; i < 10_000; i++) window.succeed();
    assert.equal(window.size, size);
  });
});
