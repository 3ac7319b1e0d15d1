/**
 * What `FileHandle.sync` waits for: one flush of the journal for all that wait.
 *
 * When nothing else waits for the engine the flush runs in place; otherwise the flush thread runs it. What always
 * holds: a call is answered only after a flush that began after it came (DESIGN section 8, level `disk`).
 */
import { CrashError } from "../../core/fs-error.ts";
import type { Journal } from "../../journal/journal.ts";
import type { FlushOrder, FlushReport } from "../flush-work.ts";

/** Unflushed bytes beyond which a flush is begun although nobody asked (K1: a cut finds little to flush). */
const UNFLUSHED_SIZE_SOFT: number = 4 * 1024 * 1024;

export interface FlushQueueOptions {
  readonly journal: Journal;
  /** To the flush thread, whose answers are given to `receive`. */
  readonly order: (order: FlushOrder) => void;
  readonly done: (id: number) => void;
  readonly level: "memory" | "disk";
}

export class FlushQueue {
  readonly #options: FlushQueueOptions;
  /** Not yet part of a flush. */
  #waiting: number[] = [];
  /** Answered when the flush thread reports. */
  #flushing: number[] = [];
  #isFlushing = false;

  constructor(options: FlushQueueOptions) {
    this.#options = options;
  }

  /** A flush ticket is out: the journal cannot be closed. */
  get isFlushing(): boolean {
    return this.#isFlushing;
  }

  add(id: number): void {
    if (this.#options.level === "memory") this.#options.done(id);
    else this.#waiting.push(id);
  }

  /** Between calls. `isBusy`: more of them wait. */
  run({ isBusy }: { readonly isBusy: boolean }): void {
    const { journal } = this.#options;
    const isSoft = journal.unflushedSize <= UNFLUSHED_SIZE_SOFT;
    if ((this.#waiting.length === 0 && isSoft) || this.#isFlushing) return;
    if (isBusy || !isSoft) this.#begin();
    if (!this.#isFlushing) this.#flushHere();
  }

  receive(report: FlushReport): void {
    const { journal, done } = this.#options;
    switch (report.kind) {
      case "flushed": {
        this.#isFlushing = false;
        journal.completeFlush();
        const answered = this.#flushing;
        this.#flushing = [];
        for (const id of answered) done(id);
        return;
      }
      case "flushFailed":
        journal.failFlush(new Error(report.message));
        throw new CrashError(`the journal could not be flushed: ${report.message}`);
      case "spareReady":
        journal.spareReady(report.order);
        return;
      case "spareFailed":
        journal.spareFailed();
    }
  }

  /** Nothing to do where a cut has flushed everything meanwhile. */
  #begin(): void {
    const ticket = this.#options.journal.beginFlush();
    if (ticket === undefined) return;
    this.#isFlushing = true;
    this.#flushing = this.#waiting;
    this.#waiting = [];
    this.#options.order({ kind: "flush", ticket });
  }

  #flushHere(): void {
    try {
      this.#options.journal.flush();
    } catch (error) {
      throw new CrashError("the journal could not be flushed", { cause: error });
    }
    const answered = this.#waiting;
    this.#waiting = [];
    for (const id of answered) this.#options.done(id);
  }
}
