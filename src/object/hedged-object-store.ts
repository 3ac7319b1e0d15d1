/**
 * Asks a second time when a read takes longer than nearly all others do, and takes the answer that comes first.
 *
 * Stores answer most reads in tens of milliseconds and a few in seconds; those few are what an application waits for.
 * Both requests begin after the call, so either answer is one the call may have. Reads alone are asked twice: a write
 * that is sent twice would have to be settled. A budget keeps the second requests to a twentieth of the reads, so that a
 * store which has become slow altogether is not asked for twice as much.
 * Source: Dean and Barroso, "The Tail at Scale", 2013 (hedged requests).
 */
import type { Clock } from "../core/clock.ts";
import { LatencyHistogram, quantileMs } from "./latency-histogram.ts";
import type {
  CallOptions,
  CreateOutcome,
  ListOptions,
  ListPage,
  ObjectInfo,
  ObjectStore,
  RangeOptions,
  StoreCapabilities,
  SwapOutcome,
} from "./object-store.ts";

/** What a read must exceed to be asked for again. */
const QUANTILE = 0.95;
/** A delay from fewer reads would be chance. */
const SAMPLE_COUNT_MIN = 20;
/** After so many reads the older half of what is known is forgotten. */
const SAMPLE_COUNT_MAX = 1000;
/** Before there are enough samples: longer than a read of any healthy store. */
const DELAY_UNKNOWN_MS = 1000;
/** A second request sooner than this costs more than it can save. */
const DELAY_MIN_MS = 10;
/** Of a second request, for each read. */
const BUDGET_GAIN = 0.05;
/** Second requests in a row, at most. */
const BUDGET_MAX = 8;
/** Ranges up to this length take about as long as each other: the round trip decides. */
const SMALL_SIZE: number = 256 * 1024;

export interface HedgedObjectStoreOptions {
  readonly clock: Clock;
}

type ReadClass = "head" | "small" | "large";

export class HedgedObjectStore implements ObjectStore, AsyncDisposable {
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  readonly #inner: ObjectStore;
  readonly #clock: Clock;
  readonly #latencies: Readonly<Record<ReadClass, RecentLatency>> = {
    head: new RecentLatency(),
    small: new RecentLatency(),
    large: new RecentLatency(),
  };
  #budget = BUDGET_MAX;

  /** Owns `inner` from here on: closing this closes it. */
  constructor(inner: ObjectStore, options: HedgedObjectStoreOptions) {
    this.url = inner.url;
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#clock = options.clock;
  }

  async create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome> {
    return this.#inner.create(key, body, options);
  }

  async createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome> {
    return this.#inner.createFromFile(key, path, options);
  }

  async swap(
    key: string,
    tag: string,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<SwapOutcome> {
    return this.#inner.swap(key, tag, body, options);
  }

  async get(
    key: string,
    options?: CallOptions,
  ): Promise<{ body: Uint8Array; tag: string } | undefined> {
    return this.#read("large", options, (attempt) => this.#inner.get(key, attempt));
  }

  async getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined> {
    const readClass = options.length > SMALL_SIZE ? "large" : "small";
    return this.#read(readClass, options, (attempt) =>
      this.#inner.getRange(key, { ...options, ...attempt }),
    );
  }

  async head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    return this.#read("head", options, (attempt) => this.#inner.head(key, attempt));
  }

  async list(options: ListOptions): Promise<ListPage> {
    return this.#inner.list(options);
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    return this.#inner.delete(key, options);
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.#inner.deleteMany(keys, options);
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read<T>(
    readClass: ReadClass,
    options: CallOptions | undefined,
    attempt: (options: { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    options?.signal?.throwIfAborted();
    const latency = this.#latencies[readClass];
    const startedMs = this.#clock.monotonicMs();
    this.#budget = Math.min(BUDGET_MAX, this.#budget + BUDGET_GAIN);
    const over = new AbortController();
    const signals = [over.signal, ...(options?.signal === undefined ? [] : [options.signal])];
    const signal = AbortSignal.any(signals);
    try {
      const first = attempt({ signal });
      const isLate = await this.#isLate(first, latency.delayMs(), signal);
      const answer =
        isLate && this.#spend() ? await either(first, attempt({ signal })) : await first;
      latency.add(this.#clock.monotonicMs() - startedMs);
      return answer;
    } finally {
      // Ends the other request, or the wait for it.
      over.abort(new DOMException("another request was answered first", "AbortError"));
    }
  }

  /** True when `first` has not settled within `delayMs`. */
  async #isLate(first: Promise<unknown>, delayMs: number, signal: AbortSignal): Promise<boolean> {
    const settled = new AbortController();
    const done = async (): Promise<boolean> => {
      try {
        await first;
      } catch {
        // The caller awaits it as well, and throws.
      }
      settled.abort();
      return false;
    };
    const late = async (): Promise<boolean> => {
      try {
        await this.#clock.sleep(delayMs, AbortSignal.any([settled.signal, signal]));
        return true;
      } catch {
        return false;
      }
    };
    return Promise.race([done(), late()]);
  }

  #spend(): boolean {
    if (this.#budget < 1) return false;
    this.#budget -= 1;
    return true;
  }
}

/** How long reads of one class took lately. */
class RecentLatency {
  #older = new LatencyHistogram();
  #newer = new LatencyHistogram();
  #count = 0;

  add(ms: number): void {
    this.#newer.add(ms);
    if (++this.#count < SAMPLE_COUNT_MAX / 2) return;
    this.#older = this.#newer;
    this.#newer = new LatencyHistogram();
    this.#count = 0;
  }

  delayMs(): number {
    const known = [this.#older.snapshot(), this.#newer.snapshot()].filter(({ count }) => count > 0);
    const count = known.reduce((sum, latency) => sum + latency.count, 0);
    if (count < SAMPLE_COUNT_MIN) return DELAY_UNKNOWN_MS;
    return Math.max(DELAY_MIN_MS, ...known.map((latency) => quantileMs(latency, QUANTILE)));
  }
}

/** The first that succeeds; when both fail, the first request's error. */
async function either<T>(first: Promise<T>, second: Promise<T>): Promise<T> {
  try {
    return await Promise.any([first, second]);
  } catch (error) {
    throw error instanceof AggregateError ? error.errors[0] : error;
  }
}
