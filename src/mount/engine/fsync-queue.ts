/**
 * FSYNC at level `disk`: one flush of the journal for all that wait.
 *
 * When nothing else waits for the engine the flush runs in place; otherwise the flush thread runs it and answers.
 * What always holds: an FSYNC is answered only after a flush that began after its request was read, and it stands in
 * the deferred table until then (J7).
 */
import type { MessagePort } from "node:worker_threads";
import { CrashError } from "../../core/fs-error.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import type { Journal } from "../../journal/journal.ts";
import { DeferredKind, type DeferredTable } from "../deferred-table.ts";
import type { Durability } from "../front-end/front-end-context.ts";
import type { FlushReport } from "../../volume/flush-work.ts";
import type { DeferredFsync, ToFlush } from "./engine-link.ts";

/** Unflushed bytes beyond which a flush is begun although nobody asked (K1: a cut finds little to flush). */
const UNFLUSHED_SIZE_SOFT: number = 4 * 1024 * 1024;

export class FsyncQueue implements Durability {
  readonly #journal: Journal;
  readonly #port: MessagePort;
  readonly #deferred: DeferredTable;
  readonly #isBusy: () => boolean;
  readonly #atOnce: boolean;
  /** An order is with the flush thread; no other is given before its report, so that a report is of one order. */
  #isFlushing = false;
  /** The order has a ticket of the journal, which its report completes. */
  #hasTicket = false;
  #waiting: DeferredFsync[] = [];

  constructor(options: {
    readonly journal: Journal;
    readonly port: MessagePort;
    readonly deferred: DeferredTable;
    /** Whether another request waits for the engine right now. */
    readonly isBusy: () => boolean;
    readonly level: "memory" | "disk";
  }) {
    this.#journal = options.journal;
    this.#port = options.port;
    this.#deferred = options.deferred;
    this.#isBusy = options.isBusy;
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
    const index = !this.#isFlushing && !this.#isBusy() ? -1 : this.#defer(request);
    if (index < 0) {
      this.#flushHere();
      reply.empty();
      return;
    }
    reply.defer();
    const { uniqueLow, uniqueHigh } = request;
    this.#waiting.push({ uniqueLow, uniqueHigh, index });
    this.#begin();
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
        if (this.#waiting.length > 0) this.#begin();
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

  #begin(): void {
    if (this.#isFlushing) return;
    const ticket = this.#journal.beginFlush();
    const waiters = this.#waiting;
    if (ticket === undefined && waiters.length === 0) return;
    this.#waiting = [];
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
      offset: 0,
      jsn: this.#journal.lastJsn,
      size: 0,
      flags: 0,
      uid: request.uid,
      gid: request.gid,
      pid: request.pid,
    });
  }
}

const NOTHING_TO_FLUSH = { fds: [], directory: undefined, upToJsn: 0, upToSize: 0 };
