/**
 * A store in memory, for tests and simulation: the port's contract exactly, and faults where the test wants them.
 *
 * A call takes effect in one synchronous step, so the order of steps is the order of history. Tags are made of the
 * content, as those of S3 are: content that comes back brings its tag back (the ABA that heads need nonces against).
 * Bodies are copied on the way in, when the call is made, and on the way out.
 */
import { readFile } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { contentTag } from "./content-tag.ts";
import {
  checkKey,
  checkPrefix,
  checkRange,
  compareKeys,
  nestedKeyError,
  pageLimit,
} from "./object-key.ts";
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
import type { StoreMethod } from "./store-method.ts";

export interface StoreCall {
  readonly method: StoreMethod;
  /** The key; the prefix of a list; the first key of deleteMany. */
  readonly key: string;
}

export type StoreFault =
  | { readonly kind: "delay"; readonly delayMs: number }
  /** The request never arrived. */
  | { readonly kind: "fail-before"; readonly error: Error; readonly delayMs?: number }
  /** It took effect, and the answer was lost. */
  | { readonly kind: "fail-after"; readonly error: Error; readonly delayMs?: number }
  /** The caller is told of the error at once, and the request takes effect later all the same. */
  | { readonly kind: "apply-late"; readonly error: Error; readonly delayMs: number };

export interface MemoryObjectStoreOptions {
  readonly clock: Clock;
  /** "memory:" when left out. */
  readonly url?: string;
  /** Asked once a call, in the order of calls; undefined lets it pass. */
  readonly faults?: (call: StoreCall) => StoreFault | undefined;
}

interface StoredObject {
  readonly body: Uint8Array;
  readonly tag: string;
  readonly modifiedMs: number;
}

export class MemoryObjectStore implements ObjectStore, AsyncDisposable {
  readonly url: string;
  readonly capabilities: StoreCapabilities = { createIfAbsent: true, compareAndSwap: true };
  readonly #clock: Clock;
  readonly #faults: ((call: StoreCall) => StoreFault | undefined) | undefined;
  readonly #objects = new Map<string, StoredObject>();
  readonly #late = new Set<Promise<void>>();
  /** All keys in order; undefined after a key came or went. */
  #order: readonly string[] | undefined;
  #closed = false;

  constructor(options: MemoryObjectStoreOptions) {
    this.url = options.url ?? "memory:";
    this.#clock = options.clock;
    this.#faults = options.faults;
  }

  async create(key: string, body: Uint8Array, options?: CallOptions): Promise<CreateOutcome> {
    checkKey(key);
    const copy = body.slice();
    return this.#call("create", key, options, () => this.#create(key, copy));
  }

  async createFromFile(key: string, path: string, options?: CallOptions): Promise<CreateOutcome> {
    checkKey(key);
    const body = new Uint8Array(await readSource(path, options));
    return this.#call("createFromFile", key, options, () => this.#create(key, body));
  }

  async swap(
    key: string,
    tag: string,
    body: Uint8Array,
    options?: CallOptions,
  ): Promise<SwapOutcome> {
    checkKey(key);
    const copy = body.slice();
    return this.#call("swap", key, options, (): SwapOutcome => {
      if (this.#objects.get(key)?.tag !== tag) return { swapped: false };
      return { swapped: true, tag: this.#put(key, copy) };
    });
  }

  async get(
    key: string,
    options?: CallOptions,
  ): Promise<{ body: Uint8Array; tag: string } | undefined> {
    checkKey(key);
    return this.#call("get", key, options, () => {
      const found = this.#objects.get(key);
      return found && { body: found.body.slice(), tag: found.tag };
    });
  }

  async getRange(key: string, options: RangeOptions): Promise<Uint8Array | undefined> {
    checkKey(key);
    checkRange(options);
    const { offset, length } = options;
    return this.#call("getRange", key, options, () =>
      this.#objects.get(key)?.body.slice(offset, offset + length),
    );
  }

  async head(key: string, options?: CallOptions): Promise<ObjectInfo | undefined> {
    checkKey(key);
    return this.#call("head", key, options, () => this.#info(key));
  }

  async list(options: ListOptions): Promise<ListPage> {
    const { prefix, startAfter } = options;
    checkPrefix(prefix);
    const limit = pageLimit(options.limit);
    return this.#call("list", prefix, options, () => {
      const keys = this.#keysInOrder();
      const objects: ObjectInfo[] = [];
      const after = startAfter === undefined ? 0 : lowerBound(keys, `${startAfter}\0`);
      for (let i = Math.max(after, lowerBound(keys, prefix)); i < keys.length; i++) {
        const key = keys[i]!;
        if (!key.startsWith(prefix)) break;
        if (objects.length === limit) return { objects, truncated: true };
        objects.push(this.#info(key)!);
      }
      return { objects, truncated: false };
    });
  }

  async delete(key: string, options?: CallOptions): Promise<void> {
    checkKey(key);
    return this.#call("delete", key, options, () => this.#delete(key));
  }

  async deleteMany(keys: readonly string[], options?: CallOptions): Promise<void> {
    const copy = [...keys];
    for (const key of copy) checkKey(key);
    return this.#call("deleteMany", copy[0] ?? "", options, () => {
      for (const key of copy) this.#delete(key);
    });
  }

  /** Resolves when every request that was to be applied late has been. */
  async settled(): Promise<void> {
    while (this.#late.size > 0) await Promise.all(this.#late);
  }

  async close(): Promise<void> {
    await this.settled();
    this.#closed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #call<T>(
    method: StoreMethod,
    key: string,
    options: CallOptions | undefined,
    apply: () => T,
  ): Promise<T> {
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (this.#closed) throw new FsError("EBADF", `the store ${this.url} is closed`);
    const fault = this.#faults?.({ method, key });
    if (fault === undefined) return apply();
    if (fault.kind === "apply-late") {
      this.#applyLate(fault.delayMs, apply);
      throw fault.error;
    }
    if (fault.delayMs !== undefined) await this.#clock.sleep(fault.delayMs, signal);
    if (fault.kind === "fail-before") throw fault.error;
    const result = apply();
    if (fault.kind === "fail-after") throw fault.error;
    return result;
  }

  #applyLate(delayMs: number, apply: () => unknown): void {
    const late = this.#settleLate(delayMs, apply).finally(() => this.#late.delete(late));
    this.#late.add(late);
  }

  async #settleLate(delayMs: number, apply: () => unknown): Promise<void> {
    await this.#clock.sleep(delayMs);
    try {
      apply();
    } catch (error) {
      // A refusal has no one left to be told to; anything else is a bug of the test.
      if (!(error instanceof FsError)) throw error;
    }
  }

  #create(key: string, body: Uint8Array): CreateOutcome {
    if (this.#objects.has(key)) return { created: false };
    this.#refuseNesting(key);
    return { created: true, tag: this.#put(key, body) };
  }

  #put(key: string, body: Uint8Array): string {
    const tag = contentTag(body);
    if (!this.#objects.has(key)) this.#order = undefined;
    this.#objects.set(key, { body, tag, modifiedMs: this.#clock.nowMs() });
    return tag;
  }

  #delete(key: string): void {
    if (this.#objects.delete(key)) this.#order = undefined;
  }

  #info(key: string): ObjectInfo | undefined {
    const found = this.#objects.get(key);
    if (found === undefined) return undefined;
    return { key, size: found.body.length, tag: found.tag, modifiedMs: found.modifiedMs };
  }

  #refuseNesting(key: string): void {
    for (let at = key.indexOf("/"); at > 0; at = key.indexOf("/", at + 1)) {
      const above = key.slice(0, at);
      if (this.#objects.has(above)) throw nestedKeyError(key, above);
    }
    const keys = this.#keysInOrder();
    const below = keys[lowerBound(keys, `${key}/`)];
    if (below?.startsWith(`${key}/`)) throw nestedKeyError(key, below);
  }

  #keysInOrder(): readonly string[] {
    return (this.#order ??= [...this.#objects.keys()].sort(compareKeys));
  }
}

/** Index of the first key that is not below `bound`. */
function lowerBound(keys: readonly string[], bound: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle]!, bound) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function readSource(path: string, options: CallOptions | undefined): Promise<Uint8Array> {
  const signal = options?.signal;
  signal?.throwIfAborted();
  try {
    return await readFile(path, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    const code = (cause as NodeJS.ErrnoException).code === "ENOENT" ? "ENOENT" : "EIO";
    throw new FsError(code, `cannot read ${path}, which is to become an object`, { cause });
  }
}
