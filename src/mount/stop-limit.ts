/**
 * The time that a stop has, from the signal on that asks for it: a shutdown, the end of a session, Ctrl-C.
 *
 * Storing may take `limitMs`. Then the mount goes, and the volume process has `graceMs` to end, for programs that still
 * use the mount and for its own last commit; then it is killed. Nothing is lost by either: what is not stored is in the
 * journal, and the next mount stores it. A stop that a person asked for by `shoal umount` has no limit but their own.
 */
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";

/** With twice the ten seconds of a detached mount behind it still before systemd kills (DefaultTimeoutStopSec, 90 s). */
const STOP_LIMIT_MS = 60_000;

export class StopLimit {
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #graceMs: number;
  readonly #ended: AbortSignal;
  readonly #over = new AbortController();
  #hasBegun = false;
  /** The stop took too long altogether. */
  isCutShort = false;

  constructor(options: {
    readonly clock: Clock;
    readonly limitMs: number | undefined;
    readonly graceMs: number;
    /** Aborted when the stop has come to its end. */
    readonly ended: AbortSignal;
  }) {
    this.#clock = options.clock;
    this.#limitMs = options.limitMs ?? STOP_LIMIT_MS;
    this.#graceMs = options.graceMs;
    this.#ended = options.ended;
  }

  /** Aborted when storing has had its time. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Resolves true when the stop must be cut short; false when it ended in time, or had begun before. */
  async begin(): Promise<boolean> {
    if (this.#hasBegun) return false;
    this.#hasBegun = true;
    if (await isOverAfter(this.#clock, this.#limitMs, this.#ended)) return false;
    this.#over.abort(new FsError("ETIMEDOUT", `not all was stored within ${this.#limitMs} ms`));
    if (await isOverAfter(this.#clock, this.#graceMs, this.#ended)) return false;
    this.isCutShort = true;
    return true;
  }
}

/** Waits; true when `signal` was aborted meanwhile. */
export async function isOverAfter(
  clock: Clock,
  waitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await clock.sleep(waitMs, signal);
    return false;
  } catch (error) {
    if (!signal.aborted) throw error;
    return true;
  }
}

/** Rejects with the signal's reason when that is aborted. */
export function rejectedAt(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  // Whoever races it has mostly ended first.
  promise.catch(() => {});
  return promise;
}
