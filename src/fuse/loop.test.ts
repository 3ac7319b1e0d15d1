import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Clock } from "../core/clock.ts";
import { ERRNO } from "../core/fs-error.ts";
import { MemoryChannel } from "./channel.ts";
import { newLoopStatistics, runLoop, type LoopOptions, type LoopStatistics } from "./loop.ts";

/** Advances 5 us at every look, like a clock that somebody reads in a loop. */
class StepClock implements Clock {
  ms = 0;
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    this.ms += 0.005;
    return this.ms;
  }
  realtime(): void {}
  sleep(): Promise<void> {
    return Promise.resolve();
  }
}

interface World {
  readonly channel: MemoryChannel;
  readonly clock: StepClock;
  readonly statistics: LoopStatistics;
  readonly log: string[];
  /** Run at each sleep, by number; after the last the device is unmounted. */
  readonly sleeps: (() => void)[];
  rings: number;
}

function makeWorld(): World {
  return {
    channel: new MemoryChannel(),
    clock: new StepClock(),
    statistics: newLoopStatistics(),
    log: [],
    sleeps: [],
    rings: 0,
  };
}

function run(world: World, options: Partial<LoopOptions> = {}): string {
  const { channel, clock, log, statistics } = world;
  return runLoop({
    channel,
    buffer: new Uint8Array(64),
    waiter: {
      wait: () => {
        log.push("sleep");
        clock.ms += 0.05;
        const next = world.sleeps.shift();
        if (next === undefined) channel.end = -ERRNO.ENODEV;
        else next();
      },
    },
    drainDoorbell: () => {
      if (world.rings === 0) return false;
      world.rings = 0;
      return true;
    },
    onRequest: (size) => log.push(`request ${size}`),
    onDoorbell: () => log.push("doorbell"),
    shouldStop: () => false,
    clock,
    cpuCount: () => 2,
    statistics,
    ...options,
  });
}

describe("the loop", () => {
  it("serves what waits in order, looks, sleeps, and ends when unmounted", () => {
    const world = makeWorld();
    world.channel.requests.push(new Uint8Array(41), new Uint8Array(42));
    assert.equal(run(world), "unmounted");
    assert.deepEqual(world.log, ["request 41", "request 42", "sleep"]);
    assert.equal(world.statistics.requests, 2);
    assert.equal(world.statistics.pollMisses, 1);
  });

  it("finds a request that comes within the window without sleeping", () => {
    const world = makeWorld();
    const arrival = 0.02;
    world.channel.requests.push(new Uint8Array(41));
    let late: Uint8Array | undefined = new Uint8Array(42);
    const channel = {
      read: (into: Uint8Array): number => {
        if (late !== undefined && world.clock.ms > arrival) {
          world.channel.requests.push(late);
          late = undefined;
        }
        return world.channel.read(into);
      },
      write: () => 0,
    };
    run(world, { channel });
    assert.deepEqual(world.log, ["request 41", "request 42", "sleep"]);
    assert.equal(world.statistics.pollHits, 1);
  });

  it("sleeps at once with one CPU", () => {
    const world = makeWorld();
    world.channel.requests.push(new Uint8Array(41));
    run(world, { cpuCount: () => 1 });
    assert.equal(world.statistics.pollMisses, 0);
    assert.equal(world.statistics.sleeps, 1);
  });

  it("answers the doorbell when the device is empty", () => {
    const world = makeWorld();
    world.sleeps.push(() => {
      world.rings = 3;
    });
    run(world);
    assert.deepEqual(world.log, ["sleep", "doorbell", "sleep"]);
    assert.equal(world.statistics.doorbells, 1);
  });

  it("answers the doorbell however busy the device is", () => {
    const world = makeWorld();
    world.rings = 1;
    for (let i = 0; i < 200; i++) world.channel.requests.push(new Uint8Array(41));
    run(world);
    assert.ok(world.log.indexOf("doorbell") < 40, `at ${world.log.indexOf("doorbell")}`);
  });

  it("answers the doorbell while it looks at an empty device", () => {
    const world = makeWorld();
    world.rings = 1;
    // A clock that stands still: the window never ends by itself.
    const clock = { ...world.clock, monotonicMs: () => 0 } as unknown as Clock;
    const shouldStop = (): boolean => world.log.length > 0;
    assert.equal(run(world, { clock, shouldStop }), "stopped");
    assert.deepEqual(world.log, ["doorbell"]);
  });

  it("does not ask the doorbell after a sleep that says it did not ring", () => {
    const world = makeWorld();
    let asked = 0;
    const drainDoorbell = (): boolean => ++asked < 0;
    const sleeps = [false, false, true];
    const waiter = { wait: (): unknown => sleeps.shift() };
    run(world, { waiter, drainDoorbell, cpuCount: () => 1, shouldStop: () => sleeps.length === 0 });
    assert.equal(asked, 1);
  });

  it("says once after each request that the device is empty, before it looks again", () => {
    const world = makeWorld();
    world.channel.requests.push(new Uint8Array(41));
    world.sleeps.push(() => world.channel.requests.push(new Uint8Array(42)));
    run(world, { onEmpty: () => world.log.push("empty") < 0 });
    assert.deepEqual(world.log, ["request 41", "empty", "sleep", "request 42", "empty", "sleep"]);
  });

  it("looks for a whole window after the empty device let somebody be answered", () => {
    const world = makeWorld();
    world.channel.requests.push(new Uint8Array(41));
    let left = 1;
    const onEmpty = (): boolean => {
      world.log.push("empty");
      // A flush: longer than any window.
      world.clock.ms += 1;
      return left-- > 0;
    };
    run(world, { onEmpty });
    assert.deepEqual(world.log, ["request 41", "empty", "empty", "sleep"]);
  });

  it("takes EAGAIN, ENOENT and EINTR for nothing, and stops when told", () => {
    const world = makeWorld();
    let reads = 0;
    const answers = [-ERRNO.ENOENT, -ERRNO.EINTR, 40];
    const channel = {
      read: () => answers[reads++] ?? -ERRNO.EAGAIN,
      write: () => 0,
    };
    const shouldStop = (): boolean => world.log.includes("sleep");
    assert.equal(run(world, { channel, shouldStop }), "stopped");
    assert.deepEqual(world.log, ["request 40", "sleep"]);
  });

  it("throws at an error it does not know", () => {
    const world = makeWorld();
    world.channel.end = -ERRNO.EFAULT;
    assert.throws(() => run(world), { code: "EFAULT" });
  });

  it("calls the hook before every read into a buffer that held a request", () => {
    const world = makeWorld();
    world.channel.requests.push(new Uint8Array(41), new Uint8Array(42));
    run(world, { beforeRead: () => world.log.push("zero") });
    assert.deepEqual(world.log, ["zero", "request 41", "zero", "request 42", "zero", "sleep"]);
  });

  it("tells that it is idle before it sleeps", () => {
    const world = makeWorld();
    run(world, { onIdle: () => world.log.push("idle") });
    assert.deepEqual(world.log, ["idle", "sleep"]);
  });
});
