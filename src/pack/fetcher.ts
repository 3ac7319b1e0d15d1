/**
 * The asynchronous read: what a worker does with a read that the engine could not serve from this machine.
 *
 * It asks its own PackLocator; while bytes are missing it has the cache fetch them; what is damaged in the cache is dropped
 * and fetched again; when the cache has no room or does not keep what it is given, the store itself is read. What always
 * holds: bytes are given back only after their checksums were checked, whichever way they came; no state of the cache
 * fails a read, so a CorruptError means that the store's own bytes are damaged.
 */
import { FRAME_SIZE } from "../core/limits.ts";
import type { PackId } from "../core/ids.ts";
import { CorruptError } from "../core/fs-error.ts";
import type { ObjectStore } from "../object/object-store.ts";
import { MissingPackError, type PackCache } from "./cache.ts";
import { FRAME_HEADROOM } from "./codec.ts";
import type { FrameCache } from "./frame-cache.ts";
import { ReadOutcome, type PackLocator, type StoredRange } from "./locator.ts";
import { describePack } from "./pack-format.ts";
import { packTailLength, type PackIndex } from "./pack-index.ts";
import { packKey } from "./pack-name.ts";
import { checkBlockRange, checkStoredFrame, decodeStoredFrame, TAIL_READ_SIZE } from "./reader.ts";

export interface BlockRange {
  readonly block: number;
  /** First plain byte wanted. */
  readonly blockOffset: number;
  readonly length: number;
}

export interface PackFetcherOptions {
  readonly store: ObjectStore;
  readonly cache: PackCache;
  /** Of the same thread; its `cacheDirectory` is the cache's. */
  readonly locator: PackLocator;
  readonly frames: FrameCache;
}

/** Tail, a longer tail, the frames; then the same again after something damaged was dropped, or was evicted under us. */
const STEP_COUNT_MAX = 8;
/** A frame, then the whole pack, are given up; then the store itself is read. */
const DAMAGE_COUNT_MAX = 3;

interface Request {
  readonly range: BlockRange;
  readonly into: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

export class PackFetcher {
  readonly #options: PackFetcherOptions;

  constructor(options: PackFetcherOptions) {
    this.#options = options;
  }

  /**
   * Fills `into`, from its start, with `range.length` plain bytes. Throws CorruptError naming pack, block and frame,
   * MissingPackError, what the store throws, or the signal's reason.
   */
  async read(
    timeline: string,
    pack: PackId,
    range: BlockRange,
    into: Uint8Array,
    signal?: AbortSignal,
  ): Promise<void> {
    if (await this.#readThroughCache(timeline, pack, { range, into, signal })) return;
    await this.#readPastCache(timeline, pack, { range, into, signal });
  }

  /** False when the cache has no room, or does not keep what it is given. */
  async #readThroughCache(timeline: string, pack: PackId, request: Request): Promise<boolean> {
    const { locator, cache } = this.#options;
    const { block, blockOffset, length } = request.range;
    let damageCount = 0;
    let previous: StoredRange | undefined;
    for (let step = 0; step < STEP_COUNT_MAX; step++) {
      const outcome = locator.readSync(timeline, pack, block, blockOffset, length, request.into, 0);
      if (outcome === ReadOutcome.done) return true;
      if (outcome === ReadOutcome.damaged) {
        damageCount++;
        this.#drop(timeline, pack, damageCount);
        if (damageCount >= DAMAGE_COUNT_MAX) return false;
        previous = undefined;
        continue;
      }
      const missing: StoredRange = { ...locator.missing };
      if (previous?.offset === missing.offset && previous?.length === missing.length) {
        // The cache believes to have what is not in its files: somebody removed them.
        cache.remove(timeline, pack);
      }
      previous = missing;
      if (!(await cache.ensure(timeline, pack, { ...missing, signal: request.signal })))
        return false;
    }
    return false;
  }

  /** The first time only the damaged frame goes; then, or when there is no telling, all the cache has of the pack. */
  #drop(timeline: string, pack: PackId, damageCount: number): void {
    const { locator, cache } = this.#options;
    const { damage } = locator;
    locator.forget(timeline, pack);
    if (damage === undefined || damageCount > 1) cache.remove(timeline, pack);
    else cache.drop(timeline, pack, damage.storedOffset, damage.storedLength);
  }

  /** The index straight from the store. */
  async #fetchIndex(
    timeline: string,
    pack: PackId,
    signal: AbortSignal | undefined,
  ): Promise<PackIndex> {
    const { locator, store } = this.#options;
    const what = describePack(timeline, pack);
    const packSize = await this.#size(timeline, pack, signal);
    let length = Math.min(TAIL_READ_SIZE, packSize);
    let tail = await this.#get(timeline, pack, { offset: packSize - length, length, signal });
    length = packTailLength(tail, what);
    if (length > packSize)
      throw new CorruptError(`${what}: its index is larger than ${store.url} has`);
    if (length > tail.length) {
      tail = await this.#get(timeline, pack, { offset: packSize - length, length, signal });
    }
    return locator.provideTail(timeline, pack, { tail, packSize });
  }

  async #size(timeline: string, pack: PackId, signal: AbortSignal | undefined): Promise<number> {
    const { store } = this.#options;
    const info = await store.head(packKey(timeline, pack), signal === undefined ? {} : { signal });
    if (info === undefined) throw this.#missing(timeline, pack);
    return info.size;
  }

  async #get(
    timeline: string,
    pack: PackId,
    range: { offset: number; length: number; signal: AbortSignal | undefined },
  ): Promise<Uint8Array> {
    const { store } = this.#options;
    const { offset, length, signal } = range;
    const options = signal === undefined ? { offset, length } : { offset, length, signal };
    const bytes = await store.getRange(packKey(timeline, pack), options);
    if (bytes === undefined) throw this.#missing(timeline, pack);
    if (bytes.length !== length) {
      throw new CorruptError(
        `${describePack(timeline, pack)}: ${store.url} gave ${bytes.length} bytes at ${offset} instead of ${length}`,
      );
    }
    return bytes;
  }

  #missing(timeline: string, pack: PackId): MissingPackError {
    return new MissingPackError(
      `${describePack(timeline, pack)} is not in ${this.#options.store.url}`,
    );
  }

  async #readPastCache(timeline: string, pack: PackId, request: Request): Promise<void> {
    const { range, into, signal } = request;
    const known = this.#options.locator.index(timeline, pack);
    const index =
      typeof known === "number" ? await this.#fetchIndex(timeline, pack, signal) : known;
    checkBlockRange(index, range.block, range.blockOffset, range.length);
    if (range.length === 0) return;
    const firstOfBlock = index.firstFrames[range.block]!;
    const first = firstOfBlock + Math.floor(range.blockOffset / FRAME_SIZE);
    const end = firstOfBlock + Math.ceil((range.blockOffset + range.length) / FRAME_SIZE);
    const offset = index.frameOffsets[first]!;
    const length = index.frameOffsets[end]! - offset;
    const stored = await this.#get(timeline, pack, { offset, length, signal });
    this.#decodeRange(index, range, stored, into);
  }

  /** `stored` begins with the first frame that `range` touches and ends with the last. */
  #decodeRange(index: PackIndex, range: BlockRange, stored: Uint8Array, into: Uint8Array): void {
    const { block, blockOffset, length } = range;
    const { scratch } = this.#options.frames;
    const firstOfBlock = index.firstFrames[block]!;
    const base = index.frameOffsets[firstOfBlock + Math.floor(blockOffset / FRAME_SIZE)]!;
    for (let offset = blockOffset; offset < blockOffset + length;) {
      const inBlock = Math.floor(offset / FRAME_SIZE);
      const frame = firstOfBlock + inBlock;
      const at = index.frameOffsets[frame]! - base;
      const part = stored.subarray(at, at + index.frameStoredLength(frame));
      let plain = part;
      if (part.length === index.framePlainLength(block, frame)) {
        checkStoredFrame(index, block, frame, part);
      } else {
        scratch.set(part, FRAME_HEADROOM);
        plain = decodeStoredFrame(index, block, frame, scratch);
      }
      const from = offset - inBlock * FRAME_SIZE;
      const count = Math.min(plain.length - from, blockOffset + length - offset);
      into.set(plain.subarray(from, from + count), offset - blockOffset);
      offset += count;
    }
  }
}
