/**
 * How long the engine looks for the next request before it sleeps.
 *
 * Waking a thread on an idle virtual CPU costs about 40 us, more than most requests; looking again for that long
 * is cheaper when the next request is near, and steals the client's own CPU when there is no other. So the window
 * grows when requests come within it and shrinks when they do not; after misses in a row looking is left off for a
 * while, twice as long each time; and with one CPU it is never done.
 */

/** The window a session starts with: a little above the cost of a wake-up. */
const WINDOW_START_MS = 0.05;
/** Past this, sleeping wastes less than looking. */
const WINDOW_MAX_MS = 0.1;
/** Below this a window holds a single look and is not worth one. */
const WINDOW_MIN_MS = 0.01;
/** What a hit adds; ten of them go from nothing to the most. */
const WINDOW_STEP_MS = 0.01;
/** Sleeps without looking after the window has shrunk to nothing, at first and at most. */
const PAUSE_MIN = 8;
const PAUSE_MAX = 4096;
/** A sleep up to this long (the window, and the wake-up itself) says that looking might have found the request. */
const SLEEP_SHORT_MS = 0.15;
/** A changed affinity mask (taskset on a running process) is seen within this. */
const CPU_CHECK_INTERVAL_MS = 1000;

export class AdaptivePolling {
  readonly #cpuCount: () => number;
  #windowMs = WINDOW_START_MS;
  /** Sleeps still to go before looking is tried again. */
  #pause = 0;
  #pauseNext: number = PAUSE_MIN;
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  #allowed = false;

  /** `cpuCount` says how many CPUs the thread may run on; asked about once a second. */
  constructor(cpuCount: () => number) {
    this.#cpuCount = cpuCount;
  }

  /** How long to look from now on, in milliseconds; 0 is not at all. Asked when the last request has been answered. */
  window(nowMs: number): number {
    if (nowMs - this.#checkedAtMs >= CPU_CHECK_INTERVAL_MS) {
      this.#checkedAtMs = nowMs;
      this.#allowed = this.#cpuCount() > 1;
    }
    if (!this.#allowed || this.#pause > 0) return 0;
    return this.#windowMs;
  }

  /** A request came while we looked. */
  hit(): void {
    this.#windowMs = Math.min(WINDOW_MAX_MS, this.#windowMs + WINDOW_STEP_MS);
    this.#pauseNext = PAUSE_MIN;
  }

  /** None came; a sleep follows. */
  miss(): void {
    this.#windowMs /= 2;
    if (this.#windowMs >= WINDOW_MIN_MS) return;
    this.#pause = this.#pauseNext;
    this.#pauseNext = Math.min(PAUSE_MAX, this.#pauseNext * 2);
    this.#windowMs = WINDOW_START_MS;
  }

  /** A sleep of that many milliseconds ended with a request. Only short ones say that looking could have found it. */
  slept(ms: number): void {
    if (this.#pause > 0 && ms < SLEEP_SHORT_MS) this.#pause--;
  }
}
