/**
 * How many requests may be on their way to a store at once: halved when it asks for less, and grown again by one for
 * each round of requests that went well. Those who wait go in order; how many may wait is up to the callers, each of
 * which holds one place.
 * Source: additive increase, multiplicative decrease, as TCP's congestion avoidance (RFC 5681 section 3.1).
 */
import type { Clock } from "../../core/clock.ts";
import { assert } from "../../core/assert.ts";

/** A request of 20 ms and 64 at a time make 3,200 a second, near what one prefix of Amazon S3 takes in writes. */
const WINDOW_MAX = 64;
/** Work goes on, however slowly. */
const WINDOW_MIN = 2;
/** Refusals within this time after one belong to the same overload. */
const HALVING_PAUSE_MS = 1000;

export class RequestWindow {
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #size = WINDOW_MAX;
  #inFlightCount = 0;
  #halvedMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Requests that may be on their way now. */
  get size(): number {
    return Math.floor(this.#size);
  }

  /** Runs `work` when there is room. Throws the signal's reason when aborted while it waits. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#inFlightCount--;
      this.#admit();
    }
  }

  succeed(): void {
    this.#size = Math.min(WINDOW_MAX, this.#size + 1 / this.#size);
    this.#admit();
  }

  slowDown(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#halvedMs < HALVING_PAUSE_MS) return;
    this.#halvedMs = nowMs;
    this.#size = Math.max(WINDOW_MIN, this.#size / 2);
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#waiting.length === 0 && this.#inFlightCount < this.size) {
      this.#inFlightCount++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      const at = this.#waiting.indexOf(resolve);
      if (at < 0) return;
      this.#waiting.splice(at, 1);
      reject(signal?.reason as Error);
    };
    this.#waiting.push(resolve);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  #admit(): void {
    assert(this.#inFlightCount >= 0, "no request ends twice");
    while (this.#inFlightCount < this.size) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inFlightCount++;
      next();
    }
  }
}
