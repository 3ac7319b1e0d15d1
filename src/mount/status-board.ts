/**
 * What the engine says of itself without being asked: a supervisor reads it while the engine is busy, and after it died.
 *
 * Layout, little-endian, offsets from the page's start:
 *    0 u32 state (EngineState)   64 f64 counters, indexed by Counter; each is one aligned store, so it is never torn
 */

export const EngineState = {
  /** The process is there; nothing is open yet. */
  NONE: 0,
  LOADED: 1,
  RECOVERING: 2,
  SERVING: 3,
  DRAINING: 4,
  DRAINED: 5,
  FAILED: 6,
} as const;

export type EngineStateName = keyof typeof EngineState;

/** Index of each counter; new ones go at the end. */
export const Counter = {
  /** Requests read, and answers sent, since the mount began. The supervisor takes an answer as a sign of life. */
  requests: 0,
  replies: 1,
  errors: 2,
  /** Records replayed and milliseconds spent by the last recovery. */
  recoveredRecords: 3,
  recoveryMs: 4,
  journalBytes: 5,
  /** Acknowledged bytes that no cut has planned yet, and planned ones not yet in the store. */
  dirtyBytes: 6,
  pendingBytes: 7,
  /** Bytes and age of what would be lost if this machine were lost now. */
  atRiskBytes: 8,
  atRiskSinceMs: 9,
  cutTxid: 10,
  shippedTxid: 11,
  shippedAtMs: 12,
  stagedBytes: 13,
  cacheBytes: 14,
  parkedWriters: 15,
  deferredRequests: 16,
  fenced: 17,
} as const;

export type CounterName = keyof typeof Counter;

const COUNTERS_AT = 64;
/** Room for twice as many as there are; the rest of the page stays zero. */
const COUNTER_COUNT = 48;
const NAMES = Object.keys(Counter) as CounterName[];
const STATE_NAMES = Object.keys(EngineState) as EngineStateName[];

export class StatusBoard {
  readonly #words: Uint32Array;
  readonly #counters: Float64Array;

  constructor(buffer: ArrayBuffer, at: number) {
    this.#words = new Uint32Array(buffer, at, 1);
    this.#counters = new Float64Array(buffer, at + COUNTERS_AT, COUNTER_COUNT);
  }

  /** `state` is one of EngineState. */
  setState(state: number): void {
    Atomics.store(this.#words, 0, state);
  }

  get state(): EngineStateName | "UNKNOWN" {
    return STATE_NAMES[Atomics.load(this.#words, 0)] ?? "UNKNOWN";
  }

  /** `counter` is one of Counter. */
  set(counter: number, value: number): void {
    this.#counters[counter] = value;
  }

  add(counter: number, more: number): void {
    this.#counters[counter]! += more;
  }

  get(counter: number): number {
    return this.#counters[counter]!;
  }

  /** All counters by name; one that is no finite number is left out. */
  snapshot(): Partial<Record<CounterName, number>> {
    const result: Partial<Record<CounterName, number>> = {};
    for (const name of NAMES) {
      const value = this.#counters[Counter[name]]!;
      if (Number.isFinite(value)) result[name] = value;
    }
    return result;
  }
}
