/**
 * Reads the ranges of a plan (rule K2) out of the journal, in a worker thread with descriptors of its own.
 *
 * What always holds: no byte is handed out before the whole record's data were checked against the CRC in the plan; the
 * segment read is the one the plan means (journal uuid and number in its header). The engine pins segments that a plan
 * reads, so none is recycled meanwhile.
 */
import { join } from "node:path";
import { CorruptError } from "../core/fs-error.ts";
import { toHex } from "../core/hex.ts";
import { REQUEST_DATA_SIZE_MAX } from "../core/limits.ts";
import { crc32Range } from "./crc-range.ts";
import type { Disk } from "./disk.ts";
import { readSegmentHeader, segmentName } from "./segment.ts";

/** Open segments a reader holds: a plan walks the journal forward, and a cut rarely spans more. */
const OPEN_COUNT_MAX = 4;

/** One piece of a plan; the caller fills one object and reuses it. */
export interface JournalRange {
  /** Number of the segment. */
  segment: number;
  /** Where the record's data begin in the segment. */
  dataOffset: number;
  /** Of the record's data, in bytes. */
  dataLength: number;
  /** CRC-32 of the record's data. */
  dataCrc: number;
  /** The piece wanted, from the data's start. */
  subOffset: number;
  subLength: number;
}

export interface RangeReaderOptions {
  readonly disk: Disk;
  readonly dir: string;
  /** The journal the plan names. */
  readonly uuid: Uint8Array;
}

export class JournalRangeReader implements Disposable {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #uuid: string;
  /** Segment number to descriptor, least lately opened first. */
  readonly #open = new Map<number, number>();
  readonly #data: Uint8Array = new Uint8Array(REQUEST_DATA_SIZE_MAX);
  #cachedSegment = -1;
  #cachedOffset = 0;
  #cachedLength = 0;
  #cachedCrc = 0;

  constructor(options: RangeReaderOptions) {
    this.#disk = options.disk;
    this.#dir = options.dir;
    this.#uuid = toHex(options.uuid);
  }

  /**
   * Copies the piece into `into` at `at`. The record read last is kept, so consecutive pieces of one record read it once.
   * Throws CorruptError when the data do not fit the plan's CRC or are not there, ENOENT when the segment is gone.
   */
  read(range: JournalRange, into: Uint8Array, at: number): void {
    const { subOffset, subLength, dataLength } = range;
    if (dataLength > REQUEST_DATA_SIZE_MAX || subOffset + subLength > dataLength)
      throw new CorruptError(`${describe(range)} is no range of a record`);
    if (!this.#isCached(range)) this.#load(range);
    into.set(this.#data.subarray(subOffset, subOffset + subLength), at);
  }

  /** Closes the files; the reader may go on and opens them again. */
  closeFiles(): void {
    for (const fd of this.#open.values()) this.#disk.close(fd);
    this.#open.clear();
    this.#cachedSegment = -1;
  }

  [Symbol.dispose](): void {
    this.closeFiles();
  }

  #isCached(range: JournalRange): boolean {
    return (
      this.#cachedSegment === range.segment &&
      this.#cachedOffset === range.dataOffset &&
      this.#cachedLength === range.dataLength &&
      this.#cachedCrc === range.dataCrc
    );
  }

  #load(range: JournalRange): void {
    this.#cachedSegment = -1;
    const fd = this.#descriptor(range.segment);
    const { dataLength, dataOffset } = range;
    const count = this.#disk.read(fd, this.#data, 0, dataLength, dataOffset);
    if (count !== dataLength) throw new CorruptError(`${describe(range)} is cut short at ${count}`);
    const crc = crc32Range(this.#data, 0, dataLength, 0);
    if (crc !== range.dataCrc)
      throw new CorruptError(`${describe(range)} has CRC ${crc}, the plan says ${range.dataCrc}`);
    this.#cachedSegment = range.segment;
    this.#cachedOffset = dataOffset;
    this.#cachedLength = dataLength;
    this.#cachedCrc = crc;
  }

  #descriptor(segment: number): number {
    const known = this.#open.get(segment);
    if (known !== undefined) return known;
    const path = join(this.#dir, segmentName(segment));
    const fd = this.#disk.open(path, "read");
    try {
      const header = readSegmentHeader(this.#disk, fd, segment);
      if (header === undefined || toHex(header.uuid) !== this.#uuid)
        throw new CorruptError(`${path} is not a segment of journal ${this.#uuid}`);
    } catch (error) {
      this.#disk.close(fd);
      throw error;
    }
    if (this.#open.size >= OPEN_COUNT_MAX) this.#closeOldest();
    this.#open.set(segment, fd);
    return fd;
  }

  #closeOldest(): void {
    for (const [segment, fd] of this.#open) {
      this.#disk.close(fd);
      this.#open.delete(segment);
      return;
    }
  }
}

function describe(range: JournalRange): string {
  const { segment, dataOffset, dataLength } = range;
  return `journal segment ${segment}, ${dataLength} bytes of data at ${dataOffset}`;
}
