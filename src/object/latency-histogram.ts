/** How long calls took, in buckets: fixed memory, and percentiles good to the width of a bucket. */

/** Upper bounds in milliseconds, each included; the last bucket holds what is longer. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000,
];

export interface LatencySnapshot {
  /** One more than LATENCY_BOUNDS_MS: how many fell into each bucket. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
}

export class LatencyHistogram {
  readonly #counts = Array.from({ length: LATENCY_BOUNDS_MS.length + 1 }, () => 0);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  add(ms: number): void {
    let index = 0;
    while (index < LATENCY_BOUNDS_MS.length && ms > LATENCY_BOUNDS_MS[index]!) index++;
    this.#counts[index]!++;
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** A copy. */
  snapshot(): LatencySnapshot {
    return {
      counts: [...this.#counts],
      count: this.#count,
      sumMs: this.#sumMs,
      maxMs: this.#maxMs,
    };
  }
}

/** The bound below which `fraction` (0 to 1) of the calls lie; the longest call for the last bucket; 0 without calls. */
export function quantileMs(latency: LatencySnapshot, fraction: number): number {
  if (latency.count === 0) return 0;
  const wanted = Math.max(1, Math.ceil(latency.count * fraction));
  let seen = 0;
  for (const [index, count] of latency.counts.entries()) {
    seen += count;
    if (seen >= wanted) return Math.min(LATENCY_BOUNDS_MS[index] ?? latency.maxMs, latency.maxMs);
  }
  return latency.maxMs;
}
