/**
 * The intent log as the engine appends to it: one synchronous thread, one write call a record, nothing allocated for one.
 *
 * What always holds:
 *   - room is taken by `reserve` before an operation executes (J1); an append after it never meets a full disk;
 *   - a record never spans segments, and no more than `unflushedSizeMax` bytes of records are unflushed, so that
 *     recovery can copy all of them into one fresh segment (J2);
 *   - after a failed write, rename or flush the journal is stopped: every later append and flush throws (J2);
 *   - no page of a segment is written in part before it was written whole: the kernel would read it from the disk first,
 *     once the file has been recycled and its pages are no longer cached. What is added are zeros behind the last record;
 *   - a segment goes only when its last record is flushed, dropped by the caller (J9), read by no plan and no flush; and
 *     never the one that holds the last flushed record: a restart compares the log's last record with the kernel's request (J7);
 *   - the last segment's worth of room belongs to the cut and to recovery (K6).
 */
import { dirname } from "node:path";
import { assert } from "../core/assert.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { toHex } from "../core/hex.ts";
import { type AppendedEndSink, noAppendedEnd } from "./appended-end.ts";
import { crc32Range } from "./crc-range.ts";
import type { Disk } from "./disk.ts";
import type { FlushTicket } from "./flush-ticket.ts";
import {
  emptyRecordHeader,
  encodeRecordHeader,
  encodeWriteArgs,
  RECORD_HEADER_SIZE,
  RECORD_KIND_WRITE,
  type RecordFields,
  type RecordHeader,
  sealRecord,
  WRITE_HEADER_SIZE,
  WRITE_VERSION,
  type WriteArgs,
} from "./record.ts";
import {
  chainSeed,
  parseSegmentName,
  recordTag,
  SALT_SIZE,
  SEGMENT_HEADER_SIZE,
  SEGMENT_SIZE_DEFAULT,
  SEGMENT_SIZE_MAX,
  SEGMENT_SIZE_MIN,
  UUID_SIZE,
} from "./segment.ts";
import { beginSegment, type SegmentFile, type SpareFile } from "./segment-file.ts";
import type { SpareOrder } from "./spare.ts";
import { SparePool } from "./spare-pool.ts";

/** The journal's share of the local disk unless the volume says otherwise: seconds of full-speed writing. */
export const JOURNAL_SIZE_DEFAULT: number = 1024 * 1024 * 1024;
/** Bytes of an operation's payload: a 64 KiB extended attribute fits, and so does a long list of inodes. */
export const PAYLOAD_SIZE_MAX: number = 1024 * 1024;
/** First size of a scratch: an everyday operation is under 200 bytes, with two names under 700. */
const SCRATCH_SIZE = 4096;
/** Spares kept ready: the one of rule K6 and the one the engine takes next. */
const SPARE_COUNT_WANTED = 2;
/** Current segment, the next, and the reserve: with fewer the journal could never move on. */
const SEGMENT_COUNT_MIN = 3;
/** Each live segment holds two descriptors. */
const SEGMENT_COUNT_MAX = 256;
/** A page of the page cache. */
const PAGE_SIZE = 4096;
const ZERO_PAGE = new Uint8Array(PAGE_SIZE);
/** More unflushed bytes than this make the next flush, and recovery's copy, slow. */
const UNFLUSHED_SIZE_DEFAULT: number = 32 * 1024 * 1024;

export interface JournalLimits {
  /** Bytes of a segment file. */
  readonly segmentSize: number;
  /** Bytes of all segments and spares together. */
  readonly totalSizeMax: number;
  /** Record bytes that may be unflushed before `reserve` flushes by itself; at most what a segment holds. */
  readonly unflushedSizeMax: number;
}

/** Where salts come from: `systemRandom`, or a Prng in a simulation. */
export interface RandomSource {
  /** An integer in [0, 2^32). */
  u32(): number;
}

export interface JournalOptions {
  readonly disk: Disk;
  /** Belongs to this journal alone: a new uuid gets a new directory. */
  readonly dir: string;
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly random: RandomSource;
  readonly limits?: Partial<JournalLimits>;
  readonly appendedEnd?: AppendedEndSink;
}

/** "full": nothing was reserved; park the writer and ask again after a drop, an unpin or a new spare. */
export type ReserveOutcome = "ok" | "full";

/** Filled by the caller and reused; `appendWrite` computes `dataCrc` into it. */
export interface WriteFields extends WriteArgs {
  unique: number;
  connection: number;
  /** Bytes behind the data, in the buffer, that nobody needs: `appendWrite` may overwrite them. */
  spareSize: number;
}

/** What creation or recovery hands to a new Journal. */
export interface JournalState {
  readonly pool: SparePool;
  /** By number; the last one is appended to. */
  readonly segments: SegmentFile[];
  /** Record crc that the next record is seeded with. */
  readonly chain: number;
  readonly flushedJsn: number;
}

/** A ByteWriter with room for the record header: what `append` takes. */
export class JournalScratch extends ByteWriter {
  readonly headroom: number = RECORD_HEADER_SIZE;
  #viewed: Uint8Array | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor() {
    super({
      size: SCRATCH_SIZE,
      start: RECORD_HEADER_SIZE,
      sizeMax: RECORD_HEADER_SIZE + PAYLOAD_SIZE_MAX,
    });
  }

  /** Over `buffer`, which is replaced when it grows. */
  get view(): DataView {
    const { buffer } = this;
    if (this.#viewed !== buffer) {
      this.#viewed = buffer;
      this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    }
    return this.#view;
  }

  /** Shared with the buffer: valid until the next call that writes. */
  payload(): Uint8Array {
    return this.buffer.subarray(this.headroom, this.at);
  }
}

export function resolveLimits(limits: Partial<JournalLimits> = {}): JournalLimits {
  const segmentSize = limits.segmentSize ?? SEGMENT_SIZE_DEFAULT;
  const totalSizeMax = limits.totalSizeMax ?? JOURNAL_SIZE_DEFAULT;
  const capacity = segmentSize - SEGMENT_HEADER_SIZE;
  const unflushedSizeMax = Math.min(limits.unflushedSizeMax ?? UNFLUSHED_SIZE_DEFAULT, capacity);
  const count = Math.floor(totalSizeMax / segmentSize);
  if (segmentSize < SEGMENT_SIZE_MIN || segmentSize > SEGMENT_SIZE_MAX || segmentSize % 4096 !== 0)
    throw new FsError("EINVAL", `a journal segment cannot be ${segmentSize} bytes`);
  if (count < SEGMENT_COUNT_MIN || count > SEGMENT_COUNT_MAX)
    throw new FsError(
      "EINVAL",
      `a journal of ${totalSizeMax} bytes has ${count} segments, not 3 to 256`,
    );
  return { segmentSize, totalSizeMax, unflushedSizeMax };
}

export class Journal implements Disposable {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #uuid: Uint8Array;
  readonly #random: RandomSource;
  readonly #limits: JournalLimits;
  readonly #segmentCountMax: number;
  readonly #sink: AppendedEndSink;
  readonly #pool: SparePool;
  readonly #segments: SegmentFile[];
  readonly #byNumber = new Map<number, SegmentFile>();
  readonly #header: RecordHeader = emptyRecordHeader();
  #current: SegmentFile;
  #chain: number;
  #lastJsn: number;
  #flushedJsn: number;
  #appendedSize = 0;
  #flushedSize = 0;
  #dropJsn = 0;
  #ticket: FlushTicket | undefined;
  #stopped: FsError | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Uint8Array | undefined;

  /** Segment of the record appended last. */
  lastSegment = 0;
  /** Where the record appended last begins in its segment. */
  lastOffset = 0;
  /** Where the data of the WRITE appended last begins in its segment. */
  lastDataOffset = 0;
  /** Why `reserve` said "full" last: the journal's own limit, or the disk. */
  fullReason: "limit" | "disk" = "limit";

  /** Starts a journal in an empty directory and makes it durable: JSNs count from 1. Throws EEXIST when segments are there. */
  static create(options: JournalOptions): Journal {
    const { disk, dir } = options;
    const limits = resolveLimits(options.limits);
    if (options.uuid.length !== UUID_SIZE)
      throw new FsError("EINVAL", `a journal's uuid has ${options.uuid.length} bytes, not 16`);
    disk.makeDirectory(dir);
    if (disk.list(dir).some((name) => parseSegmentName(name) !== undefined))
      throw new FsError("EEXIST", `${dir} already holds a journal`);
    const pool = new SparePool({ disk, dir, segmentSize: limits.segmentSize });
    while (pool.count < SPARE_COUNT_WANTED)
      if (!pool.tryMake()) throw new FsError("ENOSPC", `no room for a journal in ${dir}`);
    const header = {
      uuid: options.uuid.slice(),
      number: 1,
      firstJsn: 1,
      flushedJsn: 0,
      salt: freshSalt(options.random),
      size: limits.segmentSize,
    };
    const first = beginSegment(disk, takeSpare(pool), { dir, header });
    disk.datasync(first.fd);
    disk.syncDirectory(dir);
    disk.syncDirectory(dirname(dir));
    first.isNameDurable = true;
    const chain = chainSeed(header.salt);
    return new Journal(options, { pool, segments: [first], chain, flushedJsn: 0 });
  }

  /** For `create` and `recover`; takes over `state`. */
  constructor(options: JournalOptions, state: JournalState) {
    this.#disk = options.disk;
    this.#dir = options.dir;
    this.#uuid = options.uuid.slice();
    this.#random = options.random;
    this.#limits = resolveLimits(options.limits);
    this.#segmentCountMax = Math.floor(this.#limits.totalSizeMax / this.#limits.segmentSize);
    this.#sink = options.appendedEnd ?? noAppendedEnd;
    this.#pool = state.pool;
    this.#segments = state.segments;
    for (const segment of state.segments) this.#byNumber.set(segment.header.number, segment);
    const current = state.segments.at(-1);
    assert(current !== undefined, "a journal has a segment to append to");
    this.#current = current;
    this.#chain = state.chain;
    this.#lastJsn = current.lastJsn;
    this.#flushedJsn = state.flushedJsn;
    assert(state.flushedJsn === current.lastJsn, "a journal is handed over flushed");
    this.#header.tag = recordTag(current.header.salt);
    this.#sink.appended(current.header.number, current.end, current.lastJsn);
  }

  get uuid(): Uint8Array {
    return this.#uuid.slice();
  }

  /** 0 before the first record. */
  get lastJsn(): number {
    return this.#lastJsn;
  }

  /** Every record up to it is durable. */
  get flushedJsn(): number {
    return this.#flushedJsn;
  }

  /** Record bytes appended and not known durable (rule K1 keeps this small). */
  get unflushedSize(): number {
    return this.#appendedSize - this.#flushedSize;
  }

  /** Bytes of the live segments. */
  get liveSize(): number {
    return this.#segments.length * this.#limits.segmentSize;
  }

  /** Live segments' numbers, ascending; the last is appended to. */
  segmentNumbers(): number[] {
    return this.#segments.map((segment) => segment.header.number);
  }

  /**
   * Room for one record of so many payload bytes; several records of one operation take it together, RECORD_HEADER_SIZE
   * added for each after the first. May flush by itself, when too much is unflushed.
   */
  reserve(payloadSize: number): ReserveOutcome {
    return this.#reserve(RECORD_HEADER_SIZE + payloadSize, false);
  }

  /** Room for a WRITE of so many bytes of data. */
  reserveWrite(dataLength: number): ReserveOutcome {
    return this.#reserve(WRITE_HEADER_SIZE + dataLength, false);
  }

  /** As `reserve`, and may use the room that is kept for the cut and for recovery (rule K6). */
  reserveForCut(payloadSize: number): ReserveOutcome {
    return this.#reserve(RECORD_HEADER_SIZE + payloadSize, true);
  }

  /** Appends the scratch's payload as one record and returns its JSN. The scratch's headroom is overwritten, its payload is not. */
  append(fields: RecordFields, scratch: JournalScratch): number {
    assert(fields.kind > RECORD_KIND_WRITE && fields.kind <= 0xffff, "record kind out of range");
    const header = this.#header;
    header.kind = fields.kind;
    header.version = fields.version;
    header.unique = fields.unique;
    header.connection = fields.connection;
    header.length = RECORD_HEADER_SIZE + scratch.length;
    const at = scratch.headroom - RECORD_HEADER_SIZE;
    this.#beforeAppend();
    encodeRecordHeader(scratch.view, at, header);
    this.#write(scratch.view, scratch.buffer, at, 0);
    return this.#lastJsn;
  }

  /**
   * Appends a WRITE whose data lie at [at + 80, at + 80 + dataLength) of `buffer`, and returns its JSN. Overwrites the 80
   * bytes at `at` with the record's header, and may overwrite `fields.spareSize` bytes behind the data; sets `fields.dataCrc`, lastSegment and lastDataOffset.
   */
  appendWrite(fields: WriteFields, buffer: Uint8Array, at: number): number {
    const view = this.#viewOf(buffer);
    const dataAt = at + WRITE_HEADER_SIZE;
    const header = this.#header;
    header.kind = RECORD_KIND_WRITE;
    header.version = WRITE_VERSION;
    header.unique = fields.unique;
    header.connection = fields.connection;
    header.length = WRITE_HEADER_SIZE + fields.dataLength;
    this.#beforeAppend();
    fields.dataCrc = crc32Range(buffer, dataAt, dataAt + fields.dataLength, 0);
    encodeRecordHeader(view, at, header);
    encodeWriteArgs(view, at, fields);
    this.#write(view, buffer, at, fields.spareSize);
    this.lastDataOffset = this.lastOffset + WRITE_HEADER_SIZE;
    return this.#lastJsn;
  }

  /** Makes every appended record durable, in this thread. A failure stops the journal (J2). */
  flush(): void {
    this.#checkRunning();
    if (this.#flushedJsn === this.#lastJsn) return;
    try {
      let isNew = false;
      for (const segment of this.#segments) {
        if (segment.lastJsn <= this.#flushedJsn) continue;
        this.#disk.datasync(segment.fd);
        if (!segment.isNameDurable) isNew = true;
      }
      if (isNew) this.#disk.syncDirectory(this.#dir);
    } catch (error) {
      throw this.#stop(error, "flush");
    }
    this.#flushed(this.#lastJsn, this.#appendedSize);
  }

  /** A ticket for another thread; undefined when nothing is unflushed or a ticket is out already. */
  beginFlush(): FlushTicket | undefined {
    this.#checkRunning();
    if (this.#ticket || this.#flushedJsn === this.#lastJsn) return undefined;
    const fds: number[] = [];
    let isNew = false;
    for (const segment of this.#segments) {
      if (segment.lastJsn <= this.#flushedJsn) continue;
      segment.isFlushing = true;
      if (!segment.isNameDurable) isNew = true;
      fds.push(segment.flushFd);
    }
    this.#ticket = {
      fds,
      directory: isNew ? this.#dir : undefined,
      upToJsn: this.#lastJsn,
      upToSize: this.#appendedSize,
    };
    return this.#ticket;
  }

  /** The ticket ran through. */
  completeFlush(): void {
    this.#checkRunning();
    const ticket = this.#ticket;
    assert(ticket !== undefined, "no flush ticket is out");
    this.#ticket = undefined;
    for (const segment of this.#segments) segment.isFlushing = false;
    this.#flushed(ticket.upToJsn, ticket.upToSize);
    this.#recycle();
  }

  /** The ticket failed: the journal is stopped (J2). */
  failFlush(error: unknown): void {
    this.#stop(error, "flush");
  }

  /** Nobody needs records below `jsn` any more (rule J9 is the caller's); segments that hold only such are recycled. */
  dropBefore(jsn: number): void {
    assert(jsn <= this.#lastJsn + 1, "dropBefore beyond the journal's end");
    this.#checkRunning();
    if (jsn > this.#dropJsn) this.#dropJsn = jsn;
    this.#recycle();
  }

  /** Keeps a segment for a plan that reads it; as many `unpin` undo it. Throws CorruptError when it is not there. */
  pin(segmentNumber: number): void {
    this.#segment(segmentNumber).pinCount++;
  }

  unpin(segmentNumber: number): void {
    const segment = this.#segment(segmentNumber);
    assert(segment.pinCount > 0, `segment ${segmentNumber} is not pinned`);
    segment.pinCount--;
    if (segment.pinCount === 0 && !this.#stopped) this.#recycle();
  }

  /** Reads what `lastSegment` and `lastDataOffset` pointed to, into [at, at + length). Throws CorruptError when it is not all there. */
  readData(
    segmentNumber: number,
    offset: number,
    into: Uint8Array,
    at: number,
    length: number,
  ): void {
    const segment = this.#segment(segmentNumber);
    if (offset < SEGMENT_HEADER_SIZE || offset + length > segment.end)
      throw new CorruptError(`${segment.path} has no ${length} bytes of data at ${offset}`);
    const count = this.#disk.read(segment.fd, into, at, length, offset);
    if (count !== length)
      throw new CorruptError(`${segment.path} ends ${length - count} bytes too early at ${offset}`);
  }

  /** A spare that a worker should make now (prepareSpare), if any; answer with `spareReady` or `spareFailed`. */
  wantSpare(): SpareOrder | undefined {
    const ready = this.#pool.count + this.#pool.orderCount;
    if (this.#stopped || ready >= SPARE_COUNT_WANTED || !this.#hasRoomForFile()) return undefined;
    return this.#pool.order();
  }

  spareReady(order: SpareOrder): void {
    this.#checkRunning();
    this.#pool.ready(order);
  }

  spareFailed(): void {
    this.#pool.failed();
  }

  /** Closes the files; flushes nothing. A ticket that is out must have come back. */
  [Symbol.dispose](): void {
    assert(this.#ticket === undefined || this.#stopped !== undefined, "a flush ticket is out");
    this.#stopped ??= new FsError("EIO", `the journal in ${this.#dir} is closed`);
    for (const segment of this.#segments) {
      this.#disk.close(segment.fd);
      this.#disk.close(segment.flushFd);
    }
    this.#segments.length = 0;
    this.#byNumber.clear();
    this.#pool.close();
  }

  #reserve(size: number, isPrivileged: boolean): ReserveOutcome {
    this.#checkRunning();
    assert(
      size <= this.#limits.segmentSize - SEGMENT_HEADER_SIZE,
      "a record is larger than a segment",
    );
    if (this.unflushedSize + size > this.#limits.unflushedSizeMax) this.flush();
    if (this.#current.end + size <= this.#current.header.size) return "ok";
    try {
      return this.#advance(isPrivileged) ? "ok" : "full";
    } catch (error) {
      throw this.#stop(error, "begin a segment");
    }
  }

  /** Goes on in a new segment; false when there is no room for one. */
  #advance(isPrivileged: boolean): boolean {
    const liveCountMax = this.#segmentCountMax - (isPrivileged ? 0 : 1);
    const spareCountNeeded = isPrivileged ? 1 : 2;
    this.fullReason = "limit";
    if (this.#segments.length >= liveCountMax) return false;
    while (this.#pool.count < spareCountNeeded) {
      if (!this.#hasRoomForFile()) return false;
      if (!this.#pool.tryMake()) {
        this.fullReason = "disk";
        return false;
      }
    }
    const header = {
      uuid: this.#uuid,
      number: this.#current.header.number + 1,
      firstJsn: this.#lastJsn + 1,
      flushedJsn: this.#flushedJsn,
      salt: freshSalt(this.#random),
      size: this.#limits.segmentSize,
    };
    const next = beginSegment(this.#disk, takeSpare(this.#pool), { dir: this.#dir, header });
    this.#segments.push(next);
    this.#byNumber.set(header.number, next);
    this.#current = next;
    this.#chain = chainSeed(header.salt);
    this.#header.tag = recordTag(header.salt);
    return true;
  }

  #hasRoomForFile(): boolean {
    const count = this.#segments.length + this.#pool.count + this.#pool.orderCount;
    return count < this.#segmentCountMax;
  }

  #beforeAppend(): void {
    this.#checkRunning();
    const header = this.#header;
    header.jsn = this.#lastJsn + 1;
    header.flushedJsn = this.#flushedJsn;
    assert(
      this.#current.end + header.length <= this.#current.header.size,
      "append without reserve: the segment has no room",
    );
  }

  #write(view: DataView, bytes: Uint8Array, at: number, spareSize: number): void {
    const segment = this.#current;
    const length = this.#header.length;
    const crc = sealRecord(view, bytes, at, this.#chain);
    const padSize = pageRest(segment.end, segment.end + length);
    try {
      if (padSize > spareSize) {
        const pageAt = segment.end + length + padSize - PAGE_SIZE;
        this.#disk.write(segment.fd, ZERO_PAGE, 0, PAGE_SIZE, pageAt);
        this.#disk.write(segment.fd, bytes, at, length, segment.end);
      } else {
        bytes.fill(0, at + length, at + length + padSize);
        this.#disk.write(segment.fd, bytes, at, length + padSize, segment.end);
      }
    } catch (error) {
      throw this.#stop(error, "append");
    }
    this.#chain = crc;
    this.lastSegment = segment.header.number;
    this.lastOffset = segment.end;
    segment.end += length;
    segment.lastJsn = ++this.#lastJsn;
    this.#appendedSize += length;
    this.#sink.appended(segment.header.number, segment.end, this.#lastJsn);
  }

  #flushed(jsn: number, size: number): void {
    for (const segment of this.#segments)
      if (segment.lastJsn >= segment.header.firstJsn && segment.header.firstJsn <= jsn)
        segment.isNameDurable = true;
    if (jsn <= this.#flushedJsn) return;
    this.#flushedJsn = jsn;
    this.#flushedSize = size;
  }

  #recycle(): void {
    const segments = this.#segments;
    for (let i = 0; i < segments.length;) {
      const segment = segments[i]!;
      if (this.#isNeeded(segment)) {
        i++;
        continue;
      }
      segments.splice(i, 1);
      this.#byNumber.delete(segment.header.number);
      try {
        this.#pool.recycle(segment);
      } catch (error) {
        throw this.#stop(error, `recycle ${segment.path}`);
      }
    }
  }

  #isNeeded(segment: SegmentFile): boolean {
    return (
      segment === this.#current ||
      segment.lastJsn >= this.#dropJsn ||
      segment.lastJsn >= this.#flushedJsn ||
      segment.isFlushing ||
      segment.pinCount > 0
    );
  }

  #segment(number: number): SegmentFile {
    const segment = this.#byNumber.get(number);
    if (segment === undefined)
      throw new CorruptError(`journal ${toHex(this.#uuid)} has no segment ${number} any more`);
    return segment;
  }

  #viewOf(buffer: Uint8Array): DataView {
    if (this.#viewed !== buffer) {
      this.#viewed = buffer;
      this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    }
    return this.#view;
  }

  #checkRunning(): void {
    if (this.#stopped) throw this.#stopped;
  }

  /** Remembers the first failure and returns what every later call throws. */
  #stop(error: unknown, what: string): FsError {
    this.#stopped ??= new FsError("EIO", `the journal in ${this.#dir} stopped: ${what} failed`, {
      cause: error,
    });
    return this.#stopped;
  }
}

/** Bytes from `end` to the end of its page, when a record in [start, end) is the first in that page; otherwise 0. */
function pageRest(start: number, end: number): number {
  const used = end % PAGE_SIZE;
  return used > 0 && end - used >= start ? PAGE_SIZE - used : 0;
}

export function freshSalt(random: RandomSource): Uint8Array {
  const salt = new Uint8Array(SALT_SIZE);
  const view = new DataView(salt.buffer);
  for (let at = 0; at < SALT_SIZE; at += 4) view.setUint32(at, random.u32(), true);
  return salt;
}

function takeSpare(pool: SparePool): SpareFile {
  const spare = pool.take();
  assert(spare !== undefined, "the pool was just filled");
  return spare;
}
