/**
 * Opens a journal that was left behind: finds its end, carries what was not flushed into a fresh segment, replays.
 *
 * What always holds (rules J2, J4, J6, checker 4):
 *   - the directory is only read until the log is known to be good; then its names are synced, a spare is filled, synced
 *     and renamed into the log in one step. A crash before that rename loses nothing, and one after it finds the same
 *     records; files whose records an earlier recovery replaced are used again first, so such crashes pile up nothing;
 *   - the new segment begins with the first record above the flushed mark: the copies there are flushed before anything
 *     is replayed, and the old ones, whose pages the kernel may have dropped after a failed fdatasync, are read no more;
 *   - the torn tail ends for ever where the new segment begins, and so does what a lost tail left behind it;
 *   - the visitor sees each record from fromJsn on once, in JSN order, data and metadata together.
 */
import { CorruptError } from "../core/fs-error.ts";
import { freshSalt, Journal, type JournalOptions, resolveLimits } from "./journal.ts";
import {
  RECORD_HEADER_SIZE,
  RECORD_KIND_WRITE,
  type RecordHeader,
  sealRecord,
  WRITE_HEADER_SIZE,
  type WriteArgs,
} from "./record.ts";
import {
  type JournalScan,
  type LiveSegment,
  type RecordCopy,
  scanJournal,
  type ScanOptions,
} from "./scan.ts";
import { chainSeed, recordTag, SEGMENT_HEADER_SIZE, type SegmentHeader } from "./segment.ts";
import {
  nameSegment,
  type SegmentFile,
  type SpareFile,
  writeSegmentHeader,
} from "./segment-file.ts";
import { SegmentReader } from "./segment-reader.ts";
import { SparePool } from "./spare-pool.ts";
import type { Disk } from "./disk.ts";

const PAGE_SIZE = 4096;

/** What replay is told. Headers, arguments and bytes are reused: valid only during the call. */
export interface RecoveryVisitor {
  /** An operation; its payload is [at, at + length) of `bytes`, for a ByteReader. */
  operation(header: RecordHeader, bytes: Uint8Array, at: number, length: number): void;
  /** A WRITE; its data lie in `segment` at `dataOffset`, readable with Journal.readData once recovery is done. */
  write(header: RecordHeader, args: WriteArgs, segment: number, dataOffset: number): void;
}

export interface RecoverOptions
  extends JournalOptions, Omit<ScanOptions, "disk" | "dir" | "uuid"> {}

export interface Recovered {
  /** Ready for appending; everything in it is flushed. */
  readonly journal: Journal;
  /** The journal's last record, also when it lies before fromJsn (rule J7 compares it with the kernel's request). */
  readonly lastRecord: RecordCopy | undefined;
  /** How many records were copied because nothing proved them flushed. */
  readonly copiedCount: number;
  /** Where and why the old log ended. */
  readonly tail: JournalScan["tail"];
}

/**
 * Throws CorruptError for damage at or below the flushed mark or the acknowledged end (rule J6), ESTALE for another
 * journal's directory, EPROTO for a version it does not know, ENOSPC when there is no room for the new segment; nothing is
 * changed then. What the visitor throws comes through.
 */
export function recover(options: RecoverOptions, visitor: RecoveryVisitor): Recovered {
  const { disk, dir } = options;
  const scan = scanJournal(options);
  if (scan.error) throw scan.error;
  const { segmentSize } = resolveLimits(options.limits);
  // The log may rest on a segment whose name an interrupted recovery never synced; what follows relies on that name.
  disk.syncDirectory(dir);
  const old = openOldSegments(disk, scan);
  const pool = new SparePool({ disk, dir, segmentSize });
  const journal = goOn(options, scan, { old, pool });
  try {
    replay(options, scan, journal.successor, visitor);
  } catch (error) {
    journal.journal[Symbol.dispose]();
    throw error;
  }
  const copiedCount = scan.lastJsn - scan.flushedJsn;
  return { journal: journal.journal, lastRecord: scan.lastRecord, copiedCount, tail: scan.tail };
}

interface Old {
  /** They stay part of the log. */
  readonly kept: SegmentFile[];
  /** Every record of theirs was replaced by an earlier recovery. */
  readonly superseded: SegmentFile[];
  /** Every record of theirs is above the mark: the new segment replaces them. */
  readonly copied: SegmentFile[];
}

/** Opens the new segment and the journal on it; closes everything when that fails. */
function goOn(
  options: RecoverOptions,
  scan: JournalScan,
  files: { readonly old: Old; readonly pool: SparePool },
): { journal: Journal; successor: SegmentFile } {
  const { old, pool } = files;
  const open = new Set([...old.kept, ...old.superseded, ...old.copied]);
  const recycle = (segment: SegmentFile): void => {
    open.delete(segment);
    pool.recycle(segment);
  };
  try {
    for (const segment of old.superseded) recycle(segment);
    const successor = openSuccessor(options, scan, pool);
    open.add(successor.file);
    for (const segment of old.copied) recycle(segment);
    const segments = [...old.kept, successor.file];
    const state = { pool, segments, chain: successor.chain, flushedJsn: scan.lastJsn };
    return { journal: new Journal(options, state), successor: successor.file };
  } catch (error) {
    for (const segment of open) {
      options.disk.close(segment.fd);
      options.disk.close(segment.flushFd);
    }
    pool.close();
    throw error;
  }
}

interface Successor {
  readonly file: SegmentFile;
  readonly chain: number;
}

/** Makes the segment in which the journal goes on, with copies of the records above the mark, durable. */
function openSuccessor(options: RecoverOptions, scan: JournalScan, pool: SparePool): Successor {
  const { disk } = options;
  const needed = SEGMENT_HEADER_SIZE + unflushedSizeBound(scan);
  const spare = pool.takeOfSize(Math.ceil(needed / PAGE_SIZE) * PAGE_SIZE);
  try {
    return fillSuccessor(options, scan, spare);
  } catch (error) {
    disk.close(spare.fd);
    disk.close(spare.flushFd);
    throw error;
  }
}

function fillSuccessor(options: RecoverOptions, scan: JournalScan, spare: SpareFile): Successor {
  const { disk, dir } = options;
  const header: SegmentHeader = {
    uuid: options.uuid.slice(),
    number: scan.nextNumber,
    firstJsn: scan.flushedJsn + 1,
    // True from the moment the file has its name: its content is synced before.
    flushedJsn: scan.lastJsn,
    salt: freshSalt(options.random),
    size: disk.size(spare.fd),
  };
  writeSegmentHeader(disk, spare.fd, header);
  const copied = copyUnflushed(options, scan, { spare, header });
  disk.datasync(spare.fd);
  const file = nameSegment(disk, spare, { dir, header });
  disk.syncDirectory(dir);
  file.isNameDurable = true;
  file.end = copied.end;
  file.lastJsn = scan.lastJsn;
  return { file, chain: copied.chain };
}

/** Bytes that the records above the mark can take at most. */
function unflushedSizeBound(scan: JournalScan): number {
  let size = 0;
  for (const segment of unflushedSegments(scan)) size += segment.end - SEGMENT_HEADER_SIZE;
  return size;
}

/** Segments of the log that hold records above the mark. */
function unflushedSegments(scan: JournalScan): LiveSegment[] {
  if (scan.lastJsn === scan.flushedJsn) return [];
  return scan.live.filter(
    (segment) => segment.limitJsn > scan.flushedJsn + 1 && segment.header.firstJsn <= scan.lastJsn,
  );
}

function copyUnflushed(
  options: RecoverOptions,
  scan: JournalScan,
  target: { readonly spare: SpareFile; readonly header: SegmentHeader },
): { end: number; chain: number } {
  const { disk } = options;
  const tag = recordTag(target.header.salt);
  let chain = chainSeed(target.header.salt);
  let end = SEGMENT_HEADER_SIZE;
  for (const segment of unflushedSegments(scan)) {
    using reader = new SegmentReader({ disk, path: segment.path, header: segment.header });
    while (reader.nextJsn < segment.limitJsn && reader.nextJsn <= scan.lastJsn) {
      const isWanted = reader.nextJsn > scan.flushedJsn;
      if (!reader.next(isWanted ? "check" : "skip")) throw changedSince(segment, reader);
      if (!isWanted) continue;
      reader.view.setUint32(reader.at + 36, tag, true);
      chain = sealRecord(reader.view, reader.bytes, reader.at, chain);
      disk.write(target.spare.fd, reader.bytes, reader.at, reader.header.length, end);
      end += reader.header.length;
    }
  }
  return { end, chain };
}

/** Descriptors for all segment files of the directory, one name each. */
function openOldSegments(disk: Disk, scan: JournalScan): Old {
  const kept: SegmentFile[] = [];
  const copied: SegmentFile[] = [];
  for (const { path, header, limitJsn, end } of scan.live) {
    const lastJsn = Math.min(limitJsn - 1, scan.flushedJsn);
    const file = openOld(disk, path, { header, end, lastJsn });
    (lastJsn < header.firstJsn ? copied : kept).push(file);
  }
  const superseded = scan.superseded.map(({ path, header }) =>
    openOld(disk, path, { header: header!, end: SEGMENT_HEADER_SIZE, lastJsn: 0 }),
  );
  // A file without its header may yet be what a plan reads: it stays until everything before the new segment is dropped.
  const voids = scan.voids.map(({ path, number }) =>
    openOld(disk, path, {
      header: voidHeader(number, scan),
      end: SEGMENT_HEADER_SIZE,
      lastJsn: scan.lastJsn,
    }),
  );
  const whole = [...kept, ...copied, ...superseded];
  whole.sort((a, b) => b.header.number - a.header.number);
  const single = unlinkAliases(disk, [...whole, ...voids]);
  return {
    kept: [...kept, ...voids]
      .filter((file) => single.has(file))
      .sort((a, b) => a.header.number - b.header.number),
    superseded: superseded.filter((file) => single.has(file)),
    copied: copied.filter((file) => single.has(file)),
  };
}

/**
 * Leaves one name to each file, the first in `files`: a crash may undo half of a rename, and then a file recycled under one
 * name would be overwritten under the other. The newer number is the name the file had last.
 */
function unlinkAliases(disk: Disk, files: readonly SegmentFile[]): ReadonlySet<SegmentFile> {
  const inodes = new Set<number>();
  const single = new Set<SegmentFile>();
  for (const file of files) {
    const inode = disk.inode(file.fd);
    if (!inodes.has(inode)) {
      inodes.add(inode);
      single.add(file);
      continue;
    }
    disk.close(file.fd);
    disk.close(file.flushFd);
    disk.unlink(file.path);
  }
  return single;
}

function openOld(
  disk: Disk,
  path: string,
  state: { readonly header: SegmentHeader; readonly end: number; readonly lastJsn: number },
): SegmentFile {
  const fd = disk.open(path, "write");
  const flushFd = disk.open(path, "write");
  return {
    ...state,
    path,
    fd,
    flushFd,
    isNameDurable: true,
    isFlushing: false,
    pinCount: 0,
  };
}

/** Stands for the header a void file does not have; of size 0, so that the pool unlinks the file. */
function voidHeader(number: number, scan: JournalScan): SegmentHeader {
  const none = new Uint8Array(0);
  const firstJsn = scan.lastJsn + 1;
  return { uuid: none, number, firstJsn, flushedJsn: 0, salt: none, size: 0 };
}

/** One pass in JSN order (J4) over the old segments up to the mark and then the new one. */
function replay(
  options: RecoverOptions,
  scan: JournalScan,
  successor: SegmentFile,
  visitor: RecoveryVisitor,
): void {
  const last: LiveSegment = {
    path: successor.path,
    header: successor.header,
    limitJsn: scan.lastJsn + 1,
    end: successor.end,
  };
  for (const old of scan.live.slice(scan.firstIndex)) {
    const limitJsn = Math.min(old.limitJsn, scan.flushedJsn + 1);
    // What begins above the mark was copied, and its file may be a spare by now.
    const isRead = old.header.firstJsn < limitJsn && limitJsn > options.fromJsn;
    if (isRead) visitSegment(options, { ...old, limitJsn }, visitor);
  }
  visitSegment(options, last, visitor);
}

function visitSegment(
  options: RecoverOptions,
  segment: LiveSegment,
  visitor: RecoveryVisitor,
): void {
  const { path, header } = segment;
  using reader = new SegmentReader({ disk: options.disk, path, header });
  while (reader.nextJsn < segment.limitJsn) {
    if (!reader.next("skip")) throw changedSince(segment, reader);
    const record = reader.header;
    if (record.jsn < options.fromJsn) continue;
    if (record.kind === RECORD_KIND_WRITE)
      visitor.write(record, reader.args, header.number, reader.offset + WRITE_HEADER_SIZE);
    else
      visitor.operation(
        record,
        reader.bytes,
        reader.at + RECORD_HEADER_SIZE,
        record.length - RECORD_HEADER_SIZE,
      );
  }
}

function changedSince(segment: LiveSegment, reader: SegmentReader): CorruptError {
  return new CorruptError(
    `${segment.path}, offset ${reader.offset}: record ${reader.nextJsn} was there and is not (${reader.problem})`,
  );
}
