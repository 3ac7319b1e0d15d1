/**
 * So many units a second, with a burst. What is taken may exceed what is there: the bucket then is in debt, and
 * whoever comes next waits until it is paid. So nothing is too large to pass, and those who wait go in order.
 */
import type { Clock } from "../core/clock.ts";
import { assert } from "../core/assert.ts";

export class TokenBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledMs: number;

  /** `burst` is what can be taken at once after a pause. */
  constructor(options: {
    readonly clock: Clock;
    readonly perSecond: number;
    readonly burst: number;
  }) {
    assert(options.perSecond > 0 && options.burst > 0, "a token bucket lets something through");
    this.#clock = options.clock;
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#tokens = options.burst;
    this.#filledMs = options.clock.monotonicMs();
  }

  /** Resolves when the bucket has paid for those before and for this. An abort gives the units back. */
  async take(count: number, signal?: AbortSignal): Promise<void> {
    this.charge(count);
    if (this.#tokens >= 0) return;
    try {
      await this.#clock.sleep((-this.#tokens / this.#perSecond) * 1000, signal);
    } catch (error) {
      this.refund(count);
      throw error;
    }
  }

  /** Takes without waiting: for what is known only afterwards. */
  charge(count: number): void {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#filledMs) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained) - count;
    this.#filledMs = nowMs;
  }

  /** Gives back what was taken and not used. */
  refund(count: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + count);
  }
}
