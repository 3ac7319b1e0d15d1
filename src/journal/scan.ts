/**
 * Reads a journal directory without changing it and says where the log ends: the work of recovery before it writes, and
 * of fsck. Keeps rule J6 (the tail) and rule J5 (a JSN means something only with its journal's uuid).
 *
 * What holds the log together: a segment's records end where the smallest firstJsn of any later segment begins. So the
 * segment in which a recovery went on cuts off the torn tail before it, for ever, and a segment that was begun behind a
 * lost tail is superseded. A segment whose header is not whole, or names another number than the file, was never begun
 * as far as the disk knows ("void"): if it held flushed records, they are missed by their JSNs.
 *
 * The flushed mark is the highest of: what the caller knows (SQLite, the plan), fromJsn - 1 (K1), the segment headers,
 * the records read, and, behind a damaged place, whatever records can still be found.
 */
import { join } from "node:path";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { toHex } from "../core/hex.ts";
import type { AppendedEnd } from "./appended-end.ts";
import type { Disk } from "./disk.ts";
import { highestMark } from "./mark-search.ts";
import {
  readSegmentHeader,
  parseSegmentName,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
} from "./segment.ts";
import { SegmentReader } from "./segment-reader.ts";
import {
  decodeRecordHeader,
  decodeWriteArgs,
  emptyRecordHeader,
  emptyWriteArgs,
  RECORD_HEADER_SIZE,
  RECORD_KIND_WRITE,
  type RecordHeader,
  WRITE_HEADER_SIZE,
  type WriteArgs,
} from "./record.ts";

export interface ScanOptions {
  readonly disk: Disk;
  readonly dir: string;
  /** The journal that the caller's position belongs to. */
  readonly uuid: Uint8Array;
  /** First record wanted: the one after what the caller's state covers. */
  readonly fromJsn: number;
  /** The highest JSN that SQLite or a plan says was flushed. */
  readonly flushedJsnKnown: number;
  /** The journal's end as the supervisor's memory of this boot has it. */
  readonly appendedEndKnown?: AppendedEnd | undefined;
  /** Check the data of WRITEs also where appendedEndKnown covers them (J6 lets a restart in the same boot skip that). */
  readonly verifyPayloads?: boolean;
}

/** A segment file that belongs to the log: its records are [header.firstJsn, limitJsn). */
export interface LiveSegment {
  readonly path: string;
  readonly header: SegmentHeader;
  /** The first JSN that is a later segment's; Infinity for the last segment. */
  readonly limitJsn: number;
  /** Where its last good record ends; the file's end for segments before the scan's first. */
  readonly end: number;
}

export interface SegmentFileName {
  readonly path: string;
  readonly number: number;
  readonly header: SegmentHeader | undefined;
}

/** A record outside the log's flow; its bytes are its own. */
export interface RecordCopy {
  readonly header: RecordHeader;
  readonly args: WriteArgs | undefined;
  /** Empty for a WRITE. */
  readonly payload: Uint8Array;
}

export interface JournalScan {
  /** In the order of the log. */
  readonly live: readonly LiveSegment[];
  /** Which of `live` the scan began with. */
  readonly firstIndex: number;
  /** Whole segments whose every record a later one replaced. */
  readonly superseded: readonly SegmentFileName[];
  /** Files without a header of their own. */
  readonly voids: readonly SegmentFileName[];
  /** Above every segment number seen. */
  readonly nextNumber: number;
  /** The last record of the log; fromJsn - 1 or more, unless `error` is set. */
  readonly lastJsn: number;
  /** At or below lastJsn, unless `error` is set. */
  readonly flushedJsn: number;
  /** undefined while the journal has no record. */
  readonly lastRecord: RecordCopy | undefined;
  /** Where and why reading ended: everyday at the end of a log. */
  readonly tail: { readonly path: string; readonly offset: number; readonly reason: string };
  /** Why this log must not be used, if it must not. */
  readonly error: FsError | undefined;
}

interface Walk {
  readonly live: LiveSegment[];
  lastJsn: number;
  mark: number;
  lastRecordAt: { path: string; offset: number } | undefined;
  tail: { path: string; offset: number; reason: string };
  /** Index of the segment the walk stopped in. */
  index: number;
}

/** Throws CorruptError when no segment holds `fromJsn` or what follows it, ESTALE for another journal; damage is told in `error`. */
export function scanJournal(options: ScanOptions): JournalScan {
  const files = listSegments(options.disk, options.dir);
  const whole = files.filter((file) => file.header !== undefined);
  for (const file of whole) refuseForeign(file, options.uuid);
  const live = liveSegments(whole);
  const firstIndex = findFirst(live, options);
  const walk = walkSegments(live, firstIndex, options);
  let flushedJsn = Math.max(options.flushedJsnKnown, options.fromJsn - 1, walk.mark);
  for (const file of whole) flushedJsn = Math.max(flushedJsn, file.header!.flushedJsn);
  // Up to the appended end nothing that was acknowledged can be missing: then what lies behind it is no one's loss.
  const isEndKnown =
    options.appendedEndKnown !== undefined && walk.lastJsn >= options.appendedEndKnown.jsn;
  if (!isEndKnown) flushedJsn = Math.max(flushedJsn, marksBehind(walk, whole, options.disk));
  const livePaths = new Set(walk.live.map((segment) => segment.path));
  return {
    live: walk.live,
    firstIndex,
    superseded: whole.filter((file) => !livePaths.has(file.path)),
    voids: files.filter((file) => file.header === undefined),
    nextNumber: files.reduce((highest, file) => Math.max(highest, file.number), 0) + 1,
    lastJsn: walk.lastJsn,
    flushedJsn,
    lastRecord: walk.lastRecordAt && readRecord(options.disk, walk.lastRecordAt),
    tail: walk.tail,
    error: judgeTail(walk, flushedJsn, options.appendedEndKnown),
  };
}

/** All segment files of a directory by number, with their headers where those are whole. */
export function listSegments(disk: Disk, dir: string): SegmentFileName[] {
  const files: SegmentFileName[] = [];
  for (const name of disk.list(dir)) {
    const number = parseSegmentName(name);
    if (number === undefined) continue;
    const path = join(dir, name);
    files.push({ path, number, header: readHeader(disk, path, number) });
  }
  return files.sort((a, b) => a.number - b.number);
}

function readHeader(disk: Disk, path: string, number: number): SegmentHeader | undefined {
  const fd = disk.open(path, "read");
  try {
    return readSegmentHeader(disk, fd, number);
  } finally {
    disk.close(fd);
  }
}

function refuseForeign(file: SegmentFileName, uuid: Uint8Array): void {
  const found = toHex(file.header!.uuid);
  const wanted = toHex(uuid);
  if (found !== wanted)
    throw new FsError("ESTALE", `${file.path} belongs to journal ${found}, not to ${wanted}`);
}

function liveSegments(whole: readonly SegmentFileName[]): LiveSegment[] {
  const live: LiveSegment[] = [];
  let limitJsn = Number.POSITIVE_INFINITY;
  for (let i = whole.length - 1; i >= 0; i--) {
    const { path, header } = whole[i]!;
    if (header!.firstJsn >= limitJsn) continue;
    live.unshift({ path, header: header!, limitJsn, end: header!.size });
    limitJsn = header!.firstJsn;
  }
  return live;
}

/** The segment that holds fromJsn. One before it may be the leftover of a drop that a crash undid: nothing there counts. */
function findFirst(live: readonly LiveSegment[], options: ScanOptions): number {
  const index = live.findLastIndex((segment) => segment.header.firstJsn <= options.fromJsn);
  if (index >= 0) return index;
  const first = live[0] ? `begins with record ${live[0].header.firstJsn}` : "has no segment";
  throw new CorruptError(
    `the journal in ${options.dir} ${first}: record ${options.fromJsn} is missing`,
  );
}

function walkSegments(
  live: readonly LiveSegment[],
  firstIndex: number,
  options: ScanOptions,
): Walk {
  const first = live[firstIndex]!;
  const walk: Walk = {
    live: live.slice(),
    lastJsn: first.header.firstJsn - 1,
    mark: 0,
    lastRecordAt: undefined,
    tail: { path: first.path, offset: SEGMENT_HEADER_SIZE, reason: "" },
    index: firstIndex,
  };
  for (; walk.index < live.length; walk.index++)
    if (!walkSegment(walk, live[walk.index]!, options)) break;
  walk.lastRecordAt ??= lastRecordBefore(live[firstIndex - 1], walk, options);
  return walk;
}

/** The log's last record when it lies before the first segment walked: the journal keeps the segment that holds it. */
function lastRecordBefore(
  segment: LiveSegment | undefined,
  walk: Walk,
  options: ScanOptions,
): Walk["lastRecordAt"] {
  if (segment === undefined) return undefined;
  const before: Walk = { ...walk, live: walk.live.slice(), lastRecordAt: undefined, index: 0 };
  walkSegment(before, segment, options);
  return before.lastJsn === walk.lastJsn ? before.lastRecordAt : undefined;
}

/** Walks one segment; false when it broke off before the next segment's first record. */
function walkSegment(walk: Walk, segment: LiveSegment, options: ScanOptions): boolean {
  const { disk, fromJsn, appendedEndKnown } = options;
  const coveredJsn = options.verifyPayloads ? 0 : (appendedEndKnown?.jsn ?? 0);
  const checkFromJsn = Math.max(fromJsn, coveredJsn + 1);
  using reader = new SegmentReader({ disk, path: segment.path, header: segment.header });
  let lastOffset = 0;
  let isWhole = true;
  while (isWhole && reader.nextJsn < segment.limitJsn) {
    isWhole = reader.next(reader.nextJsn >= checkFromJsn ? "check" : "skip");
    if (!isWhole) break;
    walk.mark = Math.max(walk.mark, reader.header.flushedJsn);
    lastOffset = reader.offset;
  }
  walk.lastJsn = reader.nextJsn - 1;
  walk.live[walk.index] = { ...segment, end: reader.end };
  if (lastOffset > 0) walk.lastRecordAt = { path: segment.path, offset: lastOffset };
  walk.tail = { path: segment.path, offset: reader.end, reason: reader.problem };
  return isWhole;
}

/** What can still be read behind the place where the walk broke off. */
function marksBehind(walk: Walk, whole: readonly SegmentFileName[], disk: Disk): number {
  const broken = walk.live[walk.index];
  if (broken === undefined) return 0;
  let mark = 0;
  for (const { path, number, header } of whole) {
    if (number < broken.header.number) continue;
    const offset = path === broken.path ? walk.tail.offset : SEGMENT_HEADER_SIZE;
    mark = Math.max(mark, highestMark({ disk, path, header: header!, offset }));
  }
  return mark;
}

function judgeTail(
  walk: Walk,
  flushedJsn: number,
  appendedEnd: AppendedEnd | undefined,
): CorruptError | undefined {
  const { path, offset, reason } = walk.tail;
  const missing = `${path}, offset ${offset}: record ${walk.lastJsn + 1} is missing (${reason})`;
  if (walk.lastJsn < flushedJsn)
    return new CorruptError(`${missing}, but records up to ${flushedJsn} were flushed`);
  if (walk.lastJsn > 0 && walk.lastRecordAt === undefined)
    return new CorruptError(`${path}: record ${walk.lastJsn}, the last before it, is missing`);
  if (appendedEnd !== undefined && walk.lastJsn < appendedEnd.jsn)
    return new CorruptError(`${missing}, but records up to ${appendedEnd.jsn} were acknowledged`);
  return undefined;
}

/** The record at a place where the walk found one. */
function readRecord(
  disk: Disk,
  place: { readonly path: string; readonly offset: number },
): RecordCopy {
  const fd = disk.open(place.path, "read");
  try {
    const header = emptyRecordHeader();
    const first = new Uint8Array(WRITE_HEADER_SIZE);
    const view = new DataView(first.buffer);
    disk.read(fd, first, 0, first.length, place.offset);
    decodeRecordHeader(view, 0, header);
    if (header.kind === RECORD_KIND_WRITE) {
      const args = emptyWriteArgs();
      decodeWriteArgs(view, 0, header.length, args);
      return { header, args, payload: new Uint8Array(0) };
    }
    const payload = new Uint8Array(header.length - RECORD_HEADER_SIZE);
    disk.read(fd, payload, 0, payload.length, place.offset + RECORD_HEADER_SIZE);
    return { header, args: undefined, payload };
  } finally {
    disk.close(fd);
  }
}
