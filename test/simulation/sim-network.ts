/**
 * A store behind a network that a schedule drives: a request waits until it is applied, and its answer reaches one of
 * those who wait for it, or nobody. Whoever is told of a time-out has learned nothing: the request may be applied later.
 */
import type { Clock } from "../../src/core/clock.ts";
import type { Prng } from "../../src/core/prng.ts";
import { MemoryObjectStore } from "../../src/object/memory-object-store.ts";
import type { ObjectStore } from "../../src/object/object-store.ts";
import type { SimHost } from "./sim-host.ts";

/** One call of an ObjectStore, with what a clone needs to wait for the same answer. */
export interface SimRequest {
  readonly method: "create" | "swap" | "get" | "getRange" | "list" | "delete";
  readonly args: readonly unknown[];
}

interface Waiter {
  readonly host: SimHost;
  readonly call: number;
}

interface Pending {
  readonly request: SimRequest;
  readonly waiters: Waiter[];
}

/** Told of each request when it has taken effect. */
export type OnApplied = (request: SimRequest, answer: unknown) => void;

export class SimNetwork {
  /** What is really there. */
  readonly truth: MemoryObjectStore;
  readonly #pending: Pending[] = [];
  readonly #prng: Prng;
  readonly #clock: Clock;
  readonly #onApplied: OnApplied;

  constructor(prng: Prng, clock: Clock, onApplied: OnApplied = () => {}) {
    this.#prng = prng;
    this.#clock = clock;
    this.#onApplied = onApplied;
    this.truth = new MemoryObjectStore({ clock, url: "sim:" });
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  send(request: SimRequest, waiter: Waiter): void {
    this.#pending.push({ request, waiters: [waiter] });
  }

  /** A clone waits for what the one it was made of waits for. */
  joinAll(original: SimHost, clone: SimHost): void {
    for (const { waiters } of this.#pending) {
      const found = waiters.find(({ host }) => host === original);
      if (found !== undefined) waiters.push({ host: clone, call: found.call });
    }
  }

  /** Applies one request, any, and answers one of its waiters unless the answer is lost. */
  async applyAny(answerChance: number): Promise<void> {
    const [pending] = this.#pending.splice(this.#prng.below(this.#pending.length), 1);
    const { request, waiters } = pending!;
    const method = this.truth[request.method] as (...args: unknown[]) => Promise<unknown>;
    const result = await method.apply(this.truth, [...request.args]);
    this.#onApplied(request, result);
    const isCreate = request.method === "create";
    const answer = isCreate ? { ...(result as object), storeMs: this.#clock.nowMs() } : result;
    const live = waiters.filter(({ host }) => host.isWaiting);
    const chosen = live[this.#prng.below(live.length)];
    for (const waiter of live) {
      const isAnswered = waiter === chosen && this.#prng.fraction() < answerChance;
      await waiter.host.deliver(waiter.call, isAnswered ? { value: answer } : { isLost: true });
    }
  }

  /** The clone or the original may get the answer; who does not, times out at last. */
  forget(host: SimHost, call: number): void {
    for (const { waiters } of this.#pending) {
      const at = waiters.findIndex((waiter) => waiter.host === host && waiter.call === call);
      if (at >= 0) waiters.splice(at, 1);
    }
  }

  drop(): void {
    this.#pending.length = 0;
  }
}

/** The port as a host sees it; every call goes through `call`. */
export function simStore(call: (request: SimRequest) => Promise<unknown>): ObjectStore {
  const refuse = (): never => {
    throw new Error("the simulation has no such call");
  };
  const pass =
    (method: SimRequest["method"]) =>
    (...args: unknown[]): Promise<unknown> =>
      call({ method, args });
  const store = {
    url: "sim:",
    capabilities: { createIfAbsent: true, compareAndSwap: true },
    create: pass("create"),
    swap: pass("swap"),
    get: pass("get"),
    getRange: pass("getRange"),
    list: pass("list"),
    delete: pass("delete"),
    createFromFile: refuse,
    head: refuse,
    deleteMany: refuse,
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return store as unknown as ObjectStore;
}
