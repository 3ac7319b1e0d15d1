/**
 * FSYNC at level `disk`: one flush of the journal for all that wait.
 *
 * Those that come wait until the device is empty, so that one flush answers all who asked meanwhile; it runs in this
 * thread, which costs nothing but the flush. Where others keep the engine busy, or flushes are slow, the flush thread
 * runs it and answers. Who flushed with the last two flushes is likely to come again: a flush waits for them, for about
 * as long as it takes itself.
 * What always holds: an FSYNC is answered only after a flush that began after its request was read, and it stands in
 * the deferred table until then (J7).
 */
import type { MessagePort } from "node:worker_threads";
import type { Clock } from "../../core/clock.ts";
import { CrashError } from "../../core/fs-error.ts";
import type { Channel } from "../../fuse/channel.ts";
import { writeErrorReply, type Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import type { Journal } from "../../journal/journal.ts";
import { DeferredKind, type DeferredTable } from "../deferred-table.ts";
import type { Durability } from "../front-end/front-end-context.ts";
import type { FlushReport } from "../../volume/flush-work.ts";
import type { DeferredFsync, ToFlush } from "./engine-link.ts";

/** Unflushed bytes beyond which a flush is begun although nobody asked (K1: a cut finds little to flush). */
const UNFLUSHED_SIZE_SOFT: number = 4 * 1024 * 1024;
/** Requests served while an FSYNC waits for the device to be empty, and for each client that flushes; then the flush thread is told. */
const PATIENCE = 16;
const PATIENCE_EACH = 4;
/** A flush that takes longer than this should not hold up the engine. */
const FLUSH_MS_SLOW = 4;
/**
 * Others who are expected are waited for so long at most, in naps. The time is halved when they do not come and doubled
 * when they do; once it is too short to be of use, it is not tried for a while.
 */
const GATHER_MS_MAX = 0.4;
const GATHER_MS_MIN = 0.05;
const GATHER_MS_RETRY = 0.1;
const GATHER_PAUSE = 64;
export const GATHER_NAP_US = 50;
/** Flushes after which somebody is no longer expected. */
const EXPECTED_FLUSH_COUNT = 2;
/** Threads remembered; more do not make the flushes better. */
const FLUSHER_COUNT_MAX = 64;
/** So many slow flushes in a row, and the flush thread runs the next ones; then the disk is tried again. */
const SLOW_COUNT_MAX = 4;
const THREAD_COUNT = 32;

export class FsyncQueue implements Durability {
  readonly #journal: Journal;
  readonly #port: MessagePort;
  readonly #deferred: DeferredTable;
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #atOnce: boolean;
  /** An order is with the flush thread; no other is given before its report, so that a report is of one order. */
  #isFlushing = false;
  /** The order has a ticket of the journal, which its report completes. */
  #hasTicket = false;
  #waiting: DeferredFsync[] = [];
  /** Threads of clients by number, and the flush that was to come when they asked last. */
  readonly #flushers = new Map<number, number>();
  #flushCount = 0;
  #waitingSinceMs = 0;
  #gatherMs: number = GATHER_MS_MAX;
  #gatherPause = 0;
  #isGathering = false;
  #patience: number = PATIENCE;
  #slowCount = 0;
  /** Flushes that the flush thread is to run before this thread tries one again. */
  #threadCount = 0;

  constructor(options: {
    readonly journal: Journal;
    readonly port: MessagePort;
    readonly deferred: DeferredTable;
    /** Where answers go. */
    readonly channel: Channel;
    readonly clock: Clock;
    readonly level: "memory" | "disk";
  }) {
    this.#journal = options.journal;
    this.#port = options.port;
    this.#deferred = options.deferred;
    this.#channel = options.channel;
    this.#clock = options.clock;
    this.#atOnce = options.level === "memory";
  }

  /** The flush thread has not reported yet: the journal cannot be closed. */
  get isFlushing(): boolean {
    return this.#isFlushing;
  }

  fsync(request: Request, reply: Reply): void {
    if (this.#atOnce || this.#journal.flushedJsn === this.#journal.lastJsn) {
      reply.empty();
      return;
    }
    const index = this.#defer(request);
    if (index < 0) {
      this.#flushHere();
      reply.empty();
      return;
    }
    reply.defer();
    if (this.#waiting.length === 0) {
      this.#patience = PATIENCE + PATIENCE_EACH * this.#flushers.size;
      this.#waitingSinceMs = this.#clock.monotonicMs();
    }
    const { pid } = request;
    if (this.#flushers.size < FLUSHER_COUNT_MAX || this.#flushers.has(pid)) {
      this.#flushers.set(pid, this.#flushCount);
    }
    const { uniqueLow, uniqueHigh } = request;
    this.#waiting.push({ uniqueLow, uniqueHigh, index });
  }

  /** A request was served: the device is not empty. */
  served(): void {
    if (this.#waiting.length > 0 && --this.#patience <= 0) this.#begin();
  }

  /** The device is empty: answers those who wait unless more are worth waiting for. True when it did. */
  deviceEmpty(): boolean {
    if (this.#waiting.length === 0) return false;
    if (this.#waiting.length < this.#flushers.size && this.#gatherMs > 0) {
      this.#isGathering = true;
      return false;
    }
    return this.settle();
  }

  /** Nobody is there now. True while somebody is worth waiting for, GATHER_NAP_US at a time; answers those who wait otherwise. */
  idle(): boolean {
    if (this.#waiting.length === 0) return false;
    if (this.#isGathering) {
      if (this.#clock.monotonicMs() - this.#waitingSinceMs < this.#gatherMs) return true;
      this.#gatheredInVain();
    }
    this.settle();
    return false;
  }

  /** Answers those who wait, or has the flush thread do it. True when it answered. */
  settle(): boolean {
    if (this.#waiting.length === 0 || this.#isFlushing) return false;
    if (this.#threadCount > 0) {
      this.#threadCount--;
      this.#begin();
      return false;
    }
    const startedMs = this.#clock.monotonicMs();
    this.#flushHere();
    this.#judge(this.#clock.monotonicMs() - startedMs);
    const waiters = this.#take();
    for (const waiter of waiters) {
      writeErrorReply(this.#channel, waiter, 0);
      this.#deferred.release(waiter.index);
    }
    return true;
  }

  /** Called between requests: keeps the unflushed rest small. */
  tick(): void {
    if (this.#journal.unflushedSize > UNFLUSHED_SIZE_SOFT) this.#begin();
  }

  receive(message: FlushReport): void {
    switch (message.kind) {
      case "flushed":
        this.#isFlushing = false;
        if (this.#hasTicket) this.#journal.completeFlush();
        if (this.#threadCount > 0 && this.#waiting.length > 0) this.settle();
        return;
      case "flushFailed":
        this.#journal.failFlush(new Error(message.message));
        throw new CrashError(`the journal could not be flushed: ${message.message}`);
      case "spareReady":
        this.#journal.spareReady(message.order);
        return;
      case "spareFailed":
        this.#journal.spareFailed();
    }
  }

  #flushHere(): void {
    try {
      this.#journal.flush();
    } catch (error) {
      throw new CrashError("the journal could not be flushed", { cause: error });
    }
  }

  #gatheredInVain(): void {
    this.#isGathering = false;
    this.#gatherMs /= 2;
    if (this.#gatherMs >= GATHER_MS_MIN) return;
    this.#gatherMs = 0;
    this.#gatherPause = GATHER_PAUSE;
  }

  /** A flush that several clients could have shared is about to run. */
  #learn(): void {
    if (this.#isGathering) this.#gatherMs = Math.min(GATHER_MS_MAX, this.#gatherMs * 2);
    this.#isGathering = false;
    if (this.#gatherPause > 0 && --this.#gatherPause === 0) this.#gatherMs = GATHER_MS_RETRY;
  }

  /** A disk that was slow several times in a row is left to the flush thread for a while. */
  #judge(elapsedMs: number): void {
    this.#slowCount = elapsedMs > FLUSH_MS_SLOW ? this.#slowCount + 1 : 0;
    if (this.#slowCount < SLOW_COUNT_MAX) return;
    this.#slowCount = 0;
    this.#threadCount = THREAD_COUNT;
  }

  /** Those who wait, whom a flush that begins now answers. */
  #take(): DeferredFsync[] {
    const waiters = this.#waiting;
    this.#waiting = [];
    if (this.#flushers.size > 1) this.#learn();
    const before = ++this.#flushCount - EXPECTED_FLUSH_COUNT;
    for (const [pid, last] of this.#flushers) if (last < before) this.#flushers.delete(pid);
    return waiters;
  }

  #begin(): void {
    if (this.#isFlushing) return;
    const ticket = this.#journal.beginFlush();
    if (ticket === undefined && this.#waiting.length === 0) return;
    const waiters = this.#waiting.length === 0 ? [] : this.#take();
    this.#isFlushing = true;
    this.#hasTicket = ticket !== undefined;
    // Without a ticket everything was flushed meanwhile (a cut): an empty one answers those who wait.
    this.#post({ kind: "flush", ticket: ticket ?? NOTHING_TO_FLUSH, waiters });
  }

  #post(message: ToFlush): void {
    this.#port.postMessage(message);
  }

  #defer(request: Request): number {
    return this.#deferred.add({
      kind: DeferredKind.FSYNC,
      opcode: request.opcode,
      uniqueLow: request.uniqueLow,
      uniqueHigh: request.uniqueHigh,
      nodeid: request.nodeid,
    });
  }
}

const NOTHING_TO_FLUSH = { fds: [], directory: undefined, upToJsn: 0, upToSize: 0 };
