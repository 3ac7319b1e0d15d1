/**
 * A get that is on its way and that any number of readers wait for.
 *
 * Each waits under its own signal; the get itself is aborted when the last of them has gone, and from then on covers
 * nothing, so that nobody joins it. It begins with no waiter: whoever launches one waits for it.
 */
export class Flight {
  /** Units fetched, the end exclusive. */
  readonly first: number;
  readonly end: number;
  /** True when the bytes are stored, false when there was no room for them. */
  readonly done: Promise<boolean>;
  readonly #controller = new AbortController();
  #waiterCount = 0;

  constructor(first: number, end: number, run: (signal: AbortSignal) => Promise<boolean>) {
    this.first = first;
    this.end = end;
    this.done = run(this.#controller.signal);
  }

  get unitCount(): number {
    return this.end - this.first;
  }

  /** Whether it brings any of these units. */
  touches(first: number, end: number): boolean {
    return this.first < end && first < this.end && !this.#controller.signal.aborted;
  }

  abort(): void {
    this.#controller.abort();
  }

  /** Resolves as `done`; rejects with what the get rejects with, or with the signal's reason. */
  async wait(signal: AbortSignal | undefined): Promise<boolean> {
    this.#waiterCount++;
    try {
      return signal === undefined ? await this.done : await raceAbort(this.done, signal);
    } finally {
      this.#waiterCount--;
      if (this.#waiterCount === 0) this.#controller.abort();
    }
  }
}

async function raceAbort<T>(done: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([done, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
