/**
 * All that operations on files see: metadata, dirty ranges, packs and the plans of those still being built, and the
 * two places bytes are read from. One object a volume, owned by the engine thread.
 */
import type { Ino, PackId } from "../core/ids.ts";
import { BLOCK_SIZE_MAX } from "../core/limits.ts";
import type { MetaState } from "../meta/meta-state.ts";
import { DirtyData } from "./dirty-data.ts";
import { PackBook } from "./pack-book.ts";
import { decodePlan, type PlannedPack } from "./planned-pack.ts";

/** Reads back what WRITE records hold; synchronous, from the page cache. */
export interface JournalBytes {
  /** Fills `into[at, at + length)` from `offset` of a segment. Throws EIO when the bytes are not there. */
  readData(segment: number, offset: number, into: Uint8Array, at: number, length: number): void;
}

/** Reads plain bytes of stored blocks; synchronous. */
export interface BlockBytes {
  /** Fills `into[at, at + length)` from `offset` of the block. Throws CorruptError or EIO, naming pack and block. */
  readBlock(options: BlockRange, into: Uint8Array, at: number): void;
  /** The pack is about to be deleted: nothing of it is asked for again, so nothing may keep its space. */
  forget(pack: PackId): void;
}

export interface BlockRange {
  readonly pack: PackId;
  readonly index: number;
  readonly offset: number;
  readonly length: number;
}

/** Slices in one read from which on its region counts as fragmented. */
const FRAGMENT_COUNT = 32;
const FRAGMENTED_COUNT_MAX = 1024;

export class FileState {
  readonly meta: MetaState;
  readonly dirty: DirtyData = new DirtyData();
  readonly packs: PackBook;
  /** Packs that are planned but not stored; their bytes are read from where the plan says. */
  readonly pending: Map<PackId, PlannedPack> = new Map();
  /** Regions of files (BLOCK_SIZE_MAX each) that were seen to lie in many slices: a hint for compaction, bounded. */
  readonly fragmented: Map<string, { readonly ino: Ino; readonly region: number }> = new Map();
  readonly journal: JournalBytes;
  readonly blocks: BlockBytes;
  /** Number of the cut that is being gathered; the first is 1. */
  cut: number;

  constructor(options: {
    readonly meta: MetaState;
    readonly journal: JournalBytes;
    readonly blocks: BlockBytes;
    readonly cut: number;
  }) {
    this.meta = options.meta;
    this.journal = options.journal;
    this.blocks = options.blocks;
    this.cut = options.cut;
    this.packs = new PackBook(options.meta.tables.packs);
    for (const { pack, plan } of options.meta.tables.plans.list()) {
      this.pending.set(pack, decodePlan(pack, plan));
    }
  }

  /** Plain bytes of packs that are not stored yet. */
  get pendingSize(): number {
    let size = 0;
    for (const pack of this.pending.values()) size += pack.plainSize;
    return size;
  }

  /** A read or a cut met `sliceCount` slices of a file around `pos`. */
  noteSlices(ino: Ino, pos: number, sliceCount: number): void {
    if (sliceCount < FRAGMENT_COUNT || this.fragmented.size >= FRAGMENTED_COUNT_MAX) return;
    const region = Math.floor(pos / BLOCK_SIZE_MAX);
    this.fragmented.set(`${ino}/${region}`, { ino, region });
  }
}
