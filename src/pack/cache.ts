/**
 * The local cache: a partial mirror of packs, filled by ranged gets, emptied by least use.
 *
 * For each pack below the directory, at its path (pack-name.ts), either one file with all of it, or
 *   <n>.part   a sparse file of the pack's size      <n>.map   which units of it are there (cache-map.ts)
 *
 * One thread owns the cache and alone writes there; others read the same files through PackLocator, so the files are the
 * shared state. What always holds: a unit is in the map only after its bytes were written; nothing pinned or being
 * fetched is evicted; a range is asked for once however many wait for it. Bytes are not checked here: every read checks its
 * frames' CRCs, and what is damaged is dropped and fetched again. Losing all of the cache loses nothing, and a cache that cannot be written fails no read.
 * A use is remembered across restarts and threads by the file's mtime, which readers renew (PackLocator).
 */
import { readdir, rm, stat } from "node:fs/promises";
import { renameSync, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { CorruptError } from "../core/fs-error.ts";
import type { PackId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { ObjectStore } from "../object/object-store.ts";
import { CacheEntry, readCacheMap } from "./cache-entry.ts";
import { CACHE_UNIT_SIZE, CacheMap } from "./cache-map.ts";
import { Flight } from "./flight.ts";
import { describePack, PACK_FILE_SIZE_MAX } from "./pack-format.ts";
import { PackMap, type PackMapEntry } from "./pack-map.ts";
import { packKey, packPath, parsePackPath } from "./pack-name.ts";
import { makeDirectories } from "./staged-pack.ts";
import { errorCode, toFsError } from "./system-error.ts";

export interface PackCacheOptions {
  /** Exists; nothing else writes below it. */
  readonly directory: string;
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly log: Log;
  /** The cache holds at most so many bytes. */
  readonly sizeMax: number;
  /** The cache shrinks, and then stops growing, while its disk has less than this free. */
  readonly freeSizeMin: number;
  /** Free bytes of the disk that holds `directory`; for tests. */
  readonly freeSize?: (directory: string) => number;
}

export interface FetchRange {
  /** First stored byte wanted, or undefined for the last `length` bytes of the pack. */
  readonly offset: number | undefined;
  readonly length: number;
  /** Bytes of the whole pack, where the caller knows it: saves a request. */
  readonly packSize: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface PackCacheStats {
  readonly packCount: number;
  /** Bytes the cache holds. */
  readonly size: number;
  readonly fetchCount: number;
  readonly fetchedSize: number;
  readonly evictionCount: number;
}

/** The store has no such pack: it was deleted, or its timeline has expired. */
export class MissingPackError extends CorruptError {}

/** Largest get: several run at once, and one that fails costs no more than this. */
const FETCH_SIZE_MAX: number = 4 * 1024 * 1024;
/** Units between two missing ones that are fetched again rather than paying another round trip. */
const MERGE_UNIT_COUNT_MAX = 4;
/** A range that others keep evicting or damaging is given up; the caller then reads past the cache. */
const ENSURE_ROUND_COUNT_MAX = 3;
/** Files looked at in parallel when the cache is opened. */
const SCAN_PARALLEL_COUNT = 16;

export class PackCache implements AsyncDisposable {
  readonly #options: PackCacheOptions;
  readonly #entries = new PackMap<CacheEntry>();
  readonly #sizes = new Map<string, Promise<number>>();
  /** Bytes asked for that are not here yet; they count against both limits. */
  #inFlightSize = 0;
  #fetchCount = 0;
  #fetchedSize = 0;
  #evictionCount = 0;
  #isClosed = false;

  private constructor(options: PackCacheOptions) {
    this.#options = options;
  }

  /** Finds what earlier runs left, removes what is not whole, and shrinks to the limits. Throws FsError. */
  static async open(options: PackCacheOptions): Promise<PackCache> {
    const cache = new PackCache(options);
    try {
      await cache.#scan();
    } catch (error) {
      throw toFsError(error, `cannot read the cache ${options.directory}`);
    }
    cache.#makeRoom(0);
    return cache;
  }

  stats(): PackCacheStats {
    return {
      packCount: this.#entries.count,
      size: this.#entries.cost,
      fetchCount: this.#fetchCount,
      fetchedSize: this.#fetchedSize,
      evictionCount: this.#evictionCount,
    };
  }

  /** Whether these stored bytes are in the cache now. Counts as no use. */
  isResident(timeline: string, pack: PackId, offset: number, length: number): boolean {
    const entry = this.#entries.peek(timeline, pack)?.value;
    return entry !== undefined && entry.hasRange(offset, length);
  }

  /**
   * Brings a range into the cache. False when there is no room for it: the caller reads past the cache. Throws
   * MissingPackError when the store has no such pack, else what the store throws, or the signal's reason.
   */
  async ensure(timeline: string, pack: PackId, range: FetchRange): Promise<boolean> {
    const entry = await this.#entry(timeline, pack, range);
    try {
      return await this.#ensureEntry(entry, range);
    } finally {
      if (entry.residentSize === 0 && entry.flights.length === 0) this.#forgetEmpty(entry);
    }
  }

  /**
   * Makes the staged pack at `path`, which the store has, a cache entry by renaming it. False when it lies on another disk: it is
   * still there then. Throws FsError.
   */
  adopt(timeline: string, pack: PackId, path: string): boolean {
    const target = this.#path(timeline, pack);
    let size: number;
    try {
      size = statSync(path).size;
      makeDirectories(this.#options.directory, join(target, ".."));
      renameSync(path, target);
    } catch (error) {
      if (errorCode(error) === "EXDEV") return false;
      throw toFsError(error, `cannot take ${path} into the cache`);
    }
    const before = this.#entries.delete(timeline, pack);
    before?.forget();
    const entry = new CacheEntry({ timeline, pack, path: target, packSize: size, map: undefined });
    entry.pinCount = before?.pinCount ?? 0;
    this.#add(entry, this.#options.clock.nowMs());
    this.#makeRoom(0);
    return true;
  }

  /**
   * Keeps the pack from eviction until `unpin` was called as often. False when the cache does not have it. Pins last as long
   * as this object: what must survive a restart belongs in staging.
   */
  pin(timeline: string, pack: PackId): boolean {
    const entry = this.#entries.peek(timeline, pack)?.value;
    if (entry !== undefined) entry.pinCount++;
    return entry !== undefined;
  }

  unpin(timeline: string, pack: PackId): void {
    const entry = this.#entries.peek(timeline, pack)?.value;
    if (entry !== undefined && entry.pinCount > 0) entry.pinCount--;
  }

  /** Forgets a range whose bytes were found damaged, so that the next `ensure` fetches it. */
  drop(timeline: string, pack: PackId, offset: number, length: number): void {
    const entry = this.#entries.peek(timeline, pack);
    if (entry === undefined) return;
    entry.value.drop(offset, length);
    this.#entries.setCost(entry, entry.value.residentSize);
  }

  /** Removes all of a pack, pinned or not: it is damaged as a whole, or garbage. */
  remove(timeline: string, pack: PackId): void {
    this.#entries.delete(timeline, pack)?.remove();
  }

  /** Gives up what is being fetched. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const flights: Flight[] = [];
    for (let entry = this.#entries.oldest(); entry !== undefined; entry = entry.newer) {
      flights.push(...entry.value.flights);
    }
    for (const flight of flights) flight.abort();
    await Promise.allSettled(flights.map((flight) => flight.done));
  }

  async #ensureEntry(entry: CacheEntry, range: FetchRange): Promise<boolean> {
    const { offset, length } = clip(entry, range);
    const unitFirst = Math.floor(offset / CACHE_UNIT_SIZE);
    const unitEnd = Math.ceil((offset + length) / CACHE_UNIT_SIZE);
    for (let round = 0; round < ENSURE_ROUND_COUNT_MAX; round++) {
      if (entry.isGone || this.#isClosed) return false;
      if (entry.hasRange(offset, length)) {
        this.#use(entry);
        return true;
      }
      if (!this.#launch(entry, unitFirst, unitEnd)) return false;
      const flights = entry.flights.filter((flight) => flight.touches(unitFirst, unitEnd));
      const landed = await Promise.all(flights.map((flight) => flight.wait(range.signal)));
      if (landed.includes(false)) return false;
    }
    return !entry.isGone && entry.hasRange(offset, length);
  }

  async #entry(timeline: string, pack: PackId, range: FetchRange): Promise<CacheEntry> {
    const known = this.#entries.peek(timeline, pack)?.value;
    if (known !== undefined) {
      if (range.packSize === undefined || range.packSize === known.packSize) return known;
      this.#options.log.warn("removed a cache file of a wrong size", { path: known.path });
      this.remove(timeline, pack);
    }
    const packSize = range.packSize ?? (await this.#askSize(timeline, pack, range.signal));
    const added = this.#entries.peek(timeline, pack)?.value;
    if (added !== undefined) return added;
    if (!(packSize > 0 && packSize <= PACK_FILE_SIZE_MAX)) {
      throw new CorruptError(
        `${describePack(timeline, pack)} has an impossible size of ${packSize}`,
      );
    }
    const path = this.#path(timeline, pack);
    const map = new CacheMap(packSize);
    const entry = new CacheEntry({ timeline, pack, path, packSize, map });
    this.#add(entry, this.#options.clock.nowMs());
    return entry;
  }

  /** One request for all that ask at the same time; it is too small to be worth aborting. */
  #askSize(timeline: string, pack: PackId, signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted();
    const key = packKey(timeline, pack);
    let asked = this.#sizes.get(key);
    if (asked === undefined) {
      asked = this.#options.store.head(key).then((info) => {
        if (info !== undefined) return info.size;
        throw new MissingPackError(
          `${describePack(timeline, pack)} is not in ${this.#options.store.url}`,
        );
      });
      this.#sizes.set(key, asked);
      const forget = (): void => void this.#sizes.delete(key);
      asked.then(forget, forget);
    }
    return asked;
  }

  /** Starts gets for what is neither here nor on its way. False when there is no room. */
  #launch(entry: CacheEntry, unitFirst: number, unitEnd: number): boolean {
    const runs = entry.missingRuns(unitFirst, unitEnd, {
      mergeCountMax: MERGE_UNIT_COUNT_MAX,
      runCountMax: FETCH_SIZE_MAX / CACHE_UNIT_SIZE,
    });
    const size = runs.reduce((sum, run) => sum + (run.end - run.first) * CACHE_UNIT_SIZE, 0);
    if (size === 0) return true;
    entry.pinCount++;
    const hasRoom = this.#makeRoom(size);
    entry.pinCount--;
    if (!hasRoom) return false;
    for (const run of runs) {
      const flight = new Flight(run.first, run.end, (signal) => this.#fetch(entry, run, signal));
      const flightSize = flight.unitCount * CACHE_UNIT_SIZE;
      entry.flights.push(flight);
      this.#inFlightSize += flightSize;
      const land = (): void => {
        entry.flights.splice(entry.flights.indexOf(flight), 1);
        this.#inFlightSize -= flightSize;
      };
      flight.done.then(land, land);
    }
    return true;
  }

  async #fetch(
    entry: CacheEntry,
    run: { readonly first: number; readonly end: number },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { store, clock, log } = this.#options;
    const what = describePack(entry.timeline, entry.pack);
    const offset = run.first * CACHE_UNIT_SIZE;
    const length = Math.min(run.end * CACHE_UNIT_SIZE, entry.packSize) - offset;
    const key = packKey(entry.timeline, entry.pack);
    const bytes = await store.getRange(key, { offset, length, signal });
    if (bytes === undefined) throw new MissingPackError(`${what} is not in ${store.url}`);
    if (bytes.length !== length) {
      throw new CorruptError(
        `${what}: ${store.url} gave ${bytes.length} bytes at ${offset} instead of ${length}`,
      );
    }
    this.#fetchCount++;
    this.#fetchedSize += length;
    if (entry.isGone) return false;
    try {
      makeDirectories(this.#options.directory, join(entry.path, ".."));
      entry.write(run.first, bytes);
    } catch (error) {
      log.error("cannot write to the cache, reading past it", { path: entry.path, error });
      return false;
    }
    const node = this.#entries.peek(entry.timeline, entry.pack);
    if (node !== undefined) this.#entries.setCost(node, entry.residentSize);
    entry.usedMs = clock.nowMs();
    return true;
  }

  /** Evicts until `size` more bytes fit both limits; false when they do not, or when the disk does not answer. */
  #makeRoom(size: number): boolean {
    try {
      return this.#evictFor(size);
    } catch (error) {
      const { log, directory } = this.#options;
      log.error("cannot make room in the cache, reading past it", { directory, error });
      return false;
    }
  }

  #evictFor(size: number): boolean {
    const { directory, sizeMax, freeSizeMin } = this.#options;
    while (this.#entries.cost + this.#inFlightSize + size > sizeMax) {
      if (!this.#evictOne()) return false;
    }
    const freeSize = this.#options.freeSize ?? freeSizeOf;
    while (freeSize(directory) - this.#inFlightSize - size < freeSizeMin) {
      if (!this.#evictOne()) return false;
    }
    return true;
  }

  /** False when nothing can go. An entry that another thread has used since goes to the end of the line. */
  #evictOne(): boolean {
    let candidate = this.#entries.oldest();
    while (candidate !== undefined) {
      const next: PackMapEntry<CacheEntry> | undefined = candidate.newer;
      const entry = candidate.value;
      if (entry.pinCount === 0 && entry.flights.length === 0) {
        const usedMs = entry.readUsedMs();
        if (usedMs <= entry.usedMs) {
          this.remove(entry.timeline, entry.pack);
          this.#evictionCount++;
          return true;
        }
        entry.usedMs = usedMs;
        this.#entries.use(candidate);
      }
      candidate = next;
    }
    return false;
  }

  #use(entry: CacheEntry): void {
    entry.usedMs = this.#options.clock.nowMs();
    const node = this.#entries.peek(entry.timeline, entry.pack);
    if (node !== undefined) this.#entries.use(node);
  }

  #add(entry: CacheEntry, usedMs: number): void {
    entry.usedMs = usedMs;
    this.#entries.set(entry.timeline, entry.pack, entry, entry.residentSize);
  }

  #forgetEmpty(entry: CacheEntry): void {
    if (this.#entries.peek(entry.timeline, entry.pack)?.value === entry) {
      this.remove(entry.timeline, entry.pack);
    }
  }

  #path(timeline: string, pack: PackId): string {
    return join(this.#options.directory, packPath(timeline, pack));
  }

  async #scan(): Promise<void> {
    const { directory, log } = this.#options;
    const names = await readdir(directory, { recursive: true });
    const present = new Set(names);
    const found: { entry: CacheEntry; usedMs: number }[] = [];
    const load = async (name: string): Promise<void> => {
      const file = await this.#load(name, present);
      if (file !== undefined) found.push(file);
    };
    for (let at = 0; at < names.length; at += SCAN_PARALLEL_COUNT) {
      await Promise.all(names.slice(at, at + SCAN_PARALLEL_COUNT).map(load));
    }
    found.sort((a, b) => a.usedMs - b.usedMs);
    for (const { entry, usedMs } of found) this.#add(entry, usedMs);
    log.debug("opened the cache", { directory, packCount: found.length, size: this.#entries.cost });
  }

  /** What the file `name` stands for; undefined for directories, maps, what was removed, and what is none of ours. */
  async #load(
    name: string,
    present: ReadonlySet<string>,
  ): Promise<{ entry: CacheEntry; usedMs: number } | undefined> {
    const { directory, log } = this.#options;
    const base = name.replace(/\.(part|map)$/, "");
    const id = parsePackPath(base);
    if (id === undefined) return undefined;
    const path = join(directory, base);
    const isWhole = base === name;
    const isPart = name.endsWith(".part");
    if (!isWhole && (present.has(base) || (!isPart && !present.has(`${base}.part`)))) {
      await rm(join(directory, name), { force: true });
      return undefined;
    }
    if (!isWhole && !isPart) return undefined;
    const { size, mtimeMs } = await stat(join(directory, name));
    const map = isPart ? readCacheMap(path) : undefined;
    const packSize = map?.packSize ?? size;
    if (
      (isPart && map === undefined) ||
      size !== packSize ||
      size === 0 ||
      size > PACK_FILE_SIZE_MAX
    ) {
      log.warn("removed a cache file that a crash left unusable", { path: name });
      await rm(join(directory, name), { force: true });
      await rm(`${path}.map`, { force: true });
      return undefined;
    }
    return { entry: new CacheEntry({ ...id, path, packSize, map }), usedMs: mtimeMs };
  }
}

/** Throws CorruptError for a range past the pack's end: whoever asks has another idea of the pack. */
function clip(entry: CacheEntry, range: FetchRange): { offset: number; length: number } {
  const length = range.offset === undefined ? Math.min(range.length, entry.packSize) : range.length;
  const offset = range.offset ?? entry.packSize - length;
  if (offset < 0 || length < 0 || offset + length > entry.packSize) {
    const what = describePack(entry.timeline, entry.pack);
    throw new CorruptError(
      `${what}: ${length} bytes at ${offset} of ${entry.packSize} are asked for`,
    );
  }
  return { offset, length };
}

function freeSizeOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
