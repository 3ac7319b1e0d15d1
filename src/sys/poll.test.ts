import assert from "node:assert/strict";
import { closeSync } from "node:fs";
import { describe, it } from "node:test";
import { createEventfd, drainEventfd, ringEventfd } from "./eventfd.ts";
import { closeFd } from "./fd.ts";
import { PollEvent, PollSet } from "./poll.ts";
import { createSocketPair } from "./socket.ts";

describe("a doorbell", () => {
  it("wakes who polls, once for all rings", () => {
    const bell = createEventfd();
    const silent = createEventfd();
    const scratch = new Uint8Array(8);
    const set = new PollSet([silent, bell]);
    assert.equal(set.wait(0), 0);
    assert.equal(drainEventfd(bell, scratch), false);
    ringEventfd(bell);
    ringEventfd(bell);
    assert.equal(set.wait(-1), 1);
    assert.deepEqual([set.events(0), set.events(1)], [0, PollEvent.IN]);
    assert.equal(drainEventfd(bell, scratch), true);
    assert.equal(drainEventfd(bell, scratch), false);
    assert.equal(set.wait(0), 0);
    closeSync(bell);
    closeSync(silent);
    assert.throws(() => ringEventfd(bell), { code: "EBADF" });
  });

  it("sees that the other side hung up", () => {
    const [one, other] = createSocketPair();
    const set = new PollSet([other]);
    closeFd(one);
    assert.equal(set.wait(1000), 1);
    assert.ok((set.events(0) & PollEvent.HUP) !== 0);
    closeFd(other);
    assert.equal(set.wait(0), 1);
    assert.ok((set.events(0) & PollEvent.NVAL) !== 0);
  });

  it("waits as long as told when nothing comes", () => {
    const bell = createEventfd();
    const startMs = performance.now();
    assert.equal(new PollSet([bell]).wait(30), 0);
    assert.ok(performance.now() - startMs >= 29);
    closeSync(bell);
  });
});
