/** Ends a request that waits too long: one deadline that moves with its progress, on the clock that is passed in. */
import type { Clock } from "../../core/clock.ts";
import { ObjectStoreError } from "../object-store.ts";

export class Watchdog implements AsyncDisposable {
  /** Rejects with ETIMEDOUT when the deadline has passed; otherwise never settles. */
  readonly expired: Promise<never>;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  readonly #onExpired: (reason: Error) => void;
  readonly #reject: (reason: Error) => void;
  #deadlineMs = Number.POSITIVE_INFINITY;
  #reason = "";
  #watching: Promise<void> | undefined;
  #wake = new AbortController();

  constructor(clock: Clock, onExpired: (reason: Error) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
    const { promise, reject } = Promise.withResolvers<never>();
    this.expired = promise;
    this.#reject = reject;
    promise.catch(() => {});
  }

  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** `reason` is what the error says if nothing re-arms within `ms`. */
  arm(ms: number, reason: string): void {
    const deadlineMs = this.nowMs() + ms;
    const isEarlier = deadlineMs < this.#deadlineMs;
    this.#deadlineMs = deadlineMs;
    this.#reason = reason;
    if (this.#watching === undefined) this.#watching = this.#watch();
    else if (isEarlier) this.#wake.abort();
  }

  /** Resolves after `ms`, or when the request is over. */
  async pause(ms: number): Promise<void> {
    try {
      await this.#clock.sleep(ms, this.#ended.signal);
    } catch {
      // The request is over: whoever waited has its outcome already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#wake.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      const leftMs = this.#deadlineMs - this.nowMs();
      if (leftMs <= 0) {
        const error = new ObjectStoreError("ETIMEDOUT", this.#reason, { retryable: true });
        this.#reject(error);
        this.#onExpired(error);
        return;
      }
      this.#wake = new AbortController();
      try {
        await this.#clock.sleep(leftMs, this.#wake.signal);
      } catch {
        // Woken: the deadline moved to an earlier time, or the request is over.
      }
    }
  }
}
