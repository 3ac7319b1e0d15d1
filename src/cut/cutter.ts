/**
 * The cut (DESIGN section 7): in one step of the engine all dirty ranges become planned blocks, and everything is
 * committed together with the journal position it covers. Now the instant exists.
 *
 * The cut has no journal record: its effects exist exactly when its COMMIT does, and replay of a lost one starts
 * from the commit before. Rules kept here:
 *   K1  the journal is flushed to j before the COMMIT that covers j;
 *   K2  the COMMIT holds the plans;
 *   K4  SQLite's checkpoint runs between COMMIT and BEGIN, when the WAL is past a limit;
 *   J9  a segment is released only when the WAL of a commit that does without it was flushed (`walSynced`);
 *   G4a a dead pack is given up for deletion only when the commit that killed it was flushed.
 */
import { assert } from "../core/assert.ts";
import { CrashError } from "../core/fs-error.ts";
import { toJsn, type PackId } from "../core/ids.ts";
import type { Journal } from "../journal/journal.ts";
import type { SqliteTables } from "../meta/sqlite/sqlite-tables.ts";
import type { FileState } from "../vfs/file-state.ts";
import { packsReadBy, segmentsOf, type PlannedPack } from "../vfs/planned-pack.ts";
import { DirtyPlanner } from "./plan-dirty.ts";
import { encodePosition, POSITION_SETTING } from "./position.ts";

/** WAL frames (4 KiB) that may gather before a checkpoint moves them: 32 MiB. */
const WAL_FRAME_COUNT_SOFT = 8192;

export interface Cut {
  readonly number: number;
  /** Packs to be built from their plans: of the dirty ranges, and those planned by operations since the last cut. */
  readonly packs: readonly PlannedPack[];
}

interface UnsyncedCut {
  readonly number: number;
  readonly coveredJsn: number;
  /** Journal segments whose plans were fulfilled before this cut. */
  readonly releasedSegments: readonly number[];
  readonly deadPacks: readonly PackId[];
}

export class Cutter {
  readonly #state: FileState;
  readonly #journal: Journal;
  readonly #tables: SqliteTables;
  readonly #timeline: string;
  readonly #planner: DirtyPlanner;
  /** Segments each pending pack's plan reads. */
  readonly #pinned = new Map<PackId, ReadonlySet<number>>();
  /** Pins of packs that were stored since the last cut. */
  #released: number[] = [];
  readonly #unsynced: UnsyncedCut[] = [];
  /** Dead packs that were handed out for deletion. */
  readonly #deleting = new Set<PackId>();
  /** Packs were dead when the volume was opened: a process died before it had deleted them. One cut hands them out. */
  #hasDeadFromBefore: boolean;
  /** JSN the last commit covers. */
  coveredJsn: number;

  constructor(options: {
    readonly state: FileState;
    readonly journal: Journal;
    readonly tables: SqliteTables;
    readonly timeline: string;
    readonly coveredJsn: number;
  }) {
    this.#state = options.state;
    this.#journal = options.journal;
    this.#tables = options.tables;
    this.#timeline = options.timeline;
    this.#planner = new DirtyPlanner(options.state);
    this.coveredJsn = options.coveredJsn;
    this.#hasDeadFromBefore = options.state.packs.dead.size > 0;
    for (const pack of options.state.pending.values()) this.#pin(pack);
  }

  /** Whether a cut has anything to do. */
  get hasChanges(): boolean {
    return this.#journal.lastJsn > this.coveredJsn || this.#hasDeadFromBefore;
  }

  /** Plans a few files ahead of the cut, so that the cut is short. */
  planAhead(count: number): void {
    this.#planner.planOldest(count);
  }

  /** Commits this instant. `clean`: nothing follows, the journal may be gone when the volume is opened next. */
  run(options: { readonly timeMs: number; readonly clean: boolean }): Cut {
    const state = this.#state;
    try {
      this.#journal.flush();
      this.#planner.planAll();
      const packs = this.#pinNew();
      const coveredJsn = this.#journal.lastJsn;
      state.meta.flush();
      state.packs.flush(state.cut);
      this.#writePosition(coveredJsn, options);
      if (!this.#tables.inTransaction()) {
        throw new CrashError("SQLite rolled the open transaction back");
      }
      this.#tables.commit();
      this.#checkpointWal();
      this.#tables.begin();
      this.coveredJsn = coveredJsn;
      this.#unsynced.push({
        number: state.cut,
        coveredJsn,
        releasedSegments: this.#released,
        deadPacks: this.#newlyDead(),
      });
      this.#released = [];
      this.#hasDeadFromBefore = false;
      return { number: state.cut++, packs };
    } catch (error) {
      throw error instanceof CrashError
        ? error
        : new CrashError("the cut failed", { cause: error });
    }
  }

  /** A pack was stored, or given up, and the operation that says so was run: its plan's segments go after the next commit. */
  planFulfilled(pack: PackId): void {
    const segments = this.#pinned.get(pack);
    assert(segments !== undefined, `pack ${pack} was pending`);
    this.#pinned.delete(pack);
    this.#released.push(...segments);
  }

  /** The WAL was flushed up to cut `number`. Returns the packs that may be deleted from the store now. */
  walSynced(number: number): PackId[] {
    const deletable: PackId[] = [];
    while (this.#unsynced.length > 0 && this.#unsynced[0]!.number <= number) {
      const cut = this.#unsynced.shift()!;
      for (const segment of cut.releasedSegments) this.#journal.unpin(segment);
      this.#journal.dropBefore(cut.coveredJsn + 1);
      for (const pack of cut.deadPacks) deletable.push(pack);
    }
    return deletable;
  }

  /** PACK_DROPPED was run. */
  packDropped(pack: PackId): void {
    this.#deleting.delete(pack);
  }

  /** Cuts whose WAL is not known flushed. */
  get unsyncedCount(): number {
    return this.#unsynced.length;
  }

  /** The WAL of cut `number` and of those before it was flushed. */
  isSynced(number: number): boolean {
    return this.#unsynced.length === 0 || this.#unsynced[0]!.number > number;
  }

  /** No flush and no deletion is awaited. */
  get isSettled(): boolean {
    return this.#unsynced.length === 0 && this.#deleting.size === 0;
  }

  /** Pins the segments of every pending pack that is new since the last cut, and returns those packs. */
  #pinNew(): PlannedPack[] {
    const packs: PlannedPack[] = [];
    for (const pack of this.#state.pending.values()) {
      if (this.#pinned.has(pack.id)) continue;
      this.#pin(pack);
      packs.push(pack);
    }
    return packs;
  }

  #pin(pack: PlannedPack): void {
    const segments = segmentsOf(pack);
    for (const segment of segments) this.#journal.pin(segment);
    this.#pinned.set(pack.id, segments);
  }

  #newlyDead(): PackId[] {
    const { dead, pending } = this.#state.packs.dead.size === 0 ? EMPTY : this.#deadAndPending();
    return dead.filter((pack) => {
      if (this.#deleting.has(pack) || pending.has(pack)) return false;
      this.#deleting.add(pack);
      return true;
    });
  }

  /** Dead packs, and those that a pending pack still reads or that are pending themselves. */
  #deadAndPending(): { dead: PackId[]; pending: Set<PackId> } {
    const pending = new Set<PackId>(this.#state.pending.keys());
    for (const pack of this.#state.pending.values()) {
      for (const source of packsReadBy(pack)) pending.add(source);
    }
    return { dead: [...this.#state.packs.dead], pending };
  }

  #writePosition(
    coveredJsn: number,
    options: { readonly timeMs: number; readonly clean: boolean },
  ): void {
    const text = encodePosition({
      timeline: this.#timeline,
      txid: this.#state.cut,
      epoch: 0,
      journal: Buffer.from(this.#journal.uuid).toString("hex"),
      jsn: toJsn(coveredJsn),
      flushedJsn: toJsn(this.#journal.flushedJsn),
      timeMs: options.timeMs,
      clean: options.clean,
    });
    this.#tables.settings.putText(POSITION_SETTING, text);
  }

  #checkpointWal(): void {
    if (this.#tables.walFrameCount() < WAL_FRAME_COUNT_SOFT) return;
    this.#tables.walCheckpoint("PASSIVE");
  }
}

const EMPTY: { dead: PackId[]; pending: Set<PackId> } = { dead: [], pending: new Set() };
