/**
 * A database made from a chain of LTX files: a snapshot and what follows it.
 *
 * The pages of each file are written in place, the files in order, the segments of a file on several threads. The database
 * appears under its name when all of it is written, checked and flushed, or not at all. Checked are: every file as
 * a whole (as `LtxDecoder` does), that each follows the one before by TXID, and by checksum where they carry some, that
 * every page of the result was in some file, and at the end, where checksums are tracked, that of the whole database.
 * Memory is two segments for each thread, and a bit for each page by which the database grew behind its snapshot.
 */
import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname } from "node:path";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { hasCode, wrapSystemError } from "../../core/system-error.ts";
import { temporaryName } from "../../core/temporary-name.ts";
import { EMPTY_DATABASE_CHECKSUM, PageChecksum, togglePage } from "../checksum.ts";
import {
  isSnapshot,
  lockPage,
  type LtxHeader,
  type LtxTrailer,
  tracksChecksum,
} from "../header.ts";
import { spanOf } from "../lz4-block.ts";
import { type LtxEnds, type RangedSource, readLtxEnds } from "../ranged-file.ts";
import { formatTxid } from "../txid.ts";
import { applyLtxFile, type ApplyTarget } from "./apply-file.ts";
import { PageCoverage } from "./page-coverage.ts";
import { writeFully } from "./segment.ts";
import { openSegmentRunner, type SegmentRunner } from "./segment-runner.ts";

/** Files up to this size are read at once. */
const WHOLE_SIZE_MAX: number = 1024 * 1024;
/** Files opened ahead of the one that is applied. */
const AHEAD_COUNT = 8;
/** Threads are not worth their start below this many bytes of files. */
const THREADS_SIZE_MIN: number = 4 * 1024 * 1024;
/** More than this many gain nothing: one thread hands out the work. */
const THREAD_COUNT_MAX = 8;
/** Read at a time for the checksum of the whole database; a multiple of every page size. */
const CHECK_PIECE_SIZE: number = 1024 * 1024;
/** What SQLite would take for a part of the database. */
const COMPANIONS = ["-wal", "-shm", "-journal"] as const;

export interface RestoreOptions {
  /** Where the database is to be. */
  readonly path: string;
  /** Replaces a database that is there; left out, that is EEXIST. */
  readonly overwrite?: boolean;
  /** Threads that decode; 0 for none. Left out: as many as there are processors, none for little. */
  readonly threadCount?: number;
  readonly signal?: AbortSignal;
  /** Told after each file. */
  readonly onFile?: (name: string) => void;
}

export interface RestoredDatabase {
  readonly header: LtxHeader;
  readonly trailer: LtxTrailer;
  /** In bytes. */
  readonly size: number;
  readonly fileCount: number;
}

export interface VerifyOptions {
  readonly threadCount?: number;
  readonly signal?: AbortSignal;
}

/** Makes the database of `files`, oldest first. Throws CorruptError, which names the file, or EINVAL when they are no chain. */
export async function restoreChain(
  files: readonly RangedSource[],
  options: RestoreOptions,
): Promise<RestoredDatabase> {
  const { path } = options;
  await checkFree(path, options.overwrite === true);
  const temporary = temporaryName(path);
  const handle = await openNew(temporary, path);
  try {
    let restored: RestoredDatabase;
    try {
      const threadCount = options.threadCount ?? chooseThreadCount(files);
      await using runner = openSegmentRunner(handle.fd, threadCount);
      restored = await new ChainRestorer(files, handle, runner, options).run();
      await handle.sync();
    } finally {
      await handle.close();
    }
    await moveIntoPlace(temporary, path, options.overwrite === true);
    return restored;
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw wrapUnlessAborted(error, path, options.signal);
  }
}

/** Checks all of one file, on several threads. */
export async function verifyLtxFile(
  file: RangedSource,
  options: VerifyOptions = {},
): Promise<LtxEnds> {
  const source = await inMemoryIfSmall(file);
  const ends = await readLtxEnds(source);
  const threadCount = options.threadCount ?? chooseThreadCount([file]);
  await using runner = openSegmentRunner(undefined, threadCount);
  await applyLtxFile(source, ends, {
    runner,
    pgnoMax: 0,
    onPage: () => {},
    writePage: () => {},
    signal: options.signal,
  });
  return ends;
}

interface OpenedFile {
  readonly source: RangedSource;
  readonly ends: LtxEnds;
}

class ChainRestorer {
  readonly #files: readonly RangedSource[];
  readonly #handle: FileHandle;
  readonly #runner: SegmentRunner;
  readonly #options: RestoreOptions;
  readonly #opened: Promise<OpenedFile>[] = [];
  #openedCount = 0;

  constructor(
    files: readonly RangedSource[],
    handle: FileHandle,
    runner: SegmentRunner,
    options: RestoreOptions,
  ) {
    this.#files = files;
    this.#handle = handle;
    this.#runner = runner;
    this.#options = options;
  }

  async run(): Promise<RestoredDatabase> {
    const lastFile = this.#files.at(-1);
    if (lastFile === undefined) throw new FsError("EINVAL", "there is no LTX file to restore from");
    const last = (await readLtxEnds(lastFile)).header;
    let coverage: PageCoverage | undefined;
    let before: OpenedFile | undefined;
    for (let i = 0; i < this.#files.length; i++) {
      const opened = await this.#next();
      checkFollows(before, opened);
      coverage ??= new PageCoverage(opened.ends.header);
      await applyLtxFile(opened.source, opened.ends, this.#targetOf(coverage, opened, last));
      this.#options.onFile?.(opened.source.name);
      before = opened;
    }
    const { header, trailer } = before!.ends;
    const missing = coverage!.firstMissing(header.commit);
    if (missing !== undefined) {
      throw new CorruptError(
        `${lastFile.name}: the database has ${header.commit} pages, but page ${missing} is in no file`,
      );
    }
    const size = header.commit * header.pageSize;
    await this.#handle.truncate(size);
    await this.#checkDatabase(before!);
    return { header, trailer, size, fileCount: this.#files.length };
  }

  #targetOf(coverage: PageCoverage, opened: OpenedFile, last: LtxHeader): ApplyTarget {
    const { pageSize } = opened.ends.header;
    return {
      runner: this.#runner,
      pgnoMax: last.commit,
      onPage: (pgno) => coverage.add(pgno),
      writePage: (pgno, data) => writeFully(this.#handle.fd, data, (pgno - 1) * pageSize),
      signal: this.#options.signal,
    };
  }

  /** Files are opened some ahead: each costs a round trip where they are far away. */
  #next(): Promise<OpenedFile> {
    while (this.#openedCount < this.#files.length && this.#opened.length < AHEAD_COUNT) {
      const opening = openFile(this.#files[this.#openedCount++]!);
      opening.catch(() => {});
      this.#opened.push(opening);
    }
    return this.#opened.shift()!;
  }

  /** Where the last file says what the checksum of the whole database is. One that is a snapshot was summed already. */
  async #checkDatabase({ source, ends }: OpenedFile): Promise<void> {
    const { header, trailer } = ends;
    if (!tracksChecksum(header) || isSnapshot(header)) return;
    const { pageSize } = header;
    const size = header.commit * pageSize;
    const locked = lockPage(pageSize);
    const page = new PageChecksum();
    const piece = spanOf(new Uint8Array(CHECK_PIECE_SIZE));
    let checksum = EMPTY_DATABASE_CHECKSUM;
    for (let offset = 0; offset < size; offset += CHECK_PIECE_SIZE) {
      this.#options.signal?.throwIfAborted();
      const length = Math.min(CHECK_PIECE_SIZE, size - offset);
      await readFully(this.#handle, piece.bytes.subarray(0, length), offset);
      for (let at = 0; at < length; at += pageSize) {
        const pgno = (offset + at) / pageSize + 1;
        if (pgno === locked) continue;
        checksum = togglePage(checksum, page.of(pgno, piece.view, { at, size: pageSize }));
      }
    }
    if (checksum !== trailer.postApplyChecksum) {
      throw new CorruptError(`${source.name}: the database's checksum is not the one it must be`);
    }
  }
}

function chooseThreadCount(files: readonly RangedSource[]): number {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return size < THREADS_SIZE_MIN ? 0 : Math.min(THREAD_COUNT_MAX, availableParallelism());
}

async function openFile(file: RangedSource): Promise<OpenedFile> {
  const source = await inMemoryIfSmall(file);
  return { source, ends: await readLtxEnds(source) };
}

async function inMemoryIfSmall(file: RangedSource): Promise<RangedSource> {
  const { name, size } = file;
  if (size === 0 || size > WHOLE_SIZE_MAX) return file;
  const bytes = await file.read(0, size);
  return {
    name,
    size,
    read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
  };
}

/** Overlap is allowed, as compactions of different levels have it. */
function checkFollows(before: OpenedFile | undefined, opened: OpenedFile): void {
  const { name } = opened.source;
  const { header } = opened.ends;
  if (before === undefined) {
    if (isSnapshot(header)) return;
    const first = formatTxid(header.minTxid);
    throw new FsError("EINVAL", `${name}: begins with TXID ${first}, and no snapshot is before it`);
  }
  const { header: previous, trailer } = before.ends;
  if (previous.pageSize !== header.pageSize) {
    const sizes = `pages of ${header.pageSize} bytes behind ${previous.pageSize}`;
    throw new CorruptError(`${name}: ${sizes} of ${before.source.name}`);
  }
  if (header.minTxid > previous.maxTxid + 1 || header.maxTxid <= previous.maxTxid) {
    const range = `${formatTxid(header.minTxid)} to ${formatTxid(header.maxTxid)}`;
    const end = formatTxid(previous.maxTxid);
    throw new FsError(
      "EINVAL",
      `${name}: ${range} does not follow ${before.source.name}, up to ${end}`,
    );
  }
  const isNext = header.minTxid === previous.maxTxid + 1;
  const areTracked = tracksChecksum(header) && tracksChecksum(previous);
  if (isNext && areTracked && header.preApplyChecksum !== trailer.postApplyChecksum) {
    throw new CorruptError(
      `${name}: was made for another database than ${before.source.name} gives`,
    );
  }
}

async function checkFree(path: string, mayOverwrite: boolean): Promise<void> {
  const taken = await Promise.all(
    ["", ...COMPANIONS].map(async (suffix) => {
      try {
        await lstat(path + suffix);
        return true;
      } catch (error) {
        if (hasCode(error, "ENOENT")) return false;
        throw wrapSystemError(error, path);
      }
    }),
  );
  if (taken[0] === true && !mayOverwrite) throw new FsError("EEXIST", `${path} exists`);
  for (const [i, suffix] of COMPANIONS.entries()) {
    if (taken[i + 1] === true) {
      throw new FsError("EEXIST", `${path}${suffix} exists: SQLite would apply it to the database`);
    }
  }
}

async function openNew(temporary: string, path: string): Promise<FileHandle> {
  try {
    return await open(temporary, "wx+");
  } catch (error) {
    throw wrapSystemError(error, path);
  }
}

async function moveIntoPlace(
  temporary: string,
  path: string,
  mayOverwrite: boolean,
): Promise<void> {
  if (mayOverwrite) {
    await rename(temporary, path);
  } else {
    await link(temporary, path);
    await unlink(temporary);
  }
  const directory = await open(dirname(path));
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await handle.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) throw new FsError("EIO", "the restored database is shorter than it was");
    at += bytesRead;
  }
}

function wrapUnlessAborted(error: unknown, path: string, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true ? error : wrapSystemError(error, path);
}
