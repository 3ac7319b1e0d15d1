/**
 * The engine of an opened volume without a mount: answers calls one by one, makes cuts when they are due, stores
 * everything at the end. Fully synchronous; what other threads say is read when the doorbell rings.
 *
 * What always holds: a call is answered only after its record is in the journal (J1); while the journal has no room no
 * call is begun, and what makes room is always heard (K6).
 */
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { SystemClock } from "../../core/clock.ts";
import { FsError } from "../../core/fs-error.ts";
import { toHex } from "../../core/hex.ts";
import { NodeDisk } from "../../journal/disk.ts";
import { RECORD_SIZE_MAX, WRITE_HEADER_SIZE } from "../../journal/record.ts";
import { systemRandom } from "../../journal/system-random.ts";
import { setThreadName } from "../../sys/process.ts";
import { databasePath } from "../create-volume.ts";
import type { FlushOrder, FlushReport } from "../flush-work.ts";
import { LocalBlocks } from "../local-blocks.ts";
import { Maintenance } from "../maintenance.ts";
import { CUT_INTERVAL_MS, VolumeCore } from "../volume-core.ts";
import { journalRoot, stagingRoot } from "../volume-paths.ts";
import { VolumeRoom } from "../volume-room.ts";
import { Doorbell } from "./doorbell.ts";
import { EngineCalls } from "./engine-calls.ts";
import type {
  EngineAnswer,
  EngineCall,
  EngineThreadStart,
  FromEngine,
  ToEngine,
} from "./engine-link.ts";
import { FlushQueue } from "./flush-queue.ts";
import { PosixSession, PosixVolume } from "./posix-session.ts";

/** Calls between two looks at the clock and at what other threads say: under a millisecond of work. */
const CALLS_AT_A_TIME = 64;
/** With nothing to commit the thread sleeps this long at a time; the doorbell wakes it. */
const IDLE_SLEEP_MS = 60_000;
/** Answers whose bytes are handed over instead of copied. */
const BYTES_METHODS: ReadonlySet<string> = new Set(["handleRead", "readFile"]);

interface StoreWaiter {
  readonly id: number;
  /** undefined: a cut is still to be made for it. */
  cut: number | undefined;
}

export class LibraryEngine {
  readonly #start: EngineThreadStart;
  readonly #port: MessagePort;
  readonly #clock = new SystemClock();
  readonly #doorbell: Doorbell;
  readonly #blocks: LocalBlocks;
  #core!: VolumeCore;
  #volume!: PosixVolume;
  #calls!: EngineCalls;
  #flushes!: FlushQueue;
  #maintenance: Maintenance | undefined;
  #storeWaiters: StoreWaiter[] = [];
  #answers: EngineAnswer[] = [];
  #answerBuffers: ArrayBuffer[] = [];
  #lastCut = 0;
  #closing: { stores: boolean } | undefined;
  /** The volume is open: from now on a failure is a crash, not a refusal. */
  isOpen = false;

  constructor(start: EngineThreadStart, port: MessagePort) {
    this.#start = start;
    this.#port = port;
    this.#doorbell = new Doorbell(start.doorbell);
    this.#blocks = new LocalBlocks({
      storeRoot: start.root,
      stagingRoot: stagingRoot(start.stateDirectory),
      volumeUuid: start.uuid,
      timeline: start.timeline,
      clock: this.#clock,
    });
    setThreadName("shoal-engine");
  }

  /** Returns when the volume is closed. Throws what a volume that cannot be opened throws, and crashes. */
  run(): void {
    this.#open();
    for (;;) {
      const seen = this.#doorbell.read();
      this.#receive();
      if (this.#closing !== undefined && this.#mayClose(this.#closing)) break;
      const isBusy = this.#closing === undefined && this.#serveCalls();
      this.#flushes.run({ isBusy });
      this.#volume.reap();
      this.#answerStored();
      this.#sendAnswers();
      const sleepMs = this.#tick();
      if (!isBusy) this.#doorbell.wait(seen, sleepMs);
    }
    if (this.#closing.stores) this.#finish();
    else this.#core.close();
    this.#blocks[Symbol.dispose]();
    this.#sendAnswers();
    this.#post({ kind: "closed" });
  }

  #open(): void {
    const { root, stateDirectory, acl, timeline, readOnly, level } = this.#start;
    const { credentials, journalLimits } = this.#start;
    const core = VolumeCore.open({
      databasePath: databasePath(root),
      journalRoot: journalRoot(stateDirectory),
      disk: new NodeDisk(),
      random: systemRandom,
      clock: this.#clock,
      acl,
      timeline,
      blocks: this.#blocks,
      ...(journalLimits === undefined ? {} : { limits: journalLimits }),
      output: (output) => this.#post({ kind: "output", output }),
    });
    this.#core = core;
    this.isOpen = true;
    core.executor.setRecorded(undefined);
    this.#lastCut = core.state.cut - 1;
    this.#makeParts(core);
    const space = new VolumeRoom({ root, state: core.state, clock: this.#clock, readOnly });
    this.#volume = new PosixVolume({ core, clock: this.#clock, space, readOnly, level });
    this.#calls = new EngineCalls(new PosixSession(this.#volume, credentials));
    if (!readOnly) this.#volume.releaseOrphans();
    const journalUuid = toHex(core.journal.uuid);
    this.#post({
      kind: "opened",
      journalDir: `${journalRoot(stateDirectory)}/${journalUuid}`,
      journalUuid,
      pendingPacks: [...core.state.pending.keys()],
    });
    core.orderPending();
  }

  #makeParts(core: VolumeCore): void {
    const { flushPort, level, readOnly } = this.#start;
    this.#flushes = new FlushQueue({
      journal: core.journal,
      order: (order: FlushOrder) => flushPort.postMessage(order),
      done: (id) => this.#answers.push({ id, value: undefined }),
      level,
    });
    if (readOnly) return;
    this.#maintenance = new Maintenance({
      state: core.state,
      executor: core.executor,
      clock: this.#clock,
      caller: () => core.caller(),
      hints: (pack) => this.#blocks.hints(pack),
    });
  }

  #receive(): void {
    const { flushPort } = this.#start;
    for (let item = receiveMessageOnPort(flushPort); item; item = receiveMessageOnPort(flushPort)) {
      this.#flushes.receive(item.message as FlushReport);
    }
    const port = this.#port;
    for (let item = receiveMessageOnPort(port); item; item = receiveMessageOnPort(port)) {
      const message = item.message as ToEngine;
      if (message.kind === "input") this.#core.receive(message.input);
      else this.#beginClose(message.stores);
    }
  }

  /** True when more calls may be waiting. */
  #serveCalls(): boolean {
    const { callPort } = this.#start;
    for (let count = 0; count < CALLS_AT_A_TIME; count++) {
      if (!this.#hasRoom()) return false;
      const item = receiveMessageOnPort(callPort);
      if (item === undefined) return false;
      this.#serve(item.message as EngineCall);
    }
    return true;
  }

  /** For the largest record; without it nothing is begun. A full disk is each call's own to say. */
  #hasRoom(): boolean {
    const { journal } = this.#core;
    const dataSize = RECORD_SIZE_MAX - WRITE_HEADER_SIZE;
    if (journal.reserveWrite(dataSize) === "ok" || journal.fullReason === "disk") return true;
    this.#cut();
    return journal.reserveWrite(dataSize) === "ok";
  }

  #serve({ id, method, args }: EngineCall): void {
    try {
      if (method === "store") {
        this.#storeWaiters.push({ id, cut: undefined });
      } else if (method === "handleSync") {
        this.#calls.handle(args[0] as number).contentInode();
        this.#flushes.add(id);
      } else {
        const call = this.#calls[method] as (...args: unknown[]) => unknown;
        this.#answer(id, method, call.apply(this.#calls, [...args]));
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#answers.push({ id, code: error.code, message: error.message });
    }
  }

  #answer(id: number, method: string, value: unknown): void {
    this.#answers.push({ id, value });
    if (value instanceof Uint8Array && BYTES_METHODS.has(method)) {
      this.#answerBuffers.push(value.buffer as ArrayBuffer);
      // Whoever waits for bytes should not wait for others' too.
      this.#sendAnswers();
    }
  }

  /** One message for all that was answered since the last. */
  #sendAnswers(): void {
    if (this.#answers.length === 0) return;
    const message: FromEngine = { kind: "answers", answers: this.#answers };
    this.#port.postMessage(message, this.#answerBuffers);
    this.#answers = [];
    this.#answerBuffers = [];
  }

  /** Answers `store` calls whose cut, and all before it, is in the store. */
  #answerStored(): void {
    if (this.#storeWaiters.length === 0) return;
    const core = this.#core;
    const isWanted = this.#storeWaiters.some((waiter) => waiter.cut === undefined);
    if (isWanted && (!core.hasChanges || this.#cut())) {
      for (const waiter of this.#storeWaiters) waiter.cut ??= this.#lastCut;
    }
    const left: StoreWaiter[] = [];
    for (const waiter of this.#storeWaiters) {
      const { id, cut } = waiter;
      if (cut === undefined || !core.isStored(cut)) left.push(waiter);
      else this.#answers.push({ id, value: undefined });
    }
    this.#storeWaiters = left;
  }

  /** False when too many cuts wait for their packs. */
  #cut(): boolean {
    const core = this.#core;
    if (!core.hasChanges || !core.mayCut) return false;
    this.#lastCut = core.cut();
    return true;
  }

  /** Main has waited for all calls but `store`. */
  #beginClose(stores: boolean): void {
    if (this.#closing === undefined) {
      this.#calls.closeAll();
      this.#volume.reap();
    }
    this.#closing = { stores: stores && this.#closing?.stores !== false };
  }

  /** What is due between calls. Returns how long to sleep at most. */
  #tick(): number {
    const core = this.#core;
    const cutBefore = core.state.cut;
    const dueMs = core.tick();
    if (core.state.cut !== cutBefore) this.#lastCut = core.state.cut - 1;
    if (core.problem === undefined && this.#closing === undefined) this.#maintenance?.tick();
    const order = core.journal.wantSpare();
    if (order !== undefined) this.#start.flushPort.postMessage({ kind: "spare", order });
    if (this.#closing !== undefined) return CUT_INTERVAL_MS;
    return core.hasChanges ? Math.max(1, Math.ceil(dueMs)) : IDLE_SLEEP_MS;
  }

  #mayClose({ stores }: { readonly stores: boolean }): boolean {
    if (this.#flushes.isFlushing) return false;
    if (!stores) return true;
    if (!this.#core.isSettled) this.#cut();
    return this.#core.isSettled;
  }

  /** Everything is stored, so whoever waits for that has it. */
  #finish(): void {
    this.#flushes.run({ isBusy: false });
    this.#core.closeClean();
    for (const { id } of this.#storeWaiters) {
      this.#answers.push({ id, value: undefined });
    }
  }

  #post(message: FromEngine): void {
    this.#port.postMessage(message);
  }
}
