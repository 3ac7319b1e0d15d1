/**
 * Which parts of a pack the local cache has: a bit for each CACHE_UNIT_SIZE of its stored bytes, kept beside the sparse file.
 *
 * Little-endian:
 *    0 u8[8] "SHOALMAP"    8 u32 version    12 u32 unit size    16 u64 pack size
 *   24 u8[] bits, lowest first, one for each unit of the pack; bits past the last are 0
 *    . u32 CRC-32 of all before
 *
 * It is written after the bytes it speaks of. A crash of the machine may still keep the map and lose bytes: the
 * checksums of the frames find that. A map that does not decode counts as no map, and its file as empty.
 */
import { assert } from "../core/assert.ts";
import { crc32 } from "../core/crc.ts";
import { CorruptError } from "../core/fs-error.ts";
import { getU64Le, setU64Le } from "../core/u64.ts";
import { PACK_FILE_SIZE_MAX } from "./pack-format.ts";

/** A small read from a remote store costs the round trip, not 64 KiB; a full pack has 256 bits of map. */
export const CACHE_UNIT_SIZE: number = 64 * 1024;

const MAGIC = new TextEncoder().encode("SHOALMAP");
const VERSION = 1;
const HEADER_SIZE = 24;
const CRC_SIZE = 4;
/** Largest encoded map. */
export const CACHE_MAP_SIZE_MAX: number =
  HEADER_SIZE + Math.ceil(Math.ceil(PACK_FILE_SIZE_MAX / CACHE_UNIT_SIZE) / 8) + CRC_SIZE;

export class CacheMap {
  /** Of the whole pack, in bytes. */
  readonly packSize: number;
  readonly unitCount: number;
  readonly #bits: Uint8Array;
  #residentCount = 0;

  constructor(packSize: number) {
    assert(packSize > 0 && packSize <= PACK_FILE_SIZE_MAX, `a pack of ${packSize} bytes`);
    this.packSize = packSize;
    this.unitCount = Math.ceil(packSize / CACHE_UNIT_SIZE);
    this.#bits = new Uint8Array(Math.ceil(this.unitCount / 8));
  }

  has(unit: number): boolean {
    return (this.#bits[unit >>> 3]! & (1 << (unit & 7))) !== 0;
  }

  /** Whether all of a range of stored bytes is there; false when it runs past the pack. */
  hasRange(offset: number, length: number): boolean {
    if (offset + length > this.packSize) return false;
    const end = Math.ceil((offset + length) / CACHE_UNIT_SIZE);
    for (let unit = Math.floor(offset / CACHE_UNIT_SIZE); unit < end; unit++) {
      if (!this.has(unit)) return false;
    }
    return true;
  }

  set(unit: number, present: boolean): void {
    assert(unit >= 0 && unit < this.unitCount, `unit ${unit} is one of ${this.unitCount}`);
    if (this.has(unit) === present) return;
    this.#bits[unit >>> 3]! ^= 1 << (unit & 7);
    this.#residentCount += present ? 1 : -1;
  }

  get isComplete(): boolean {
    return this.#residentCount === this.unitCount;
  }

  /** Bytes on disk, rounded up to units. */
  get residentSize(): number {
    return Math.min(this.packSize, this.#residentCount * CACHE_UNIT_SIZE);
  }

  /** Owned by the caller. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(HEADER_SIZE + this.#bits.length + CRC_SIZE);
    const view = new DataView(bytes.buffer);
    bytes.set(MAGIC);
    view.setUint32(8, VERSION, true);
    view.setUint32(12, CACHE_UNIT_SIZE, true);
    setU64Le(view, 16, this.packSize);
    bytes.set(this.#bits, HEADER_SIZE);
    const crcAt = bytes.length - CRC_SIZE;
    view.setUint32(crcAt, crc32(bytes.subarray(0, crcAt)), true);
    return bytes;
  }

  /** Throws CorruptError for anything that `encode` of this version did not make. */
  static decode(bytes: Uint8Array): CacheMap {
    if (bytes.length < HEADER_SIZE + CRC_SIZE) throw new CorruptError("a cache map is cut short");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const crcAt = bytes.length - CRC_SIZE;
    if (crc32(bytes.subarray(0, crcAt)) !== view.getUint32(crcAt, true)) {
      throw new CorruptError("a cache map does not match its checksum");
    }
    const size = getU64Le(view, 16);
    const known =
      MAGIC.every((byte, i) => bytes[i] === byte) &&
      view.getUint32(8, true) === VERSION &&
      view.getUint32(12, true) === CACHE_UNIT_SIZE &&
      size > 0 &&
      size <= PACK_FILE_SIZE_MAX;
    if (!known) throw new CorruptError("a cache map is of another kind or version");
    const map = new CacheMap(size);
    if (bytes.length !== HEADER_SIZE + map.#bits.length + CRC_SIZE) {
      throw new CorruptError(`a cache map of ${bytes.length} bytes does not fit a pack of ${size}`);
    }
    map.#load(bytes.subarray(HEADER_SIZE, crcAt));
    return map;
  }

  #load(bits: Uint8Array): void {
    for (let unit = 0; unit < bits.length * 8; unit++) {
      if ((bits[unit >>> 3]! & (1 << (unit & 7))) === 0) continue;
      if (unit >= this.unitCount) throw new CorruptError("a cache map has bits past its pack");
      this.set(unit, true);
    }
  }
}
