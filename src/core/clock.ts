/** The only place that asks what time it is. Everything else is handed a Clock, so that a test can be one. */

export interface Timestamp {
  /** Whole seconds since 1970, negative before it. */
  sec: number;
  /** 0 to 999,999,999. */
  nsec: number;
}

export interface Clock {
  /** Wall-clock milliseconds since 1970; may jump. */
  nowMs(): number;
  /** Milliseconds that only grow; no meaning across processes. */
  monotonicMs(): number;
  /** Fills `into` with the wall clock in nanoseconds; allocates nothing. */
  realtime(into: Timestamp): void;
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The system's clock. Nanoseconds come from the monotonic clock on top of the wall clock, re-based when they drift by 1 ms. */
export class SystemClock implements Clock {
  #baseMs = Date.now();
  #baseMonotonicMs = performance.now();

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return performance.now();
  }

  realtime(into: Timestamp): void {
    const monotonicMs = performance.now();
    let ms = this.#baseMs + (monotonicMs - this.#baseMonotonicMs);
    const wallMs = Date.now();
    if (ms - wallMs > 1 || wallMs - ms > 1) {
      this.#baseMs = wallMs;
      this.#baseMonotonicMs = monotonicMs;
      ms = wallMs;
    }
    const sec = Math.floor(ms / 1000);
    into.sec = sec;
    into.nsec = Math.min(999_999_999, Math.max(0, Math.floor((ms - sec * 1000) * 1e6)));
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
