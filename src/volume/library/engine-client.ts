/**
 * The engine of an opened volume as its program sees it: starts the threads, sends calls and gives back their answers,
 * stores what the engine hands out (DESIGN section 4).
 *
 * What always holds: a thread that fails, or a pack that cannot be stored for good, fails the volume: the threads are
 * ended, every call is refused from then on, and opening it again replays the journal (J2).
 */
import { mkdirSync } from "node:fs";
import { MessageChannel, Worker, type MessagePort } from "node:worker_threads";
import type { Clock } from "../../core/clock.ts";
import { CrashError, ERRNO, FsError, type ErrorCode } from "../../core/fs-error.ts";
import type { Log } from "../../core/log.ts";
import type { JournalLimits } from "../../journal/journal.ts";
import { FileObjectStore } from "../../object/file-object-store.ts";
import { removeTemporaries } from "../../pack/staged-pack.ts";
import { databasePath } from "../create-volume.ts";
import { PackPipeline, removeStrayPacks } from "../pack-pipeline.ts";
import { PACK_THREAD_URL, PackWorker, type PackThreadStart } from "../pack-worker.ts";
import type { VolumeConfig } from "../volume-config.ts";
import { stagingRoot } from "../volume-paths.ts";
import { CallGate } from "./call-gate.ts";
import { Doorbell } from "./doorbell.ts";
import type {
  EngineAnswer,
  EngineCall,
  EngineMethod,
  EngineMethodTable,
  EngineThreadStart,
  FlushThreadStart,
  FromEngine,
  ToEngine,
} from "./engine-link.ts";
import type { Credentials } from "./posix-session.ts";

export interface EngineClientOptions {
  /** The volume's directory. */
  readonly root: string;
  readonly config: VolumeConfig;
  readonly stateDirectory: string;
  readonly level: "memory" | "disk";
  readonly readOnly: boolean;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly log: Log;
  readonly journalLimits?: Partial<JournalLimits>;
  /** Gives up opening. */
  readonly signal: AbortSignal | undefined;
}

/** What is moved with a call. */
export interface CallWeight {
  /** Bytes that are sent or asked for. */
  readonly size: number;
  /** The buffer that is handed over with it. */
  readonly transfer?: ArrayBuffer;
}

interface PendingCall {
  readonly method: EngineMethod;
  readonly subject: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: FsError) => void;
  readonly size: number;
}

const NO_WEIGHT: CallWeight = { size: 0 };

export class EngineClient {
  readonly #options: EngineClientOptions;
  readonly #doorbell = Doorbell.create();
  readonly #callPort: MessagePort;
  readonly #engine: Worker;
  readonly #workers: Worker[] = [];
  readonly #packs: PackWorker;
  readonly #store: FileObjectStore;
  readonly #pipeline: PackPipeline;
  readonly #abort = new AbortController();
  readonly #opened = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #gate = new CallGate();
  readonly #pending = new Map<number, PendingCall>();
  /** Told when no call but `store` is pending. */
  #idle: (() => void) | undefined;
  #refusal: FsError | undefined;
  #lastId = 0;

  /** Opens the volume. Throws what the engine refuses it with; its threads are gone then. */
  static async open(options: EngineClientOptions): Promise<EngineClient> {
    const staging = stagingRoot(options.stateDirectory);
    mkdirSync(staging, { recursive: true, mode: 0o700 });
    removeTemporaries(staging);
    const { root, clock } = options;
    const store = await FileObjectStore.open({ root, clock });
    const client = new EngineClient(options, store);
    const { signal } = options;
    const giveUp = (): void => client.#opened.reject(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      signal?.throwIfAborted();
      await client.#opened.promise;
      return client;
    } catch (error) {
      await client.#endThreads();
      throw error;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  private constructor(options: EngineClientOptions, store: FileObjectStore) {
    const { config, root, stateDirectory, level, readOnly, credentials } = options;
    this.#options = options;
    this.#store = store;
    // Both are also awaited elsewhere; a failure is told to whoever calls.
    this.#opened.promise.catch(ignore);
    this.#closed.promise.catch(ignore);
    const flush = new MessageChannel();
    const packs = new MessageChannel();
    const calls = new MessageChannel();
    this.#callPort = calls.port1;
    this.#packs = new PackWorker(packs.port1);
    this.#pipeline = this.#makePipeline();
    const doorbell = this.#doorbell.memory;
    const engineStart: EngineThreadStart = {
      root,
      uuid: config.uuid,
      timeline: config.timeline,
      acl: config.acl,
      level,
      readOnly,
      stateDirectory,
      credentials,
      journalLimits: options.journalLimits,
      doorbell,
      flushPort: flush.port1,
      callPort: calls.port2,
    };
    this.#engine = this.#spawn(ENGINE_THREAD_URL, engineStart, [flush.port1, calls.port2]);
    this.#engine.on("message", (message: FromEngine) => this.#receive(message));
    const flushStart: FlushThreadStart = { port: flush.port2, doorbell };
    this.#spawn(FLUSH_THREAD_URL, flushStart, [flush.port2]);
    const packStart: PackThreadStart = {
      port: packs.port2,
      stateDirectory,
      options: { root, ...config },
    };
    this.#spawn(PACK_THREAD_URL, packStart, [packs.port2]);
  }

  /**
   * Asks the engine. `subject` names what it is about in an error. Throws what the engine refuses, EBADF once the volume
   * is closed, EIO once it failed.
   */
  call<M extends EngineMethod>(
    method: M,
    args: Parameters<EngineMethodTable[M]>,
    subject: string,
    weight: CallWeight = NO_WEIGHT,
  ): Promise<ReturnType<EngineMethodTable[M]>> {
    return new Promise((resolve, reject) => {
      if (this.#refusal !== undefined) {
        reject(this.#refusal);
        return;
      }
      const { size } = weight;
      const call = { method, subject, resolve: resolve as (value: unknown) => void, reject, size };
      const id = ++this.#lastId;
      this.#pending.set(id, call);
      this.#gate.pass(size, () => this.#send(id, { method, args }, weight.transfer));
    });
  }

  /**
   * Ends the volume. All calls are answered and everything is stored first; when `signal` aborts, what is not stored stays
   * in the journal and this rejects with its reason, the volume being closed all the same.
   */
  async close(signal: AbortSignal | undefined): Promise<void> {
    if (this.#refusal === undefined) {
      this.#refusal = new FsError("EBADF", "the volume is closed");
      const giveUp = (): void => this.#tell({ kind: "close", stores: false });
      signal?.addEventListener("abort", giveUp, { once: true });
      await this.#whenIdle(signal);
      this.#tell({ kind: "close", stores: signal?.aborted !== true });
    }
    await this.#closed.promise;
    signal?.throwIfAborted();
  }

  #send(id: number, call: Omit<EngineCall, "id">, transfer: ArrayBuffer | undefined): void {
    // The volume failed while the call waited for room.
    if (!this.#pending.has(id)) return;
    const message: EngineCall = { id, ...call };
    this.#callPort.postMessage(message, transfer === undefined ? [] : [transfer]);
    this.#doorbell.ring();
  }

  #tell(message: ToEngine): void {
    this.#engine.postMessage(message);
    this.#doorbell.ring();
  }

  /** Every call but `store` is answered; those end with the volume. */
  #whenIdle(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      signal?.addEventListener("abort", () => resolve(), { once: true });
      if (signal?.aborted === true) resolve();
      this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#idle === undefined) return;
    for (const call of this.#pending.values()) if (call.method !== "store") return;
    this.#idle();
  }

  #receive(message: FromEngine): void {
    switch (message.kind) {
      case "opened":
        removeStrayPacks(stagingRoot(this.#options.stateDirectory), new Set(message.pendingPacks));
        this.#packs.openJournal(message);
        this.#opened.resolve();
        return;
      case "refused":
        this.#opened.reject(toFsError(message.code, message.message));
        return;
      case "output":
        this.#pipeline.receive(message.output);
        return;
      case "answers":
        for (const answer of message.answers) this.#receiveAnswer(answer);
        return;
      case "closed":
        void this.#finish();
    }
  }

  #receiveAnswer(answer: EngineAnswer): void {
    const call = this.#take(answer.id);
    if (call === undefined) return;
    if ("code" in answer) {
      call.reject(toFsError(answer.code, `${nameOf(call)}: ${answer.message}`));
    } else {
      call.resolve(answer.value);
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#pending.get(id);
    if (call === undefined) return undefined;
    this.#pending.delete(id);
    this.#gate.leave(call.size);
    this.#tellIdle();
    return call;
  }

  #makePipeline(): PackPipeline {
    const { config, root, clock, log } = this.#options;
    const pipeline = new PackPipeline({
      store: this.#store,
      timeline: config.timeline,
      walPath: `${databasePath(root)}-wal`,
      clock,
      log,
      build: (order) => this.#packs.build(order),
      decodesToPlan: (order) => this.#packs.decodesToPlan(order),
      send: (input) => this.#tell({ kind: "input", input }),
      signal: this.#abort.signal,
    });
    pipeline.failed.catch((error: unknown) => this.#fail(error));
    return pipeline;
  }

  #spawn(url: URL, data: unknown, transfer: MessagePort[]): Worker {
    // Not this process's own flags: --input-type, for one, would keep a thread from starting.
    const worker = new Worker(url, { workerData: data, transferList: transfer, execArgv: [] });
    worker.on("error", (error) => this.#fail(error));
    worker.on("exit", (code) => {
      if (code !== 0) this.#fail(new CrashError(`a thread ended with code ${code}`));
    });
    this.#workers.push(worker);
    return worker;
  }

  /** The engine has closed the volume in order. */
  async #finish(): Promise<void> {
    try {
      await this.#endThreads();
      this.#rejectAll(new FsError("EBADF", "the volume was closed first"));
      this.#closed.resolve();
    } catch (error) {
      this.#closed.reject(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    const refusal = new FsError(
      "EIO",
      `the volume's engine failed: ${message}; what was acknowledged is in its journal: open it again`,
      { cause: error },
    );
    this.#refusal = refusal;
    this.#opened.reject(refusal);
    void this.#endThreads()
      .catch(ignore)
      .then(() => {
        this.#rejectAll(refusal);
        this.#closed.reject(refusal);
      });
  }

  #rejectAll(error: FsError): void {
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) call.reject(error);
    this.#idle?.();
  }

  /** No thread of ours works on the volume any more. */
  async #endThreads(): Promise<void> {
    const reason = new FsError("ECANCELED", "the engine has ended");
    this.#abort.abort(reason);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    this.#packs.fail(reason);
    this.#callPort.close();
    await this.#pipeline.close();
    await this.#store[Symbol.asyncDispose]();
  }
}

const IS_SOURCE: boolean = import.meta.url.endsWith(".ts");
const ENGINE_THREAD_URL: URL = new URL(
  IS_SOURCE ? "./engine-thread.ts" : "./engine-thread.js",
  import.meta.url,
);
const FLUSH_THREAD_URL: URL = new URL(
  IS_SOURCE ? "./flush-thread.ts" : "./flush-thread.js",
  import.meta.url,
);

function nameOf({ method, subject }: PendingCall): string {
  const name = method.startsWith("handle") ? method.slice("handle".length).toLowerCase() : method;
  return subject === "" ? name : `${name} ${subject}`;
}

function toFsError(code: string, message: string): FsError {
  return new FsError(code in ERRNO ? (code as ErrorCode) : "EIO", message);
}

function ignore(): void {}
