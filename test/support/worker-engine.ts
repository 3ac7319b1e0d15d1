/**
 * An engine on a worker thread, as the volume process's main thread sees it.
 *
 * The engine's thread is synchronous: it waits in poll(2) on the device and on a doorbell. So whatever is sent to it
 * goes over a MessagePort, and then the doorbell is rung; it takes the messages with `receiveMessageOnPort`
 * (engine-mailbox.ts). What it sends arrives here as any message does. The messages are those of volume-message.ts.
 *
 * What always holds: a thread that ends without having said how has failed, and `ended` rejects.
 */
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  type MessagePort,
} from "node:worker_threads";
import { CrashError } from "../../src/core/fs-error.ts";
import { createEventfd, ringEventfd } from "../../src/sys/eventfd.ts";
import { fromControlError } from "../../src/mount/control-message.ts";
import type { Engine, EngineCall, EngineEnd, EngineStart } from "../../src/mount/engine-port.ts";
import { THREAD_MAIN_URL } from "../../src/mount/program-cache.ts";
import type { FromVolume, ToVolume } from "../../src/mount/volume-message.ts";

/** What the worker finds as its workerData. */
export interface EngineWorkerData {
  readonly start: Omit<EngineStart, "log">;
  /** Transferred; hand it to an EngineMailbox. */
  readonly port: MessagePort;
  readonly doorbellFd: number;
  /** The caller's own. */
  readonly extra: unknown;
}

export interface WorkerEngineOptions {
  /** The worker's module, an EngineMailbox in it. */
  readonly entry: URL;
  readonly start: EngineStart;
  readonly extra?: unknown;
  /** Ports among `extra`. */
  readonly transfer?: readonly MessagePort[];
}

/** Starts the thread; resolves once it has loaded its code and waits to serve. */
export async function loadWorkerEngine(options: WorkerEngineOptions): Promise<Engine> {
  const engine = new WorkerEngine(options);
  await engine.loaded;
  return engine;
}

interface PendingCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly event: (value: unknown) => void;
}

class WorkerEngine implements Engine {
  readonly loaded: Promise<void>;
  readonly ended: Promise<EngineEnd>;
  readonly #port: MessagePort;
  readonly #doorbellFd: number;
  readonly #calls: Map<number, PendingCall> = new Map();
  readonly #loaded = Promise.withResolvers<void>();
  readonly #serving = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  readonly #ended = Promise.withResolvers<EngineEnd>();
  #lastId = 0;

  constructor(options: WorkerEngineOptions) {
    this.loaded = this.#loaded.promise;
    this.ended = this.#ended.promise;
    for (const promise of [this.loaded, this.ended, this.#serving.promise]) promise.catch(() => {});
    this.#doorbellFd = createEventfd();
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const { log: _, ...start } = options.start;
    const data: EngineWorkerData = {
      start,
      port: port2,
      doorbellFd: this.#doorbellFd,
      extra: options.extra,
    };
    const worker = new Worker(THREAD_MAIN_URL, {
      argv: [options.entry.href],
      workerData: data,
      transferList: [port2, ...(options.transfer ?? [])],
      name: "engine",
    });
    port1.on("message", (message: FromVolume) => this.#receive(message));
    worker.on("error", (error) => this.#failed(error));
    worker.on("exit", (code) => {
      // What it said last may still be in the port.
      for (;;) {
        const last = receiveMessageOnPort(port1) as { message: FromVolume } | undefined;
        if (last === undefined) break;
        this.#receive(last.message);
      }
      this.#failed(new CrashError(`the engine's thread ended by itself (code ${code})`));
    });
  }

  serve(generation: number): Promise<Readonly<Record<string, unknown>>> {
    this.#send({ type: "serve", generation });
    return this.#serving.promise;
  }

  request(call: EngineCall): Promise<unknown> {
    const { method, params, signal } = call;
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = (): void => {
      this.#calls.delete(id);
      this.#send({ type: "cancel", id });
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    this.#calls.set(id, { resolve, reject, event: (value) => call.event(value) });
    this.#send({ type: "call", id, method, params });
    return promise.finally(() => signal.removeEventListener("abort", onAbort));
  }

  #send(message: ToVolume): void {
    this.#port.postMessage(message, []);
    ringEventfd(this.#doorbellFd);
  }

  #receive(message: FromVolume): void {
    switch (message.type) {
      case "loaded":
        this.#loaded.resolve();
        return;
      case "serving":
        this.#serving.resolve(message.details);
        return;
      case "refused":
        this.#serving.reject(fromControlError(message.error));
        return;
      case "ended":
        this.#ended.resolve(message.end);
        return;
      case "event":
        this.#calls.get(message.id)?.event(message.event);
        return;
      case "result":
        this.#take(message.id)?.resolve(message.result);
        return;
      case "error":
        this.#take(message.id)?.reject(fromControlError(message.error));
        return;
      case "terminate":
      // An engine gets no signals.
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  /** After an end in order all of this changes nothing. */
  #failed(error: unknown): void {
    const reason = error instanceof Error ? error : new CrashError(String(error));
    for (const promise of [this.#loaded, this.#serving, this.#ended]) promise.reject(reason);
    for (const call of this.#calls.values()) call.reject(reason);
    this.#calls.clear();
    this.#port.close();
  }
}
