/**
 * Work the volume does for itself, in small steps between requests: packs with little live data and packs that are
 * small are rewritten into full ones, and so are ranges of files that lie in many slices (compaction).
 *
 * What always holds: a step is one REWRITE operation of at most STEP_SIZE bytes and STEP_BLOCK_COUNT blocks; it begins
 * only when no pack is pending and the store works, so that it never competes with what clients wait for.
 */
import { BLOCK_SIZE_MAX } from "../core/limits.ts";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { toIno, type Ino, type PackId } from "../core/ids.ts";
import type { Caller } from "../meta/operation.ts";
import { PackState, type PackRow } from "../meta/tables.ts";
import type { Executor } from "../vfs/executor.ts";
import type { FileState } from "../vfs/file-state.ts";
import { rewrite, type RewriteRange } from "../vfs/ops/rewrite.ts";
import { ZERO_PACK } from "../vfs/pack-book.ts";

/** Between two steps: at most 8 MiB a second of background writing. */
const STEP_INTERVAL_MS = 2000;
const STEP_SIZE: number = 16 * 1024 * 1024;
/** About 5 ms of the engine's time. */
const STEP_BLOCK_COUNT = 512;
/** Packs with less live than this share of what was put in are emptied. */
const LIVE_SHARE_MIN = 0.5;
/** Packs below this are small; this many of them are merged. */
const SMALL_PACK_SIZE: number = 4 * 1024 * 1024;
const SMALL_PACK_COUNT = 16;

/** What a pack was made of: a hint where its slices may be (they may also have moved, or be shared). */
export interface PackHints {
  readonly inos: ArrayLike<number>;
  readonly filePositions: ArrayLike<number>;
  readonly plainLengths: ArrayLike<number>;
}

export interface MaintenanceOptions {
  readonly state: FileState;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly caller: () => Caller;
  /** Of a stored pack. Throws CorruptError when it is damaged: the pack is then left alone. */
  readonly hints: (pack: PackId) => PackHints;
}

export class Maintenance {
  readonly #options: MaintenanceOptions;
  #lastMs: number;
  /** Damaged, or looked through in vain: not tried again in this life of the engine. */
  readonly #skipped = new Set<PackId>();
  rewrittenSize = 0;

  constructor(options: MaintenanceOptions) {
    this.#options = options;
    this.#lastMs = options.clock.monotonicMs();
  }

  /** One step when one is due. Returns whether something was rewritten: a cut should follow. */
  tick(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#lastMs < STEP_INTERVAL_MS) return false;
    this.#lastMs = nowMs;
    if (this.#options.state.pending.size > 0) return false;
    return this.step();
  }

  step(): boolean {
    const ranges = new RangeCollector(this.#options.state);
    this.#collectFragments(ranges);
    for (const pack of this.#candidates()) {
      if (ranges.isFull) break;
      this.#collectPack(pack, ranges);
    }
    if (ranges.list.length === 0) return false;
    const { executor, caller } = this.#options;
    try {
      executor.runFile(rewrite, caller(), { ranges: ranges.list });
    } catch (error) {
      if (error instanceof FsError) return false;
      throw error;
    }
    this.rewrittenSize += ranges.size;
    return true;
  }

  /** Those with the least live data first. */
  #candidates(): PackId[] {
    const sparse: PackRow[] = [];
    const small: PackRow[] = [];
    for (const row of this.#options.state.packs.values()) {
      if (row.state !== PackState.STORED || row.refCount === 0 || this.#skipped.has(row.id))
        continue;
      if (row.liveSize < row.plainSize * LIVE_SHARE_MIN) sparse.push(row);
      else if (row.plainSize < SMALL_PACK_SIZE) small.push(row);
    }
    const chosen = small.length >= SMALL_PACK_COUNT ? [...sparse, ...small] : sparse;
    chosen.sort((a, b) => a.liveSize - b.liveSize);
    return chosen.map((row) => row.id);
  }

  #collectPack(pack: PackId, ranges: RangeCollector): void {
    const { state } = this.#options;
    let found = false;
    try {
      const hints = this.#options.hints(pack);
      for (let block = 0; block < hints.inos.length && !ranges.isFull; block++) {
        const ino = toIno(hints.inos[block]!);
        const start = hints.filePositions[block]!;
        const end = start + hints.plainLengths[block]!;
        for (const row of state.meta.tables.slices.overlapping(ino, start, end)) {
          if (row.pack === pack) found = ranges.add(ino, row.pos, row.length) || found;
        }
      }
      if (found) return;
      // Moved or shared: the whole table is looked through, once.
      for (const { ino, row } of state.meta.tables.slices.referencing(pack)) {
        found = ranges.add(ino, row.pos, row.length) || found;
      }
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
    }
    if (!found && !ranges.isFull) this.#skipped.add(pack);
  }

  #collectFragments(ranges: RangeCollector): void {
    const { fragmented } = this.#options.state;
    for (const [key, { ino, region }] of fragmented) {
      if (ranges.isFull) return;
      const start = region * BLOCK_SIZE_MAX;
      for (const run of contiguousRuns(this.#options.state, ino, start, start + BLOCK_SIZE_MAX)) {
        if (run.sliceCount > 1) ranges.add(ino, run.start, run.end - run.start);
      }
      if (!ranges.isFull) fragmented.delete(key);
    }
  }
}

class RangeCollector {
  readonly list: RewriteRange[] = [];
  size = 0;
  /** Nothing more fits the step: the next one goes on. */
  isFull = false;
  readonly #state: FileState;
  readonly #ends = new Map<string, number>();

  constructor(state: FileState) {
    this.#state = state;
  }

  /** False for what is there already, or cannot be rewritten now. */
  add(ino: Ino, pos: number, length: number): boolean {
    const key = `${ino}/${pos}`;
    if (this.isFull || this.#ends.has(key) || length > BLOCK_SIZE_MAX) return false;
    if (this.#state.meta.getInode(ino) === undefined) return false;
    if (this.size + length > STEP_SIZE || this.list.length === STEP_BLOCK_COUNT) {
      this.isFull = true;
      return false;
    }
    this.#ends.set(key, pos + length);
    this.list.push({ ino, pos, length });
    this.size += length;
    return true;
  }
}

interface Run {
  readonly start: number;
  end: number;
  sliceCount: number;
}

/** Runs of stored slices without a hole between them, inside [start, end). */
function contiguousRuns(state: FileState, ino: Ino, start: number, end: number): Run[] {
  const runs: Run[] = [];
  for (const row of state.meta.tables.slices.overlapping(ino, start, end)) {
    if (row.pack === ZERO_PACK || state.packs.isPending(row.pack)) continue;
    const from = Math.max(row.pos, start);
    const to = Math.min(row.pos + row.length, end);
    const last = runs[runs.length - 1];
    if (last !== undefined && last.end === from) {
      last.end = to;
      last.sliceCount++;
    } else {
      runs.push({ start: from, end: to, sliceCount: 1 });
    }
  }
  return runs;
}
