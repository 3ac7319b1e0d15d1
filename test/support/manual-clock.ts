/** A clock that stands still until it is moved; sleeping moves it. */
import { setImmediate } from "node:timers/promises";
import type { Clock, Timestamp } from "../../src/core/clock.ts";

export class ManualClock implements Clock {
  #ms: number;

  constructor(ms: number = 1_700_000_000_000) {
    this.#ms = ms;
  }

  advance(ms: number): void {
    this.#ms += ms;
  }

  nowMs(): number {
    return this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  realtime(into: Timestamp): void {
    into.sec = Math.floor(this.#ms / 1000);
    into.nsec = (this.#ms - into.sec * 1000) * 1_000_000;
  }

  /** Lets others have a turn, so that who sleeps for ever in small steps does not stop the process. */
  async sleep(ms: number): Promise<void> {
    this.advance(ms);
    await setImmediate();
  }
}
