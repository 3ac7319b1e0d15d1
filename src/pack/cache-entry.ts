/**
 * One pack in the cache: its file or its sparse file and map, and what is being fetched of it.
 *
 * What always holds: bytes are written before the map says so, and a map that says less is written before bytes may change;
 * a whole file has no map. Calls are synchronous, so no other step of the owning thread comes between.
 */
import {
  closeSync,
  constants,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { CorruptError, FsError } from "../core/fs-error.ts";
import type { PackId } from "../core/ids.ts";
import { CACHE_UNIT_SIZE, CacheMap } from "./cache-map.ts";
import type { Flight } from "./flight.ts";
import { errorCode, toFsError } from "./system-error.ts";

export const PART_SUFFIX = ".part";
export const MAP_SUFFIX = ".map";

const FILE_MODE = 0o600;

export interface CacheEntryOptions {
  readonly timeline: string;
  readonly pack: PackId;
  /** Of the whole file; the sparse one and the map have suffixes. */
  readonly path: string;
  readonly packSize: number;
  /** undefined when the whole pack is there. */
  readonly map: CacheMap | undefined;
}

/** Units, the end exclusive. */
export interface UnitRun {
  readonly first: number;
  readonly end: number;
}

export class CacheEntry {
  readonly timeline: string;
  readonly pack: PackId;
  readonly path: string;
  readonly packSize: number;
  /** Gets on their way, each to units of its own. */
  readonly flights: Flight[] = [];
  pinCount = 0;
  /** When it was last used, as far as this thread knows; wall clock. */
  usedMs = 0;
  #map: CacheMap | undefined;
  #isGone = false;

  constructor(options: CacheEntryOptions) {
    this.timeline = options.timeline;
    this.pack = options.pack;
    this.path = options.path;
    this.packSize = options.packSize;
    this.#map = options.map;
  }

  /** Whether it was removed: what still arrives for it is thrown away. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get residentSize(): number {
    return this.#map === undefined ? this.packSize : this.#map.residentSize;
  }

  hasRange(offset: number, length: number): boolean {
    if (this.#map === undefined) return offset + length <= this.packSize;
    return this.#map.hasRange(offset, length);
  }

  /** What of a range to fetch. Resident units between two runs are fetched again up to `mergeCountMax`. */
  missingRuns(
    first: number,
    end: number,
    options: { readonly mergeCountMax: number; readonly runCountMax: number },
  ): UnitRun[] {
    const runs: { first: number; end: number }[] = [];
    for (let unit = first; unit < end; unit++) {
      if (this.#map === undefined || this.#map.has(unit) || this.#isInFlight(unit, unit + 1))
        continue;
      const last = runs.at(-1);
      const joins =
        last !== undefined &&
        unit - last.end <= options.mergeCountMax &&
        unit + 1 - last.first <= options.runCountMax &&
        !this.#isInFlight(last.end, unit);
      if (joins) last.end = unit + 1;
      else runs.push({ first: unit, end: unit + 1 });
    }
    return runs;
  }

  /** Stores what was fetched from unit `first` on: whole units, the pack's last may be shorter. Throws FsError. */
  write(first: number, bytes: Uint8Array): void {
    const map = this.#map;
    if (map === undefined || this.#isGone) return;
    try {
      const fd = openSync(this.path + PART_SUFFIX, openFlags(map), FILE_MODE);
      try {
        if (map.residentSize === 0) ftruncateSync(fd, this.packSize);
        writeFully(fd, bytes, first * CACHE_UNIT_SIZE);
      } finally {
        closeSync(fd);
      }
      const end = first + Math.ceil(bytes.length / CACHE_UNIT_SIZE);
      for (let unit = first; unit < end; unit++) map.set(unit, true);
      this.#saveMap(map);
    } catch (error) {
      throw toFsError(error, `cannot write to the cache file ${this.path}${PART_SUFFIX}`);
    }
  }

  /** Forgets every unit that a range of stored bytes touches. Throws FsError. */
  drop(offset: number, length: number): void {
    if (this.#isGone) return;
    try {
      const map = this.#map ?? this.#becomePart();
      const end = Math.min(map.unitCount, Math.ceil((offset + length) / CACHE_UNIT_SIZE));
      for (let unit = Math.floor(offset / CACHE_UNIT_SIZE); unit < end; unit++)
        map.set(unit, false);
      this.#saveMap(map);
    } catch (error) {
      throw toFsError(error, `cannot drop a range of the cache file ${this.path}`);
    }
  }

  /** Removes its files. Throws FsError. */
  remove(): void {
    this.#isGone = true;
    try {
      for (const suffix of [MAP_SUFFIX, PART_SUFFIX, ""])
        rmSync(this.path + suffix, { force: true });
    } catch (error) {
      throw toFsError(error, `cannot remove the cache file ${this.path}`);
    }
  }

  /** A whole file has taken its place. */
  forget(): void {
    this.#isGone = true;
    for (const suffix of [MAP_SUFFIX, PART_SUFFIX]) rmSync(this.path + suffix, { force: true });
  }

  /** When any thread last used it: the file's mtime. 0 when the file is gone. */
  readUsedMs(): number {
    const path = this.#map === undefined ? this.path : this.path + PART_SUFFIX;
    return Math.floor(statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  }

  #isInFlight(first: number, end: number): boolean {
    return this.flights.some((flight) => flight.touches(first, end));
  }

  /** The map is written first: a sparse file without one counts as empty, a whole file beside one as whole. */
  #becomePart(): CacheMap {
    const map = new CacheMap(this.packSize);
    for (let unit = 0; unit < map.unitCount; unit++) map.set(unit, true);
    writeMap(this.path, map);
    renameSync(this.path, this.path + PART_SUFFIX);
    this.#map = map;
    return map;
  }

  #saveMap(map: CacheMap): void {
    if (!map.isComplete) {
      writeMap(this.path, map);
      return;
    }
    renameSync(this.path + PART_SUFFIX, this.path);
    rmSync(this.path + MAP_SUFFIX, { force: true });
    this.#map = undefined;
  }
}

/** The map beside `path`; undefined when there is none that decodes, so that nothing counts as present. */
export function readCacheMap(path: string): CacheMap | undefined {
  try {
    return CacheMap.decode(readFileSync(path + MAP_SUFFIX));
  } catch (error) {
    if (error instanceof CorruptError || errorCode(error) === "ENOENT") return undefined;
    throw toFsError(error, `cannot read the cache map ${path}${MAP_SUFFIX}`);
  }
}

/** Without its file an entry that should have one is refused: "r+" makes none. */
function openFlags(map: CacheMap): string {
  return map.residentSize === 0 ? "w" : "r+";
}

function writeMap(path: string, map: CacheMap): void {
  const { O_RDWR, O_CREAT } = constants;
  const fd = openSync(path + MAP_SUFFIX, O_RDWR | O_CREAT, FILE_MODE);
  try {
    writeFully(fd, map.encode(), 0);
  } finally {
    closeSync(fd);
  }
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let at = 0; at < bytes.length;) {
    const count = writeSync(fd, bytes, at, bytes.length - at, offset + at);
    if (count === 0) throw new FsError("EIO", "a write to the cache made no progress");
    at += count;
  }
}
