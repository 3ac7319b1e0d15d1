/**
 * Repeats calls that failed with a `retryable` error, and settles what a lost answer left open.
 *
 * Between attempts it waits at random up to a bound that doubles (full jitter); each attempt has a time-out that
 * grows with the bytes it moves; a budget shared by all calls keeps a store that is down from being asked many times over.
 *
 * An attempt that failed may have taken effect, or may do so later. So, after the first attempt of a call:
 * - create: "it exists" is compared byte by byte, and our own bytes count as created (invariant 6).
 * - swap: "another tag" is settled by reading, and our own bytes count as swapped. Whoever swaps makes the body of every
 *   call its own with a fresh nonce (rule C4), or it could take the equal body of another for its own. Other bytes prove
 *   nothing: ours may have been there and been replaced. That is ESTALE, not retryable: read, and decide anew.
 * - "it exists" and then nothing to read is unknown, and tried again (rule S2).
 * When it gives up, the error is retryable and the outcome unknown.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
 */
import type { Clock } from "../core/clock.ts";
import type { Prng } from "../core/prng.ts";
import { openLocalFile, localFileSize, type LocalFile } from "./local-file.ts";
import { checkRange } from "./object-key.ts";
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
import { RetryBudget } from "./retry-budget.ts";

/** Attempts of one call: with the delays below about 15 s of trouble are bridged; past that the caller decides. */
export const ATTEMPT_COUNT_MAX = 8;
/** The first delay is up to this long, the next up to twice as long, and so on. */
export const DELAY_FIRST_MS = 100;
/** A longer delay would leave a store that is back unused. */
export const DELAY_MAX_MS = 10_000;
/** One attempt without a body: stores answer in well under a second, connections take a few. */
export const TIMEOUT_MS = 20_000;
/** A body adds its size over this many bytes a second: slower links are as good as none. */
export const BYTES_PER_SECOND_MIN: number = 256 * 1024;
/** A range may be asked for as "to the end"; more than this no body takes. */
const TRANSFER_MAX_MS: number = 60 * 60 * 1000;
/** What `get` is allowed for, as the size is not known before. */
const GET_SIZE_ALLOWED: number = 32 * 1024 * 1024;
/** Bytes compared at a time when a file may have become an object already. */
const COMPARE_SIZE: number = 4 * 1024 * 1024;

export interface RetryingObjectStoreOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly attemptCountMax?: number;
  readonly delayFirstMs?: number;
  readonly delayMaxMs?: number;
  readonly timeoutMs?: number;
  /** Shared by stores that talk to one server; a new one when left out. */
  readonly budget?: RetryBudget;
}

/** One attempt; `index` counts from 0. */
type Attempt<T> = (options: { readonly signal: AbortSignal }, index: number) => Promise<T>;

interface Call {
  /** For messages: "create a/b". */
  readonly what: string;
  /** Bytes that one attempt may move. */
  readonly size: number;
  readonly signal: AbortSignal | undefined;
}

export class RetryingObjectStore implements ObjectStore, AsyncDisposable {
  readonly url: string;
  readonly capabilities: StoreCapabilities;
  readonly #inner: ObjectStore;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #attemptCountMax: number;
  readonly #delayFirstMs: number;
  readonly #delayMaxMs: number;
  readonly #timeoutMs: number;
  readonly #budget: RetryBudget;

  /** Owns `inner` from here on: closing this closes it. */
  constructor(inner: ObjectStore, options: RetryingObjectStoreOptions) {
    this.url = inner.url;
    this.capabilities = inner.capabilities;
    this.#inner = inner;
    this.#clock = options.clock;
    this.#prng = options.prng;
    this.#attemptCountMax = options.attemptCountMax ?? ATTEMPT_COUNT_MAX;
    this.#delayFirstMs = options.delayFirstMs ?? DELAY_FIRST_MS;
    this.#delayMaxMs = options.delayMaxMs ?? DELAY_MAX_MS;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#budget = options.budget ?? new RetryBudget();
  }

  async create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome> {
    const inner = this.#inner;
    const call = { what: `create ${key}`, size: 2 * body.length, signal: options?.signal };
    return this.#retry<CreateOutcome>(call, async (attempt, index) => {
      const outcome = await inner.create(key, body, attempt);
      if (outcome.created || index === 0) return outcome;
      const present = await inner.get(key, attempt);
      if (present === undefined) throw unknownError(call.what);
      return isEqual(present.body, body) ? { created: true, tag: present.tag } : outcome;
    });
  }

  async createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome> {
    const inner = this.#inner;
    const size = await localFileSize(path);
    const call = { what: `create ${key}`, size: 2 * size, signal: options?.signal };
    return this.#retry<CreateOutcome>(call, async (attempt, index) => {
      const outcome = await inner.createFromFile(key, path, attempt);
      if (outcome.created || index === 0) return outcome;
      const present = await inner.head(key, attempt);
      if (present === undefined) throw unknownError(call.what);
      await using file = await openLocalFile(path);
      if (present.size !== file.size) return outcome;
      const isOurs = await this.#holdsFile(key, file, attempt);
      return isOurs ? { created: true, tag: present.tag } : outcome;
    });
  }

  async swap(
    key: string,
    tag: string,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<SwapOutcome> {
    const inner = this.#inner;
    const call = { what: `swap ${key}`, size: 2 * body.length, signal: options?.signal };
    return this.#retry<SwapOutcome>(call, async (attempt, index) => {
      const outcome = await inner.swap(key, tag, body, attempt);
      if (outcome.swapped || index === 0) return outcome;
      const present = await inner.get(key, attempt);
      if (present?.tag === tag) throw unknownError(call.what);
      if (present === undefined || !isEqual(present.body, body)) throw overtakenError(call.what);
      return { swapped: true, tag: present.tag };
    });
  }

  async get(
    key: string,
    options?: CallOptions,
  ): Promise<{ body: Uint8Array; tag: string } | undefined> {
    const call = { what: `get ${key}`, size: GET_SIZE_ALLOWED, signal: options?.signal };
    return this.#retry(call, (attempt) => this.#inner.get(key, attempt));
  }

  async getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined> {
    checkRange(options);
    const call = { what: `get ${key}`, size: options.length, signal: options.signal };
    return this.#retry(call, (attempt) => this.#inner.getRange(key, { ...options, ...attempt }));
  }

  async head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    const call = { what: `head ${key}`, size: 0, signal: options?.signal };
    return this.#retry(call, (attempt) => this.#inner.head(key, attempt));
  }

  async list(options: ListOptions): Promise<ListPage> {
    const call = { what: `list ${options.prefix}`, size: 0, signal: options.signal };
    return this.#retry(call, (attempt) => this.#inner.list({ ...options, ...attempt }));
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    const call = { what: `delete ${key}`, size: 0, signal: options?.signal };
    return this.#retry(call, (attempt) => this.#inner.delete(key, attempt));
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    const call = { what: `delete ${keys.length} keys`, size: 0, signal: options?.signal };
    return this.#retry(call, (attempt) => this.#inner.deleteMany(keys, attempt));
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #retry<T>(call: Call, attempt: Attempt<T>): Promise<T> {
    for (let index = 0; ; index++) {
      call.signal?.throwIfAborted();
      try {
        const result = await this.#once(call, (options) => attempt(options, index));
        this.#budget.succeed();
        return result;
      } catch (error) {
        if (call.signal?.aborted === true || !isRetryable(error)) throw error;
        const isLast = index + 1 >= this.#attemptCountMax;
        if (isLast || !this.#budget.spend()) throw givenUpError(call.what, index + 1, error);
      }
      const boundMs = Math.min(this.#delayMaxMs, this.#delayFirstMs * 2 ** index);
      await this.#clock.sleep(this.#prng.fraction() * boundMs, call.signal);
    }
  }

  /** Ends at the time-out or an abort, even if the driver does not listen to its signal. */
  async #once<T>(
    call: Call,
    attempt: (options: { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const transferMs = Math.min(TRANSFER_MAX_MS, (call.size / BYTES_PER_SECOND_MIN) * 1000);
    const timeoutMs = this.#timeoutMs + transferMs;
    const ended = new AbortController();
    const stop = new AbortController();
    const outer = call.signal === undefined ? [] : [call.signal];
    const expire = async (): Promise<never> => {
      await this.#clock.sleep(timeoutMs, AbortSignal.any([ended.signal, ...outer]));
      throw new ObjectStoreError(
        "ETIMEDOUT",
        `${call.what} in ${this.url} had no answer within ${Math.round(timeoutMs)} ms`,
        { retryable: true },
      );
    };
    try {
      return await Promise.race([
        attempt({ signal: AbortSignal.any([stop.signal, ...outer]) }),
        expire(),
      ]);
    } catch (error) {
      stop.abort(error);
      throw error;
    } finally {
      ended.abort();
    }
  }

  async #holdsFile(
    key: string,
    file: LocalFile,
    options: { readonly signal: AbortSignal },
  ): Promise<boolean> {
    for (let offset = 0; offset < file.size; offset += COMPARE_SIZE) {
      const length = Math.min(COMPARE_SIZE, file.size - offset);
      const ours = await file.read(offset, length);
      const theirs = await this.#inner.getRange(key, { ...options, offset, length });
      if (theirs === undefined) throw unknownError(`create ${key}`);
      if (!isEqual(ours, theirs)) return false;
    }
    return true;
  }
}

function isRetryable(error: unknown): error is ObjectStoreError {
  return error instanceof ObjectStoreError && error.retryable;
}

function unknownError(what: string): ObjectStoreError {
  return new ObjectStoreError(
    "EAGAIN",
    `${what}: the store refuses it and then shows nothing that forbids it`,
    {
      retryable: true,
    },
  );
}

function overtakenError(what: string): ObjectStoreError {
  return new ObjectStoreError(
    "ESTALE",
    `${what}: an answer was lost and the key is another's by now, so it is unknown whether this was there in between`,
    { retryable: false },
  );
}

function givenUpError(what: string, count: number, cause: ObjectStoreError): ObjectStoreError {
  return new ObjectStoreError(cause.code, `${what} failed ${count} times: ${cause.message}`, {
    cause,
    retryable: true,
  });
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
