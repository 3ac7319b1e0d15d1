import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Flight } from "./flight.ts";

describe("flight", () => {
  it("covers its units until its last waiter has gone, and nothing from then on", async () => {
    const landing = Promise.withResolvers<boolean>();
    let aborted = false;
    const flight = new Flight(2, 4, (signal) => {
      signal.addEventListener("abort", () => {
        aborted = true;
      });
      return landing.promise;
    });
    assert.deepEqual(
      [
        [0, 2],
        [0, 3],
        [3, 9],
        [4, 9],
      ].map(([first, end]) => flight.touches(first!, end!)),
      [false, true, true, false],
    );
    const [one, two] = [new AbortController(), new AbortController()];
    const waits = [flight.wait(one.signal), flight.wait(two.signal)];
    one.abort(new Error("one"));
    await assert.rejects(waits[0]!, { message: "one" });
    assert.equal(aborted, false);
    assert.equal(flight.touches(2, 4), true);
    two.abort(new Error("two"));
    await assert.rejects(waits[1]!, { message: "two" });
    assert.equal(aborted, true);
    assert.equal(flight.touches(2, 4), false);
    landing.resolve(true);
    assert.equal(await flight.done, true);
  });

  it("does not wait under a signal that is already aborted", async () => {
    const flight = new Flight(0, 1, () => Promise.resolve(true));
    await assert.rejects(flight.wait(AbortSignal.abort(new Error("early"))), { message: "early" });
  });
});
