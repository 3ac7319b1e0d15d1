/**
 * Keeps a store's use within rates: requests a second, and bytes a second each way.
 *
 * A call waits before it is made. What is read without its size being known (`get`) is paid for afterwards, by
 * whoever reads next. Bodies count, the few bytes around them do not. A local store links files in without moving
 * bytes, but counts them: the rate is for the disk too.
 */
import type { Clock } from "../core/clock.ts";
import { localFileSize } from "./local-file.ts";
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
import { TokenBucket } from "./token-bucket.ts";

/** Seconds' worth of a rate that may be used at once: smooths a cut's burst of packs without hiding the rate. */
const BURST_SECONDS = 1;

export interface ThrottledObjectStoreOptions {
  readonly clock: Clock;
  /** What is left out is not limited. */
  readonly requestsPerSecond?: number;
  readonly uploadBytesPerSecond?: number;
  readonly downloadBytesPerSecond?: number;
}

export class ThrottledObjectStore implements ObjectStore, AsyncDisposable {
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  readonly #inner: ObjectStore;
  readonly #requests: TokenBucket | undefined;
  readonly #upload: TokenBucket | undefined;
  readonly #download: TokenBucket | undefined;

  /** Owns `inner` from here on: closing this closes it. */
  constructor(inner: ObjectStore, options: ThrottledObjectStoreOptions) {
    const { clock } = options;
    this.url = inner.url;
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#requests = bucketOf(clock, options.requestsPerSecond);
    this.#upload = bucketOf(clock, options.uploadBytesPerSecond);
    this.#download = bucketOf(clock, options.downloadBytesPerSecond);
  }

  async create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome> {
    await this.#admit(options, body.length);
    return this.#inner.create(key, body, options);
  }

  async createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome> {
    await this.#admit(options, this.#upload === undefined ? 0 : await localFileSize(path));
    return this.#inner.createFromFile(key, path, options);
  }

  async swap(
    key: string,
    tag: string,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<SwapOutcome> {
    await this.#admit(options, body.length);
    return this.#inner.swap(key, tag, body, options);
  }

  async get(
    key: string,
    options?: CallOptions,
  ): Promise<{ body: Uint8Array; tag: string } | undefined> {
    await this.#admit(options, 0);
    await this.#download?.take(0, options?.signal);
    const found = await this.#inner.get(key, options);
    if (found !== undefined) this.#download?.charge(found.body.length);
    return found;
  }

  async getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined> {
    await this.#admit(options, 0);
    await this.#download?.take(0, options.signal);
    const found = await this.#inner.getRange(key, options);
    if (found !== undefined) this.#download?.charge(found.length);
    return found;
  }

  async head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    await this.#admit(options, 0);
    return this.#inner.head(key, options);
  }

  async list(options: ListOptions): Promise<ListPage> {
    await this.#admit(options, 0);
    return this.#inner.list(options);
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    await this.#admit(options, 0);
    return this.#inner.delete(key, options);
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    await this.#admit(options, 0);
    return this.#inner.deleteMany(keys, options);
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #admit(options: CallOptions | undefined, uploadSize: number): Promise<void> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    await this.#requests?.take(1, signal);
    if (uploadSize > 0) await this.#upload?.take(uploadSize, signal);
  }
}

function bucketOf(clock: Clock, perSecond: number | undefined): TokenBucket | undefined {
  if (perSecond === undefined) return undefined;
  return new TokenBucket({ clock, perSecond, burst: Math.max(1, perSecond * BURST_SECONDS) });
}
