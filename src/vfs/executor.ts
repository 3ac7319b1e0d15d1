/**
 * Runs operations by rule J1: validate, reserve journal space, execute, append; the caller replies after that.
 *
 * What always holds:
 *   - a refused operation (FsError from `prepare`) leaves neither a record nor a trace in the state;
 *   - whatever goes wrong after the reservation is a CrashError: the process ends and recovery replays (J2);
 *   - a request whose record the journal already holds (it was journalled, then the process died before its reply)
 *     is not run again: it gets the recorded result (J7). So every request runs at most one operation with its
 *     `unique`, and decides nothing before it.
 */
import { ByteReader } from "../core/byte-reader.ts";
import { assert } from "../core/assert.ts";
import { CrashError, FsError } from "../core/fs-error.ts";
import type { Ino } from "../core/ids.ts";
import {
  JournalScratch,
  type Journal,
  type ReserveOutcome,
  type WriteFields,
} from "../journal/journal.ts";
import { emptyWriteArgs, RECORD_KIND_WRITE } from "../journal/record.ts";
import type { MetaState } from "../meta/meta-state.ts";
import type { Caller, Operation } from "../meta/operation.ts";
import type { FileState } from "./file-state.ts";
import { applyWrite, prepareWrite, WriteRecordFlag } from "./ops/write.ts";

/** The journal's last record, when it may belong to a request that was never answered. */
export interface RecordedOperation {
  readonly kind: number;
  readonly version: number;
  readonly unique: number;
  readonly connection: number;
  /** The payload behind the record's header; empty for a WRITE. */
  readonly payload: Uint8Array;
  /** Of a WRITE: where the data went. */
  readonly offset: number;
}

export interface WriteRequest {
  ino: Ino;
  offset: number;
  length: number;
  /** O_APPEND: the data goes to the end, wherever the caller believes that to be. */
  append: boolean;
  killSuidgid: boolean;
  /** Bytes behind the data, in the buffer, that may be overwritten; none unless given. */
  spareSize?: number;
}

interface Run<State, Args, Result> {
  readonly operation: Operation<State, Args, Result>;
  readonly state: State;
  /** The volume's own, which may use the room that is kept for the cut. */
  readonly isOwn: boolean;
}

export class Executor {
  readonly state: FileState;
  readonly journal: Journal;
  /** FUSE connection id that records carry; 0 for the library. */
  connection = 0;
  /** Operations run since the volume was opened. */
  operationCount = 0;
  #recorded: RecordedOperation | undefined;
  readonly #scratch = new JournalScratch();
  readonly #fields = { kind: 0, version: 0, unique: 0, connection: 0 };
  readonly #write: WriteFields = {
    ...emptyWriteArgs(),
    unique: 0,
    connection: 0,
    spareSize: 0,
  };

  constructor(state: FileState, journal: Journal) {
    this.state = state;
    this.journal = journal;
  }

  /** After a restart: the last record, for the request that may come again. */
  setRecorded(recorded: RecordedOperation | undefined): void {
    this.#recorded = recorded;
  }

  runMeta<Args, Result>(
    operation: Operation<MetaState, Args, Result>,
    caller: Caller,
    args: Args,
  ): Result {
    return this.#run({ operation, state: this.state.meta, isOwn: false }, caller, args);
  }

  runFile<Args, Result>(
    operation: Operation<FileState, Args, Result>,
    caller: Caller,
    args: Args,
  ): Result {
    return this.#run({ operation, state: this.state, isOwn: false }, caller, args);
  }

  /**
   * As `runFile`, for what the volume does by itself to get room: its record may use the journal's last segment, which
   * is kept for the cut (K6). Otherwise a full journal could never learn that packs were stored.
   */
  runOwn<Args, Result>(
    operation: Operation<FileState, Args, Result>,
    caller: Caller,
    args: Args,
  ): Result {
    return this.#run({ operation, state: this.state, isOwn: true }, caller, args);
  }

  /**
   * The data are `request.length` bytes at `at + 80` of `buffer`; the 80 bytes before them are overwritten, and
   * what `request.spareSize` says.
   * Returns the position the data went to.
   */
  write(caller: Caller, request: WriteRequest, buffer: Uint8Array, at: number): number {
    const recorded = this.#takeRecorded(caller.unique, RECORD_KIND_WRITE);
    if (recorded !== undefined) return recorded.offset;
    const { state, journal } = this;
    const offset = prepareWrite(state, request);
    this.#reserve(true, request.length, false);
    const fields = this.#write;
    fields.ino = request.ino;
    fields.offset = offset;
    fields.dataLength = request.length;
    fields.timeSec = caller.now.sec;
    fields.timeNsec = caller.now.nsec;
    fields.flags = request.killSuidgid ? WriteRecordFlag.KILL_SUIDGID : 0;
    fields.unique = caller.unique;
    fields.connection = this.connection;
    fields.spareSize = request.spareSize ?? 0;
    try {
      journal.appendWrite(fields, buffer, at);
      applyWrite(state, fields, {
        segment: journal.lastSegment,
        dataAt: journal.lastDataOffset,
        dataLength: request.length,
        dataCrc: fields.dataCrc,
      });
      state.meta.trickle();
    } catch (error) {
      throw new CrashError("a write failed half way", { cause: error });
    }
    this.operationCount++;
    return offset;
  }

  #run<State, Args, Result>(run: Run<State, Args, Result>, caller: Caller, args: Args): Result {
    const { operation, state } = run;
    const recorded = this.#takeRecorded(caller.unique, operation.kind);
    if (recorded !== undefined) {
      const reader = new ByteReader().open(recorded.payload, 0, recorded.payload.length);
      return operation.decode(reader, recorded.version).result;
    }
    let result: Result;
    try {
      result = operation.prepare(state, caller, args);
    } catch (error) {
      if (error instanceof FsError) throw error;
      throw new CrashError(`${operation.name} could not be validated`, { cause: error });
    }
    const scratch = this.#scratch.reset();
    operation.encode(scratch, args, result);
    this.#reserve(false, scratch.length, run.isOwn);
    const fields = this.#fields;
    fields.kind = operation.kind;
    fields.version = operation.version;
    fields.unique = caller.unique;
    fields.connection = this.connection;
    try {
      operation.apply(state, args, result);
      this.journal.append(fields, scratch);
      this.state.meta.trickle();
    } catch (error) {
      throw new CrashError(`${operation.name} failed half way`, { cause: error });
    }
    this.operationCount++;
    return result;
  }

  /** Throws ENOSPC when the journal has no room; a journal that failed ends the process (J2). */
  #reserve(isWrite: boolean, size: number, isOwn: boolean): void {
    const { journal } = this;
    let outcome: ReserveOutcome;
    try {
      if (isWrite) outcome = journal.reserveWrite(size);
      else outcome = isOwn ? journal.reserveForCut(size) : journal.reserve(size);
    } catch (error) {
      throw new CrashError("the journal failed", { cause: error });
    }
    if (outcome !== "ok")
      throw new FsError("ENOSPC", `the journal is full (${journal.fullReason})`);
  }

  /** Whether the journal holds this request's effect already: nothing may be decided about it again. */
  isRecorded(unique: number): boolean {
    const recorded = this.#recorded;
    return (
      recorded !== undefined &&
      unique !== 0 &&
      recorded.unique === unique &&
      recorded.connection === this.connection
    );
  }

  /** The recorded operation when this request is the one it answers. */
  #takeRecorded(unique: number, kind: number): RecordedOperation | undefined {
    if (!this.isRecorded(unique)) return undefined;
    const recorded = this.#recorded!;
    this.#recorded = undefined;
    assert(recorded.kind === kind, `request ${unique} is recorded as another operation`);
    return recorded;
  }
}
