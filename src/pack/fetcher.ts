/**
 * The asynchronous read: what a worker does with a read that the engine could not serve from this machine.
 *
 * It asks its own PackLocator; while bytes are missing it has the cache fetch them; what is damaged in the cache is dropped
 * and fetched again; without room in the cache it reads past it. What always holds: bytes are given back only after
 * their checksums were checked, whichever way they came; damage that comes from the store itself is a CorruptError.
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
import { checkStoredFrame, decodeStoredFrame } from "./reader.ts";

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
/** A frame that is damaged again after it was fetched anew is damaged in the store. */
const DAMAGE_COUNT_MAX = 2;

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
    const { locator, cache } = this.#options;
    const { block, blockOffset, length } = range;
    let damageCount = 0;
    let previous: StoredRange | undefined;
    for (let step = 0; step < STEP_COUNT_MAX; step++) {
      const outcome = locator.readSync(timeline, pack, block, blockOffset, length, into, 0);
      if (outcome === ReadOutcome.done) return;
      if (outcome === ReadOutcome.damaged) {
        damageCount++;
        if (damageCount > DAMAGE_COUNT_MAX) throw this.#damage(timeline, pack);
        this.#drop(timeline, pack);
        previous = undefined;
        continue;
      }
      const missing: StoredRange = { ...locator.missing };
      if (previous?.offset === missing.offset && previous?.length === missing.length) {
        // The cache believes to have what is not in its files: somebody removed them.
        cache.remove(timeline, pack);
      }
      previous = missing;
      if (await cache.ensure(timeline, pack, { ...missing, signal })) continue;
      if (missing.offset === undefined) await this.#fetchTail(timeline, pack, missing, signal);
      else return this.#readPastCache(timeline, pack, range, { missing, into, signal });
    }
    throw new CorruptError(
      `${describePack(timeline, pack)}: block ${block} does not stay in the cache for long enough to be read`,
    );
  }

  #drop(timeline: string, pack: PackId): void {
    const { locator, cache } = this.#options;
    const { damage } = locator;
    locator.forget(timeline, pack);
    if (damage === undefined) cache.remove(timeline, pack);
    else cache.drop(timeline, pack, damage.storedOffset, damage.storedLength);
  }

  #damage(timeline: string, pack: PackId): CorruptError {
    const { locator, store } = this.#options;
    const where = `${describePack(timeline, pack)} in ${store.url}`;
    return locator.damage ?? new CorruptError(`${where}: its index is damaged`);
  }

  async #fetchTail(
    timeline: string,
    pack: PackId,
    missing: StoredRange,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { locator, store } = this.#options;
    const what = describePack(timeline, pack);
    const packSize = missing.packSize ?? (await this.#size(timeline, pack, signal));
    let length = Math.min(missing.length, packSize);
    let tail = await this.#get(timeline, pack, { offset: packSize - length, length, signal });
    length = packTailLength(tail, what);
    if (length > packSize)
      throw new CorruptError(`${what}: its index is larger than ${store.url} has`);
    if (length > tail.length) {
      tail = await this.#get(timeline, pack, { offset: packSize - length, length, signal });
    }
    locator.provideTail(timeline, pack, { tail, packSize });
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

  async #readPastCache(
    timeline: string,
    pack: PackId,
    range: BlockRange,
    context: { missing: StoredRange; into: Uint8Array; signal: AbortSignal | undefined },
  ): Promise<void> {
    const index = this.#options.locator.index(timeline, pack);
    if (typeof index === "number")
      throw new CorruptError(`${describePack(timeline, pack)} has no index`);
    const { length, offset = 0 } = context.missing;
    const stored = await this.#get(timeline, pack, { offset, length, signal: context.signal });
    this.#decodeRange(index, range, stored, context.into);
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
