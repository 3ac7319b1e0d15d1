/**
 * A host of the simulation: real code that reaches the world through ports alone, and whose every input is on a tape.
 *
 * A machine that is cloned while it runs goes on twice with one memory. Memory cannot be copied here, so a clone is run
 * anew from the tape: same inputs in the same order, same state. What always holds: between two inputs the host comes to
 * rest, so an order of inputs is an order of everything.
 */
import { setImmediate } from "node:timers/promises";
import { ObjectStoreError } from "../../src/object/object-store.ts";
import type { SimNetwork, SimRequest } from "./sim-network.ts";

export type SimAnswer = { readonly value: unknown } | { readonly isLost: true };

interface Delivery {
  readonly call: number;
  readonly answer: SimAnswer;
}

/** What a host's program may use. */
export interface HostPorts {
  request(request: SimRequest): Promise<unknown>;
  /** An integer below `bound`; a clone draws its own from where it was made on. */
  draw(bound: number): number;
  freshId(): string;
  /** The store's clock. */
  nowMs(): number;
  /** Told to the world once, never again by a clone for what its original told. */
  report(event: unknown): void;
}

export interface SimHostOptions {
  readonly network: SimNetwork;
  readonly draw: (bound: number) => number;
  readonly freshId: () => string;
  readonly nowMs: () => number;
  readonly report: (event: unknown) => void;
  readonly program: (ports: HostPorts) => Promise<void>;
}

interface Tape {
  readonly deliveries: Delivery[];
  readonly drawn: unknown[];
}

export class SimHost {
  readonly #options: SimHostOptions;
  readonly #tape: Tape;
  readonly #waiting = new Map<number, (answer: SimAnswer) => void>();
  #isReplaying: boolean;
  #drawnCount = 0;
  #callCount = 0;
  /** A frozen host gets no answers and does nothing. */
  isFrozen = false;
  isDead = false;
  isDone = false;
  /** What the program threw, which no program may. */
  failure: unknown;

  static async start(options: SimHostOptions): Promise<SimHost> {
    const host = new SimHost(options, { deliveries: [], drawn: [] }, false);
    await host.#run();
    return host;
  }

  private constructor(options: SimHostOptions, tape: Tape, isReplaying: boolean) {
    this.#options = options;
    this.#tape = tape;
    this.#isReplaying = isReplaying;
  }

  get isWaiting(): boolean {
    return !this.isDead && !this.isDone;
  }

  /** Calls that have no answer yet. */
  get openCalls(): readonly number[] {
    return [...this.#waiting.keys()];
  }

  /** The same machine a second time, from this moment on. */
  async clone(): Promise<SimHost> {
    const { deliveries, drawn } = this.#tape;
    const copy = new SimHost(
      this.#options,
      { deliveries: [...deliveries], drawn: [...drawn] },
      true,
    );
    await copy.#run();
    for (const { call, answer } of deliveries) await copy.#hand(call, answer);
    copy.#isReplaying = false;
    this.#options.network.joinAll(this, copy);
    return copy;
  }

  async deliver(call: number, answer: SimAnswer): Promise<void> {
    if (!this.#waiting.has(call)) return;
    this.#tape.deliveries.push({ call, answer });
    await this.#hand(call, answer);
  }

  async timeOut(call: number): Promise<void> {
    this.#options.network.forget(this, call);
    await this.deliver(call, { isLost: true });
  }

  async #run(): Promise<void> {
    const ports: HostPorts = {
      request: (request) => this.#request(request),
      draw: (bound) => this.#recorded(() => this.#options.draw(bound)) as number,
      freshId: () => this.#recorded(() => this.#options.freshId()) as string,
      nowMs: () => this.#recorded(() => this.#options.nowMs()) as number,
      report: (event) => {
        if (!this.#isReplaying) this.#options.report(event);
      },
    };
    this.#options.program(ports).then(
      () => {
        this.isDone = true;
      },
      (error: unknown) => {
        this.failure = error;
        this.isDone = true;
      },
    );
    await setImmediate();
  }

  #request(request: SimRequest): Promise<unknown> {
    const call = this.#callCount++;
    if (!this.#isReplaying) this.#options.network.send(request, { host: this, call });
    return new Promise((resolve, reject) => {
      this.#waiting.set(call, (answer) => {
        if ("value" in answer) resolve(answer.value);
        else reject(new ObjectStoreError("ETIMEDOUT", "no answer came", { retryable: true }));
      });
    });
  }

  async #hand(call: number, answer: SimAnswer): Promise<void> {
    const wake = this.#waiting.get(call);
    this.#waiting.delete(call);
    wake!(answer);
    await setImmediate();
  }

  #recorded(draw: () => unknown): unknown {
    const { drawn } = this.#tape;
    if (this.#isReplaying && this.#drawnCount < drawn.length) return drawn[this.#drawnCount++];
    const value = draw();
    drawn.push(value);
    this.#drawnCount++;
    return value;
  }
}
