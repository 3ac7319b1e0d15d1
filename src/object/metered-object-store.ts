/**
 * Counts what is asked of a store: calls and errors by method, requests by the class a provider bills them in, bytes
 * each way, latencies. Wrapped around a driver it sees every attempt, wrapped around retries what callers see.
 */
import type { Clock } from "../core/clock.ts";
import { LatencyHistogram, type LatencySnapshot } from "./latency-histogram.ts";
import { localFileSize } from "./local-file.ts";
import {
  ObjectStoreError,
  type CallOptions,
  type CreateOutcome,
  type ListOptions,
  type ListPage,
  type ObjectInfo,
  type ObjectStore,
  type RangeOptions,
  type StoreCapabilities,
  type SwapOutcome,
} from "./object-store.ts";
import { STORE_METHODS, type StoreMethod } from "./store-method.ts";

/** As Amazon S3 bills: PUT, COPY, POST; LIST at the same price; GET, HEAD; DELETE, which is free. */
export type RequestClass = "write" | "list" | "read" | "delete";

export interface MethodMetrics {
  readonly count: number;
  readonly errorCount: number;
  /** Of the errors, those that may be retried. */
  readonly retryableCount: number;
  /** Answers that are no error but "no such key", "it exists" or "another tag". */
  readonly missCount: number;
  /** Of all calls, failed ones included. */
  readonly latency: LatencySnapshot;
}

export interface StoreMetrics {
  readonly methods: Readonly<Record<StoreMethod, MethodMetrics>>;
  readonly requestCounts: Readonly<Record<RequestClass, number>>;
  /** Bytes of bodies whose call was answered, also those the store then refused. */
  readonly uploadSize: number;
  readonly downloadSize: number;
  readonly inFlightCount: number;
}

const CLASS_OF: Readonly<Record<StoreMethod, RequestClass>> = {
  create: "write",
  createFromFile: "write",
  swap: "write",
  get: "read",
  getRange: "read",
  head: "read",
  list: "list",
  delete: "delete",
  deleteMany: "delete",
};

interface Meter {
  count: number;
  errorCount: number;
  retryableCount: number;
  missCount: number;
  readonly latency: LatencyHistogram;
}

export class MeteredObjectStore implements ObjectStore, AsyncDisposable {
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  readonly #inner: ObjectStore;
  readonly #clock: Clock;
  readonly #meters: ReadonlyMap<StoreMethod, Meter>;
  #uploadSize = 0;
  #downloadSize = 0;
  #inFlightCount = 0;

  /** Owns `inner` from here on: closing this closes it. */
  constructor(inner: ObjectStore, options: { readonly clock: Clock }) {
    this.url = inner.url;
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#clock = options.clock;
    this.#meters = new Map(STORE_METHODS.map((method) => [method, newMeter()]));
  }

  /** A copy of the counts as they are now. */
  metrics(): StoreMetrics {
    const methods: Partial<Record<StoreMethod, MethodMetrics>> = {};
    const requestCounts: Record<RequestClass, number> = { write: 0, list: 0, read: 0, delete: 0 };
    for (const [method, meter] of this.#meters) {
      methods[method] = { ...meter, latency: meter.latency.snapshot() };
      requestCounts[CLASS_OF[method]] += meter.count;
    }
    return {
      methods: methods as Record<StoreMethod, MethodMetrics>,
      requestCounts,
      uploadSize: this.#uploadSize,
      downloadSize: this.#downloadSize,
      inFlightCount: this.#inFlightCount,
    };
  }

  async create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome> {
    return this.#measure("create", async (meter) => {
      const outcome = await this.#inner.create(key, body, options);
      this.#uploadSize += body.length;
      if (!outcome.created) meter.missCount++;
      return outcome;
    });
  }

  async createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome> {
    const size = await localFileSize(path);
    return this.#measure("createFromFile", async (meter) => {
      const outcome = await this.#inner.createFromFile(key, path, options);
      this.#uploadSize += size;
      if (!outcome.created) meter.missCount++;
      return outcome;
    });
  }

  async swap(
    key: string,
    tag: string,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<SwapOutcome> {
    return this.#measure("swap", async (meter) => {
      const outcome = await this.#inner.swap(key, tag, body, options);
      this.#uploadSize += body.length;
      if (!outcome.swapped) meter.missCount++;
      return outcome;
    });
  }

  async get(
    key: string,
    options?: CallOptions,
  ): Promise<{ body: Uint8Array; tag: string } | undefined> {
    return this.#measure("get", async (meter) => {
      const found = await this.#inner.get(key, options);
      if (found === undefined) meter.missCount++;
      else this.#downloadSize += found.body.length;
      return found;
    });
  }

  async getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined> {
    return this.#measure("getRange", async (meter) => {
      const found = await this.#inner.getRange(key, options);
      if (found === undefined) meter.missCount++;
      else this.#downloadSize += found.length;
      return found;
    });
  }

  async head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    return this.#measure("head", async (meter) => {
      const found = await this.#inner.head(key, options);
      if (found === undefined) meter.missCount++;
      return found;
    });
  }

  async list(options: ListOptions): Promise<ListPage> {
    return this.#measure("list", () => this.#inner.list(options));
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    return this.#measure("delete", () => this.#inner.delete(key, options));
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    return this.#measure("deleteMany", () => this.#inner.deleteMany(keys, options));
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #measure<T>(method: StoreMethod, call: (meter: Meter) => Promise<T>): Promise<T> {
    const meter = this.#meters.get(method)!;
    const beganMs = this.#clock.monotonicMs();
    meter.count++;
    this.#inFlightCount++;
    try {
      return await call(meter);
    } catch (error) {
      meter.errorCount++;
      if (error instanceof ObjectStoreError && error.retryable) meter.retryableCount++;
      throw error;
    } finally {
      this.#inFlightCount--;
      meter.latency.add(this.#clock.monotonicMs() - beganMs);
    }
  }
}

function newMeter(): Meter {
  return {
    count: 0,
    errorCount: 0,
    retryableCount: 0,
    missCount: 0,
    latency: new LatencyHistogram(),
  };
}
