/**
 * The engine thread's work: opens the volume, answers what an earlier process left unanswered, serves /dev/fuse until
 * it is unmounted or told to stop, then stores everything and closes.
 *
 * Fully synchronous from `serve` on: what other threads say is read when the doorbell rings. What always holds: a
 * request is answered, or stands in the deferred table, before the next one is read (J7).
 */
import { availableParallelism } from "node:os";
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { SystemClock } from "../../core/clock.ts";
import { CrashError, FsError } from "../../core/fs-error.ts";
import { toHex } from "../../core/hex.ts";
import type { Ino } from "../../core/ids.ts";
import { DeviceChannel } from "../../fuse/channel.ts";
import { Dispatcher } from "../../fuse/dispatch.ts";
import { newLoopStatistics, runLoop } from "../../fuse/loop.ts";
import type { NotifierAnswer } from "../../fuse/notifier.ts";
import { NotificationWriter } from "../../fuse/notify.ts";
import { Reply, writeErrorReply } from "../../fuse/reply.ts";
import { Request } from "../../fuse/request.ts";
import { RECORD_SIZE_MAX } from "../../journal/record.ts";
import { NodeDisk } from "../../journal/disk.ts";
import { systemRandom } from "../../journal/system-random.ts";
import { drainEventfd } from "../../sys/eventfd.ts";
import { PollSet } from "../../sys/poll.ts";
import { setThreadName } from "../../sys/process.ts";
import { databasePath } from "../../volume/create-volume.ts";
import type { FlushReport } from "../../volume/flush-work.ts";
import { LocalBlocks } from "../../volume/local-blocks.ts";
import { Maintenance } from "../../volume/maintenance.ts";
import { CUT_INTERVAL_MS, VolumeCore } from "../../volume/volume-core.ts";
import { DEFERRED_COUNT, DeferredKind } from "../deferred-table.ts";
import { FrontEndContext } from "../front-end/front-end-context.ts";
import { volumeFilesystem } from "../front-end/volume-filesystem.ts";
import { mapHandoffFile, type HandoffArea } from "../handoff-area.ts";
import { JournalEndSink } from "./journal-end-sink.ts";
import { AccessObserver } from "./access-observer.ts";
import type { AccessEntry, EngineThreadStart, FromEngine, ToEngine } from "./engine-link.ts";
import { describeCore } from "./describe-core.ts";
import { FsyncQueue, GATHER_NAP_US } from "./fsync-queue.ts";
import { LateIoctls } from "./late-ioctls.ts";
import { LostRequests } from "./lost-requests.ts";
import { OrphanReaper } from "./orphan-reaper.ts";
import { ServeStatistics } from "./serve-statistics.ts";
import { journalRoot, stagingRoot } from "../../volume/volume-paths.ts";
import { VolumeRoom } from "../../volume/volume-room.ts";

/** Requests between two looks at the clock for a due cut: under a millisecond of work. */
const TICK_INTERVAL = 64;
/** Bytes of a request that count as another one: every few MiB of writes a flush may be worth beginning. */
const TICK_SIZE: number = 64 * 1024;
/** And between two when the thread sleeps after each. */
const TICK_INTERVAL_IDLE = 16;
/** What is due waits no longer than this after the last request. */
const NAP_MS = 1;
/** With nothing to commit the thread sleeps this long at a time; the doorbell wakes it. */
const IDLE_SLEEP_MS = 60_000;
/** In `#both`. */
const DOORBELL_INDEX = 1;
/** While draining, how long to wait for the other threads at a time. */
const DRAIN_SLEEP_MS = 1000;
const EAGAIN = -11;
/** The default of 16,384 entries goes with 300 MiB in all. */
const MEMORY_PER_CACHE_ENTRY = 19_200;
const CACHE_GENERATION_MIN = 1024;
const CACHE_GENERATION_MAX = 262_144;

export class EngineServer {
  readonly #start: EngineThreadStart;
  readonly #port: MessagePort;
  readonly #clock = new SystemClock();
  readonly #statistics = newLoopStatistics();
  readonly #served = new ServeStatistics(this.#clock);
  readonly #area: HandoffArea;
  readonly #device: DeviceChannel;
  readonly #doorbellScratch = new Uint8Array(8);
  readonly #both: PollSet;
  readonly #doorbellOnly: PollSet;
  readonly #blocks: LocalBlocks;
  #core!: VolumeCore;
  #fsync!: FsyncQueue;
  #reaper!: OrphanReaper;
  #lost!: LostRequests;
  #ioctls!: LateIoctls;
  #room!: VolumeRoom;
  #maintenance!: Maintenance;
  #observer: AccessObserver | undefined;
  #untilTick: number = TICK_INTERVAL;
  /** What `#untilTick` was before the last nap: still the same, nothing was served since. */
  #untilTickAtNap: number = TICK_INTERVAL;
  #sleepMs: number = CUT_INTERVAL_MS;
  /** The next sleep is short: others are expected to flush. */
  #isGathering = false;
  #isStopping = false;
  #hasRoom = true;
  #lastCut = 0;
  /** The volume is open: from now on a failure is a crash, not a refusal. */
  isServing = false;

  constructor(start: EngineThreadStart, port: MessagePort) {
    this.#start = start;
    this.#port = port;
    const { fuseFd, doorbellFd, options, stateDirectory } = start;
    this.#area = mapHandoffFile(start.handoffFd);
    this.#device = new DeviceChannel(fuseFd);
    this.#both = new PollSet([fuseFd, doorbellFd]);
    this.#doorbellOnly = new PollSet([doorbellFd]);
    this.#blocks = new LocalBlocks({
      storeRoot: options.root,
      stagingRoot: stagingRoot(stateDirectory),
      volumeUuid: options.uuid,
      timeline: options.timeline,
      clock: this.#clock,
    });
    setThreadName("shoal-engine");
  }

  /** Returns when the volume is closed. Throws CrashError and whatever else must end the process. */
  serve(generation: number): void {
    const { session } = this.#area;
    if (session === undefined) throw new CrashError("the engine was started before INIT");
    const startedMs = this.#clock.monotonicMs();
    const sink = new JournalEndSink(this.#area.appendedEnd);
    const core = this.#open(sink);
    this.#core = core;
    this.isServing = true;
    sink.attach(core.journal.uuid);
    core.executor.connection = this.#area.connectionId;
    const context = this.#makeParts();
    const request = new Request(this.#area.request.bytes);
    const reply = new Reply(this.#device);
    const dispatcher = new Dispatcher(volumeFilesystem(context), session);
    const serveOne = (size: number): void => {
      request.decode(size);
      const observer = this.#observer;
      this.#served.begin();
      if (observer === undefined) dispatcher.dispatch(request, reply);
      else observer.observe(request, reply, dispatcher);
      this.#served.end(request, reply);
      this.#area.status.answered();
      // It is answered, or in the deferred table: whatever the journal gets next is not this request's record (J7).
      this.#area.request.beginRead();
    };
    const reaped = generation === 1 ? this.#reaper.reapAll() : 0;
    this.#lost = new LostRequests({
      writer: new NotificationWriter(this.#device),
      deferred: this.#area.deferred,
      session,
      generation,
    });
    const resumed = this.#resume(serveOne);
    this.#post({
      kind: "serving",
      journalDir: `${journalRoot(this.#start.stateDirectory)}/${toHex(core.journal.uuid)}`,
      journalUuid: toHex(core.journal.uuid),
      pendingPacks: [...core.state.pending.keys()],
      findings: {
        openMs: Math.round(this.#clock.monotonicMs() - startedMs),
        dirtyBytes: core.state.dirty.byteCount,
        pendingPacks: core.pendingPackCount,
        reaped,
        resumed,
      },
    });
    core.orderPending();
    const outcome = this.#loop(serveOne);
    this.#finish(outcome);
  }

  #open(sink: JournalEndSink): VolumeCore {
    const { options, stateDirectory } = this.#start;
    const path = databasePath(options.root);
    return VolumeCore.open({
      databasePath: path,
      journalRoot: journalRoot(stateDirectory),
      disk: new NodeDisk(),
      random: systemRandom,
      clock: this.#clock,
      acl: options.acl,
      timeline: options.timeline,
      blocks: this.#blocks,
      output: (output) => this.#post({ kind: "output", output }),
      ...cacheGenerationFor(options.memorySize),
      appendedEnd: sink,
      appendedEndKnown: (uuid) => sink.known(uuid),
    });
  }

  #makeParts(): FrontEndContext {
    const { flushPort, notifierPort, options } = this.#start;
    const core = this.#core;
    this.#fsync = new FsyncQueue({
      journal: core.journal,
      port: flushPort,
      deferred: this.#area.deferred,
      channel: this.#device,
      clock: this.#clock,
      level: options.level,
    });
    this.#reaper = new OrphanReaper({
      executor: core.executor,
      port: notifierPort,
      caller: () => core.caller(),
    });
    this.#ioctls = new LateIoctls({
      channel: this.#device,
      port: notifierPort,
      deferred: this.#area.deferred,
    });
    this.#maintenance = new Maintenance({
      state: core.state,
      executor: core.executor,
      clock: this.#clock,
      caller: () => core.caller(),
      hints: (pack) => this.#blocks.hints(pack),
    });
    this.#room = new VolumeRoom({
      root: options.root,
      state: core.state,
      clock: this.#clock,
      readOnly: options.readOnly,
    });
    return new FrontEndContext({
      executor: core.executor,
      reader: core.reader,
      durability: this.#fsync,
      caches: {
        invalidateData: (ino: Ino, offset: number) => {
          notifierPort.postMessage({ id: 0, kind: "invalInode", ino, offset, length: 0 });
        },
        attributesChanged: (request, reply, ino) => this.#ioctls.answer(request, reply, ino),
        forgotten: (ino: Ino) => this.#reaper.forgotten(ino),
      },
      space: this.#room,
      clock: this.#clock,
      saveHeader: () => this.#area.request.saveHeader(),
      keepsAtime: options.keepsAtime && !options.readOnly,
    });
  }

  /** Answers what the process before had read and not answered (J7). Returns how many. */
  #resume(serveOne: (size: number) => void): number {
    let count = 0;
    for (let index = 0; index < DEFERRED_COUNT; index++) {
      const entry = this.#area.deferred.get(index);
      if (entry === undefined) continue;
      count++;
      if (entry.kind === DeferredKind.IOCTL) {
        this.#ioctls.resume(entry, index);
        continue;
      }
      // Recovery flushed everything that was journalled before it served.
      writeErrorReply(this.#device, entry, 0);
      this.#area.deferred.release(index);
    }
    const size = this.#area.request.recover();
    if (size > 0) {
      serveOne(size);
      this.#area.request.beginRead();
      count++;
    }
    // What comes again comes later than this: until then its record is kept. Numbers are never used twice.
    if (!this.#lost.isDue) this.#core.executor.setRecorded(undefined);
    this.#lost.tick();
    return count;
  }

  #loop(serveOne: (size: number) => void): "unmounted" | "stopped" {
    const { request } = this.#area;
    return runLoop({
      channel: {
        read: (into) => (this.#checkRoom() ? this.#device.read(into) : EAGAIN),
        write: (bytes, size) => this.#device.write(bytes, size),
      },
      buffer: request.bytes,
      waiter: { wait: () => this.#sleep() },
      drainDoorbell: () => drainEventfd(this.#start.doorbellFd, this.#doorbellScratch),
      onRequest: (size) => {
        serveOne(size);
        // It is answered, and records of our own may follow now: found again behind them it would be taken for new.
        request.beginRead();
        this.#fsync.served();
        this.#untilTick -= 1 + Math.floor(size / TICK_SIZE);
        if (this.#untilTick <= 0) this.#tick();
      },
      onDoorbell: () => this.#receiveAll(),
      beforeRead: () => request.beginRead(),
      onEmpty: () => this.#fsync.deviceEmpty(),
      onIdle: () => this.#idle(),
      shouldStop: () => this.#isStopping,
      clock: this.#clock,
      cpuCount: availableParallelism,
      statistics: this.#statistics,
    });
  }

  /** Room for the largest request; without it nothing is read from the device (K6). */
  #checkRoom(): boolean {
    const { journal } = this.#core;
    this.#hasRoom =
      journal.reserveWrite(RECORD_SIZE_MAX - 80) === "ok" || journal.fullReason === "disk";
    if (!this.#hasRoom && this.#core.hasChanges && this.#core.mayCut) this.#core.cut();
    return this.#hasRoom;
  }

  /** Before a sleep. A client that asks for one thing after another must not pay for a tick each time. */
  #idle(): void {
    this.#isGathering = this.#fsync.idle();
    if (this.#isGathering) return;
    const untilTick = this.#untilTick;
    if (untilTick === this.#untilTickAtNap || untilTick <= TICK_INTERVAL - TICK_INTERVAL_IDLE) {
      this.#tick();
      return;
    }
    this.#untilTickAtNap = untilTick;
    this.#sleepMs = NAP_MS;
  }

  /** Returns false when the doorbell did not ring. */
  #sleep(): boolean {
    if (!this.#hasRoom) return this.#doorbellOnly.wait(this.#sleepMs) > 0;
    const count = this.#isGathering
      ? this.#both.waitUs(GATHER_NAP_US)
      : this.#both.wait(this.#sleepMs);
    return count > 0 && this.#both.events(DOORBELL_INDEX) !== 0;
  }

  #tick(): void {
    this.#untilTick = TICK_INTERVAL;
    this.#untilTickAtNap = TICK_INTERVAL;
    const dueMs = this.#core.tick();
    this.#fsync.tick();
    this.#reaper.tick();
    this.#lost.tick();
    if (this.#core.problem === undefined) this.#maintenance.tick();
    this.#observer?.flush();
    const order = this.#core.journal.wantSpare();
    if (order !== undefined) this.#start.flushPort.postMessage({ kind: "spare", order });
    this.#sleepMs = this.#core.hasChanges ? Math.max(1, Math.ceil(dueMs)) : IDLE_SLEEP_MS;
  }

  #receiveAll(): void {
    const { flushPort, notifierPort } = this.#start;
    for (let item = receiveMessageOnPort(flushPort); item; item = receiveMessageOnPort(flushPort)) {
      this.#fsync.receive(item.message as FlushReport);
    }
    for (
      let item = receiveMessageOnPort(notifierPort);
      item;
      item = receiveMessageOnPort(notifierPort)
    ) {
      const answer = item.message as NotifierAnswer;
      this.#reaper.receive(answer);
      this.#ioctls.receive(answer);
    }
    for (
      let item = receiveMessageOnPort(this.#port);
      item;
      item = receiveMessageOnPort(this.#port)
    ) {
      this.#receive(item.message as ToEngine);
    }
    this.#tick();
  }

  #receive(message: ToEngine): void {
    switch (message.kind) {
      case "input":
        this.#core.receive(message.input);
        return;
      case "call":
        this.#answer(message.id, message.method, message.params);
        return;
      case "stop":
        this.#isStopping = true;
        return;
      case "serve":
        throw new CrashError("the engine serves already");
    }
  }

  #answer(id: number, method: string, params: unknown): void {
    try {
      this.#post({ kind: "answer", id, value: this.#call(method, params) });
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#post({ kind: "failure", id, code: error.code, message: error.message });
    }
  }

  #call(method: string, params: unknown): unknown {
    const core = this.#core;
    if (method === "cut") {
      if (core.hasChanges) this.#lastCut = core.cut();
      return { cut: this.#lastCut };
    }
    if (method === "stored") {
      const { cut } = params as { cut: number };
      return { stored: core.isStored(cut), problem: core.problem?.message };
    }
    if (method === "remount") {
      this.#room.readOnly = (params as { readOnly: boolean }).readOnly;
      return { readOnly: this.#room.readOnly };
    }
    if (method === "observe") {
      const { on } = params as { on: boolean };
      const post = (records: readonly AccessEntry[]): void =>
        this.#post({ kind: "access", records });
      this.#observer = on ? new AccessObserver(this.#clock, post) : undefined;
      return {};
    }
    if (method === "state") return this.#describe();
    throw new FsError("EOPNOTSUPP", `the engine has no method ${method}`);
  }

  #describe(): Record<string, unknown> {
    const { errors, readBytes, writtenBytes, flushes, busyMs, latency } = this.#served;
    return {
      ...describeCore(this.#core),
      ...this.#statistics,
      errors,
      readBytes,
      writtenBytes,
      flushes,
      busyMs,
      latency: [...latency],
      hasRoom: this.#hasRoom,
    };
  }

  /** Stores everything, commits the last instant as clean, and closes. */
  #finish(outcome: "unmounted" | "stopped"): void {
    const core = this.#core;
    if (outcome === "unmounted") this.#reaper.reapAll();
    this.#fsync.settle();
    // The flush thread holds the journal's descriptors until it has reported.
    while (!core.isSettled || this.#fsync.isFlushing) {
      if (core.hasChanges && core.mayCut) core.cut();
      if (core.isSettled && !this.#fsync.isFlushing) break;
      this.#doorbellOnly.wait(DRAIN_SLEEP_MS);
      drainEventfd(this.#start.doorbellFd, this.#doorbellScratch);
      this.#receiveAll();
      this.#fsync.settle();
    }
    core.closeClean();
    this.#blocks[Symbol.dispose]();
    this.#post({ kind: "ended", outcome });
  }

  #post(message: FromEngine): void {
    this.#port.postMessage(message);
  }
}

/** By how much memory there is: the caches of inodes and names are what can be given up. */
function cacheGenerationFor(memorySize: number | undefined): { cacheGeneration?: number } {
  if (memorySize === undefined) return {};
  const entries = Math.floor(memorySize / MEMORY_PER_CACHE_ENTRY);
  return {
    cacheGeneration: Math.min(CACHE_GENERATION_MAX, Math.max(CACHE_GENERATION_MIN, entries)),
  };
}
