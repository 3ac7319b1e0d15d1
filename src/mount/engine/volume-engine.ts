/**
 * The engine of a mount: starts the threads of a volume process and speaks for them (DESIGN section 4).
 *
 * What always holds: a thread that fails makes `ended` reject, and the process dies (J2); loading opens nothing of the
 * volume, so a warm spare may hold it ready.
 */
import { mkdirSync } from "node:fs";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import { SystemClock } from "../../core/clock.ts";
import { CrashError, ERRNO, FsError, type ErrorCode } from "../../core/fs-error.ts";
import type { Log } from "../../core/log.ts";
import { NOTIFIER_WORKER_URL } from "../../fuse/notifier.ts";
import { FileObjectStore } from "../../object/file-object-store.ts";
import { removeTemporaries } from "../../pack/staged-pack.ts";
import { createEventfd, ringEventfd } from "../../sys/eventfd.ts";
import { databasePath } from "../../volume/create-volume.ts";
import { PackPipeline, removeStrayPacks } from "../../volume/pack-pipeline.ts";
import { PACK_THREAD_URL, PackWorker } from "../../volume/pack-worker.ts";
import type { DrainResult, Engine, EngineCall, EngineEnd, EngineStart } from "../engine-port.ts";
import type { FromEngine, ThreadStart, ToEngine, VolumeEngineOptions } from "./engine-link.ts";
import { AccessStream } from "./access-stream.ts";
import { runFsckThread } from "../fsck/run-fsck.ts";
import { THREAD_MAIN_URL } from "../program-cache.ts";
import type { EngineNumbers, MetricsServer } from "./metrics-server.ts";
import { journalRoot, stagingRoot } from "../../volume/volume-paths.ts";

/** How often a drain looks whether all is stored. */
const DRAIN_POLL_MS = 20;

export async function loadEngine(start: EngineStart): Promise<Engine> {
  const engine = new VolumeEngine(start);
  await engine.loaded;
  return engine;
}

class VolumeEngine implements Engine {
  readonly ended: Promise<EngineEnd>;
  readonly loaded: Promise<void>;
  readonly #start: EngineStart;
  readonly #options: VolumeEngineOptions;
  readonly #log: Log;
  readonly #clock = new SystemClock();
  readonly #doorbellFd: number;
  readonly #engine: Worker;
  readonly #packs: PackWorker;
  readonly #workers: Worker[] = [];
  readonly #end = Promise.withResolvers<EngineEnd>();
  readonly #becameLoaded = Promise.withResolvers<void>();
  readonly #becameServing = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #abort = new AbortController();
  readonly #access = new AccessStream((on) => this.#call("observe", { on }));
  #metrics: MetricsServer | undefined;
  #pipeline: PackPipeline | undefined;
  #lastId = 0;

  constructor(start: EngineStart) {
    this.#start = start;
    this.#options = start.options as VolumeEngineOptions;
    this.#log = start.log;
    this.ended = this.#end.promise;
    this.loaded = this.#becameLoaded.promise;
    this.#doorbellFd = createEventfd();
    const common: ThreadStart = {
      fuseFd: start.fds.fuse,
      handoffFd: start.fds.handoff,
      doorbellFd: this.#doorbellFd,
      stateDirectory: start.stateDirectory,
      options: this.#options,
    };
    const flush = new MessageChannel();
    const notifier = new MessageChannel();
    const packs = new MessageChannel();
    this.#packs = new PackWorker(packs.port1);
    this.#engine = this.#spawn(
      workerUrl("engine-thread"),
      { ...common, flushPort: flush.port1, notifierPort: notifier.port1 },
      [flush.port1, notifier.port1],
    );
    this.#engine.on("message", (message: FromEngine) => this.#onEngine(message));
    // Nobody waits for these: what they are asked meanwhile lies in their ports. A restart waits for the engine alone.
    this.loaded.then(
      () => {
        this.#spawn(workerUrl("flush-thread"), { ...common, port: flush.port2 }, [flush.port2]);
        this.#spawn(
          NOTIFIER_WORKER_URL,
          { fd: start.fds.fuse, port: notifier.port2, doorbellFd: this.#doorbellFd },
          [notifier.port2],
        );
        this.#spawn(PACK_THREAD_URL, { ...common, port: packs.port2 }, [packs.port2]);
      },
      () => {},
    );
  }

  async serve(generation: number): Promise<Readonly<Record<string, unknown>>> {
    const staging = stagingRoot(this.#start.stateDirectory);
    mkdirSync(staging, { recursive: true, mode: 0o700 });
    removeTemporaries(staging);
    const store = await FileObjectStore.open({ root: this.#options.root, clock: this.#clock });
    this.#pipeline = new PackPipeline({
      store,
      timeline: this.#options.timeline,
      walPath: `${databasePath(this.#options.root)}-wal`,
      clock: this.#clock,
      log: this.#log,
      build: (order) => this.#packs.build(order),
      decodesToPlan: (order) => this.#packs.decodesToPlan(order),
      send: (input) => this.#send({ kind: "input", input }),
      signal: this.#abort.signal,
    });
    this.#pipeline.failed.catch((error: unknown) => this.#end.reject(error as Error));
    this.#send({ kind: "serve", generation });
    const findings = await this.#becameServing.promise;
    await this.#serveMetrics();
    return findings;
  }

  async #serveMetrics(): Promise<void> {
    const { metricsPort } = this.#options;
    if (metricsPort === undefined) return;
    // Loaded only when asked for: it is a library of some size.
    const metrics = await import("./metrics-server.ts");
    this.#metrics = await metrics.MetricsServer.listen({
      port: metricsPort,
      state: () => this.#call("state", undefined) as Promise<EngineNumbers>,
      log: this.#log,
    });
  }

  request(call: EngineCall): Promise<unknown> {
    switch (call.method) {
      case "drain":
        return this.#drain(call.signal);
      case "stop":
        this.#send({ kind: "stop" });
        return this.ended;
      case "access":
        return this.#access.follow(call.signal, (records) => call.event(records));
      case "fsck":
        return this.#fsck(call);
      default:
        return this.#call(call.method, call.params);
    }
  }

  /** Checks the last commit beside the engine, in a thread of its own. */
  async #fsck(call: EngineCall): Promise<unknown> {
    await this.#call("cut", undefined);
    const { metadataOnly } = (call.params ?? {}) as { metadataOnly?: boolean };
    return runFsckThread({
      start: {
        root: this.#options.root,
        uuid: this.#options.uuid,
        timeline: this.#options.timeline,
        journalRoot: journalRoot(this.#start.stateDirectory),
        metadataOnly: metadataOnly === true,
        handoffFd: this.#start.fds.handoff,
      },
      signal: call.signal,
      onProgress: (text) => call.event(text),
    });
  }

  /** Stores what was acknowledged when this began; goes on serving. */
  async #drain(signal: AbortSignal): Promise<DrainResult> {
    const { cut } = (await this.#call("cut", undefined)) as { cut: number };
    for (;;) {
      const state = (await this.#call("stored", { cut })) as { stored: boolean; problem?: string };
      if (state.stored) return { drained: true };
      if (signal.aborted) {
        return { drained: false, message: state.problem ?? "packs are still being stored" };
      }
      await this.#clock.sleep(DRAIN_POLL_MS);
    }
  }

  #call(method: string, params: unknown): Promise<unknown> {
    const id = ++this.#lastId;
    const call = Promise.withResolvers<unknown>();
    this.#calls.set(id, call);
    this.#send({ kind: "call", id, method, params });
    return call.promise;
  }

  #onEngine(message: FromEngine): void {
    switch (message.kind) {
      case "loaded":
        this.#becameLoaded.resolve();
        return;
      case "serving":
        removeStrayPacks(stagingRoot(this.#start.stateDirectory), new Set(message.pendingPacks));
        this.#packs.openJournal(message);
        this.#becameServing.resolve(message.findings);
        return;
      case "refused":
        this.#becameServing.reject(toError(message.code, message.message));
        return;
      case "output":
        this.#pipeline?.receive(message.output);
        return;
      case "answer":
        this.#take(message.id)?.resolve(message.value);
        return;
      case "failure":
        this.#take(message.id)?.reject(toError(message.code, message.message));
        return;
      case "ended":
        void this.#finish(message.outcome);
        return;
      case "access":
        this.#access.receive(message.records);
    }
  }

  #take(id: number): PromiseWithResolvers<unknown> | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  async #finish(outcome: EngineEnd["outcome"]): Promise<void> {
    this.#metrics?.close();
    await this.#pipeline?.close();
    this.#abort.abort(new FsError("ECANCELED", "the engine has ended"));
    this.#end.resolve({ outcome, drained: true });
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #send(message: ToEngine): void {
    this.#engine.postMessage(message);
    ringEventfd(this.#doorbellFd);
  }

  #spawn(url: URL, data: unknown, transfer: MessagePort[]): Worker {
    const options = { workerData: data, transferList: transfer, argv: [url.href] };
    const worker = new Worker(THREAD_MAIN_URL, options);
    worker.on("error", (error) => this.#end.reject(error as Error));
    worker.on("exit", (code) => {
      if (code !== 0) this.#end.reject(new CrashError(`a thread ended with code ${code}`));
    });
    this.#workers.push(worker);
    return worker;
  }
}

function workerUrl(name: string): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./${name}.${extension}`, import.meta.url);
}

function toError(code: string, message: string): FsError {
  return new FsError(code in ERRNO ? (code as ErrorCode) : "EIO", message);
}
