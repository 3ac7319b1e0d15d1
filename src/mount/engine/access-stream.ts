/** Hands the engine's access records to whoever listens; the engine watches only while there is a listener. */
import type { AccessEntry } from "./engine-link.ts";

export class AccessStream {
  readonly #setObserved: (on: boolean) => Promise<unknown>;
  readonly #listeners = new Set<(records: readonly AccessEntry[]) => void>();

  constructor(setObserved: (on: boolean) => Promise<unknown>) {
    this.#setObserved = setObserved;
  }

  /** Calls `listener` for every batch until aborted. */
  async follow(
    signal: AbortSignal,
    listener: (records: readonly AccessEntry[]) => void,
  ): Promise<void> {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) await this.#setObserved(true);
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) await this.#setObserved(false);
  }

  receive(records: readonly AccessEntry[]): void {
    for (const listener of this.#listeners) listener(records);
  }
}
