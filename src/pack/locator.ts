/**
 * Where a pack is on this machine, and the synchronous read from there: what the engine thread asks before it delegates.
 *
 * A pack is looked for in the staging directory, in the store's own directory (a `file` store is read in place, nothing is
 * cached twice), in the cache. What always holds: nothing here writes but the mtime that marks a use; at most
 * `openCountMax` descriptors and `indexSizeMax` bytes of indexes are held; `done` is answered only for checked bytes.
 * A file stays readable while it is open, whatever the owner of the cache does with its name.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { CorruptError } from "../core/fs-error.ts";
import type { PackId } from "../core/ids.ts";
import { FRAME_SIZE } from "../core/limits.ts";
import { PART_SUFFIX, readCacheMap } from "./cache-entry.ts";
import type { CacheMap } from "./cache-map.ts";
import type { FrameCache } from "./frame-cache.ts";
import type { PackIdentity } from "./pack-format.ts";
import { decodePackTail, packTailLength, type PackIndex } from "./pack-index.ts";
import { PackMap } from "./pack-map.ts";
import { packKey, packPath } from "./pack-name.ts";
import {
  checkBlockRange,
  DamagedFrameError,
  FilePackSource,
  PackReader,
  readPackIndexSync,
  readPackTailSync,
  TAIL_READ_SIZE,
} from "./reader.ts";
import { errorCode } from "./system-error.ts";

/** Descriptors may be few on a machine, and a hot set spans few packs. */
export const OPEN_COUNT_MAX_DEFAULT = 64;
/** The indexes of 120 packs of 4,000 small files, or of thousands of packs of large ones. */
export const INDEX_SIZE_MAX_DEFAULT: number = 16 * 1024 * 1024;
/** How often a use is written to a cache file's mtime; the evicting thread sees uses this late. */
export const USE_MARK_INTERVAL_MS: number = 10 * 60 * 1000;

/** An index and footer that were kept elsewhere, in a pack row. */
export interface KnownTail {
  readonly tail: Uint8Array;
  /** Bytes of the whole pack. */
  readonly packSize: number;
}

export interface PackLocatorOptions {
  /** The volume's uuid as 32 hex digits. */
  readonly volume: string;
  readonly stagingDirectory: string | undefined;
  /** `capabilities.localRoot` of a `file` store. */
  readonly storeDirectory: string | undefined;
  readonly cacheDirectory: string | undefined;
  readonly frames: FrameCache;
  readonly clock: Clock;
  readonly openCountMax?: number;
  readonly indexSizeMax?: number;
  /** Asked once for a pack whose index is not in memory. */
  readonly knownTail?: (timeline: string, pack: PackId) => KnownTail | undefined;
}

export const ReadOutcome = {
  /** The bytes are where they were wanted. */
  done: 0,
  /** Not all of it is on this machine; `missing` says what. */
  mustFetch: 1,
  /** The cache's copy is damaged; `damage` says what to drop. Staged packs and stores throw instead. */
  damaged: 2,
} as const;
export type ReadOutcome = (typeof ReadOutcome)[keyof typeof ReadOutcome];

/** Stored bytes of a pack. */
export interface StoredRange {
  /** undefined: the last `length` bytes of the pack, whose size is not known. */
  offset: number | undefined;
  length: number;
  /** Of the whole pack, once known. */
  packSize: number | undefined;
}

interface KnownIndex {
  readonly index: PackIndex;
  readonly packSize: number;
  /** Of its frames in the frame cache; outlives the descriptor. */
  readonly frameKey: number;
}

interface OpenPack {
  readonly source: FilePackSource;
  /** Path of the cache's whole file; undefined for a file that is not the cache's. */
  readonly cachePath: string | undefined;
  /** undefined when the whole pack is there. */
  map: CacheMap | undefined;
  reader: PackReader | undefined;
  markedMs: number;
}

export class PackLocator implements Disposable {
  /** After `mustFetch`: what to fetch. Overwritten by the next call. */
  readonly missing: StoredRange = { offset: undefined, length: 0, packSize: undefined };
  /** After `damaged`: the frame to drop; undefined when the pack's file or index is damaged as a whole. */
  damage: DamagedFrameError | undefined;
  readonly #options: PackLocatorOptions;
  readonly #openCountMax: number;
  readonly #indexSizeMax: number;
  readonly #open = new PackMap<OpenPack>();
  readonly #indexes = new PackMap<KnownIndex>();

  constructor(options: PackLocatorOptions) {
    this.#options = options;
    this.#openCountMax = options.openCountMax ?? OPEN_COUNT_MAX_DEFAULT;
    this.#indexSizeMax = options.indexSizeMax ?? INDEX_SIZE_MAX_DEFAULT;
  }

  /** Descriptors held. */
  get openCount(): number {
    return this.#open.count;
  }

  /** Bytes of indexes held. */
  get indexSize(): number {
    return this.#indexes.cost;
  }

  /**
   * Fills `length` bytes of `into` at `at` with those of the block from `blockOffset` on. Throws CorruptError when a staged
   * pack or the store's own is damaged, or when the block does not have these bytes; FsError when a file cannot be read.
   */
  readSync(
    timeline: string,
    pack: PackId,
    block: number,
    blockOffset: number,
    length: number,
    into: Uint8Array,
    at: number,
  ): ReadOutcome {
    let open = this.#open.get(timeline, pack);
    const isNew = open === undefined;
    open ??= this.#find(timeline, pack);
    let known = this.#indexes.get(timeline, pack);
    if (known === undefined) {
      const loaded = this.#loadIndex(timeline, pack, open);
      if (typeof loaded === "number") return loaded;
      known = loaded;
      open = this.#open.get(timeline, pack);
    }
    checkBlockRange(known.index, block, blockOffset, length);
    if (!isResident(open, known, block, blockOffset, length)) {
      if (!isNew) open = this.#refresh(timeline, pack);
      if (!isResident(open, known, block, blockOffset, length)) {
        this.#setMissing(known, block, blockOffset, length);
        return ReadOutcome.mustFetch;
      }
    }
    open.reader ??= new PackReader(known.index, open.source, this.#options.frames, known.frameKey);
    try {
      open.reader.readBlockSync(block, blockOffset, length, into, at);
    } catch (error) {
      if (!(error instanceof DamagedFrameError) || open.cachePath === undefined) throw error;
      return this.#giveUp(timeline, pack, error);
    }
    if (open.cachePath !== undefined) this.#mark(open);
    return ReadOutcome.done;
  }

  /** The index, if it can be had from this machine; else what `readSync` would answer, with `missing` or `damage`. */
  index(timeline: string, pack: PackId): PackIndex | ReadOutcome {
    const open = this.#open.get(timeline, pack) ?? this.#find(timeline, pack);
    const known = this.#indexes.get(timeline, pack) ?? this.#loadIndex(timeline, pack, open);
    return typeof known === "number" ? known : known.index;
  }

  /** Takes an index that was fetched past the cache. Throws CorruptError when it is damaged or another pack's. */
  provideTail(timeline: string, pack: PackId, known: KnownTail): PackIndex {
    const index = decodePackTail(known.tail, known.packSize, this.#identity(timeline, pack));
    return this.#keepIndex(timeline, pack, index, known.packSize).index;
  }

  /** Closes the pack's file and drops its index: it was deleted. */
  forget(timeline: string, pack: PackId): void {
    this.#open.delete(timeline, pack)?.source[Symbol.dispose]();
    this.#indexes.delete(timeline, pack);
  }

  [Symbol.dispose](): void {
    for (let open = this.#open.oldest(); open !== undefined; open = this.#open.oldest()) {
      this.forget(open.timeline, open.pack);
    }
  }

  #find(timeline: string, pack: PackId): OpenPack | undefined {
    const { stagingDirectory, storeDirectory, cacheDirectory } = this.#options;
    const path = packPath(timeline, pack);
    const staged = stagingDirectory && this.#tryOpen(join(stagingDirectory, path), undefined);
    if (staged) return this.#keepOpen(timeline, pack, staged);
    const stored =
      storeDirectory && this.#tryOpen(join(storeDirectory, packKey(timeline, pack)), undefined);
    if (stored) return this.#keepOpen(timeline, pack, stored);
    if (cacheDirectory === undefined) return undefined;
    const cachePath = join(cacheDirectory, path);
    const cached =
      this.#tryOpen(cachePath, cachePath) ?? this.#tryOpen(cachePath + PART_SUFFIX, cachePath);
    return cached && this.#keepOpen(timeline, pack, cached);
  }

  /** undefined when there is no such file. A sparse file without a map has nothing. */
  #tryOpen(path: string, cachePath: string | undefined): OpenPack | undefined {
    if (!existsSync(path)) return undefined;
    let source: FilePackSource;
    try {
      source = new FilePackSource(path);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
    const isPart = cachePath !== undefined && path !== cachePath;
    const map = isPart ? readCacheMap(cachePath) : undefined;
    if (isPart && map?.packSize !== source.size) {
      source[Symbol.dispose]();
      return undefined;
    }
    return { source, cachePath, map, reader: undefined, markedMs: 0 };
  }

  #keepOpen(timeline: string, pack: PackId, open: OpenPack): OpenPack {
    this.#open.delete(timeline, pack)?.source[Symbol.dispose]();
    for (let old = this.#open.oldest(); old !== undefined; old = this.#open.oldest()) {
      if (this.#open.count < this.#openCountMax) break;
      this.#open.delete(old.timeline, old.pack)?.source[Symbol.dispose]();
    }
    this.#open.set(timeline, pack, open, 1);
    return open;
  }

  /** Looks again, for the owner of the cache may have added to the file or have replaced it. */
  #refresh(timeline: string, pack: PackId): OpenPack | undefined {
    this.#open.delete(timeline, pack)?.source[Symbol.dispose]();
    return this.#find(timeline, pack);
  }

  #loadIndex(timeline: string, pack: PackId, open: OpenPack | undefined): KnownIndex | ReadOutcome {
    const tail = this.#options.knownTail?.(timeline, pack);
    const identity = this.#identity(timeline, pack);
    if (tail !== undefined) {
      const index = decodePackTail(tail.tail, tail.packSize, identity);
      return this.#keepIndex(timeline, pack, index, tail.packSize);
    }
    let file = open;
    try {
      if (file !== undefined && tailMissing(file) !== 0) file = this.#refresh(timeline, pack);
      if (file === undefined) return this.#missTail(undefined, TAIL_READ_SIZE);
      const missing = tailMissing(file);
      if (missing !== 0) return this.#missTail(file.source.size, missing);
      const read = file.cachePath === undefined ? readPackIndexSync : readPackTailSync;
      return this.#keepIndex(timeline, pack, read(file.source, identity), file.source.size);
    } catch (error) {
      if (!(error instanceof CorruptError) || file?.cachePath === undefined) throw error;
      return this.#giveUp(timeline, pack, undefined);
    }
  }

  /** Closes the damaged file, so that the next read finds what has taken its place. */
  #giveUp(timeline: string, pack: PackId, damage: DamagedFrameError | undefined): ReadOutcome {
    this.#open.delete(timeline, pack)?.source[Symbol.dispose]();
    this.damage = damage;
    return ReadOutcome.damaged;
  }

  #missTail(packSize: number | undefined, length: number): ReadOutcome {
    this.missing.offset = undefined;
    this.missing.length = length;
    this.missing.packSize = packSize;
    return ReadOutcome.mustFetch;
  }

  #setMissing(known: KnownIndex, block: number, blockOffset: number, length: number): void {
    const { index } = known;
    const first = index.firstFrames[block]! + Math.floor(blockOffset / FRAME_SIZE);
    const end = index.firstFrames[block]! + Math.ceil((blockOffset + length) / FRAME_SIZE);
    this.missing.offset = index.frameOffsets[first]!;
    this.missing.length = index.frameOffsets[end]! - this.missing.offset;
    this.missing.packSize = known.packSize;
  }

  #keepIndex(timeline: string, pack: PackId, index: PackIndex, packSize: number): KnownIndex {
    const known = { index, packSize, frameKey: this.#options.frames.newReaderKey() };
    this.#indexes.set(timeline, pack, known, index.memorySize);
    const open = this.#open.peek(timeline, pack)?.value;
    if (open !== undefined) open.reader = undefined;
    for (let old = this.#indexes.oldest(); old !== undefined; old = this.#indexes.oldest()) {
      if (this.#indexes.cost <= this.#indexSizeMax || old.value === known) break;
      this.forget(old.timeline, old.pack);
    }
    return known;
  }

  #mark(open: OpenPack): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - open.markedMs < USE_MARK_INTERVAL_MS) return;
    open.markedMs = nowMs;
    open.source.markUsed(nowMs);
  }

  #identity(timeline: string, pack: PackId): PackIdentity {
    return { volume: this.#options.volume, timeline, pack };
  }
}

/** A cache file of another size than the pack's is what a crash left: nothing of it counts. */
function isResident(
  open: OpenPack | undefined,
  known: KnownIndex,
  block: number,
  blockOffset: number,
  length: number,
): open is OpenPack {
  if (open === undefined) return false;
  if (open.cachePath !== undefined && open.source.size !== known.packSize) return false;
  if (open.map === undefined) return true;
  const { index } = known;
  const first = index.firstFrames[block]! + Math.floor(blockOffset / FRAME_SIZE);
  const end = index.firstFrames[block]! + Math.ceil((blockOffset + length) / FRAME_SIZE);
  const offset = index.frameOffsets[first]!;
  return open.map.hasRange(offset, index.frameOffsets[end]! - offset);
}

/** How many of the pack's last bytes are needed for its index and not all there; 0 when they are. */
function tailMissing(open: OpenPack): number {
  const { map, source } = open;
  if (map === undefined) return 0;
  const length = Math.min(source.size, TAIL_READ_SIZE);
  if (!map.hasRange(source.size - length, length)) return length;
  const end = new Uint8Array(length);
  source.readSync(source.size - length, end);
  const whole = packTailLength(end, source.path);
  return map.hasRange(source.size - whole, whole) ? 0 : whole;
}
