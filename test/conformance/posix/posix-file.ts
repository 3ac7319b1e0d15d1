/**
 * An open file and an open directory, for tests. What they refer to lives on after its last name is gone.
 *
 * An operation runs on behalf of whoever opened the file, unless `as` says otherwise: Linux checks the permission to
 * read and write once, at open, but whether set-id bits survive a write at each write.
 */
import type { Caller, Owner, PosixStat, TimeChanges } from "./posix-directory.ts";

export interface PosixFile extends Disposable {
  as(caller: Partial<Caller>): PosixFile;
  /** At most `size` bytes; fewer only at the end of the file. */
  read(offset: number | bigint, size: number): Uint8Array;
  /** How many bytes were written. With O_APPEND the offset is not heeded (Linux, pwrite(2) BUGS). */
  write(offset: number | bigint, bytes: Uint8Array): number;
  truncate(size: number | bigint): void;
  /** fallocate(2): FALLOC_FL_* or 0. */
  allocate(mode: number, offset: number | bigint, length: number | bigint): void;
  /** lseek(2) with SEEK_DATA or SEEK_HOLE: the offset found; ENXIO past the end, and for data in a last hole. */
  seek(kind: "data" | "hole", offset: number | bigint): number;
  /** copy_file_range(2) from this file into `target`, on behalf of this file's caller: how many bytes were copied. */
  copyTo(target: PosixFile, range: CopyRange): number;
  sync(kind: "data" | "all"): void;
  stat(): PosixStat;
  chmod(mode: number): void;
  chown(owner: Owner): void;
  utimens(times: TimeChanges): void;
  /** Gives a file without a name (O_TMPFILE) one. */
  linkAs(path: string): void;
  close(): void;
}

export interface CopyRange {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

export interface PosixEntry {
  readonly name: string;
  readonly ino: number;
  /** DT_*: the file type of st_mode shifted right by 12. */
  readonly type: number;
  /** Where the entry after this one is found: to be given to `seek`, at any later time. */
  readonly cookie: bigint;
}

export interface PosixDirectoryStream extends Disposable {
  /** The next entries that fit a buffer of this many bytes (at least 280), with "." and "..". None: the end. */
  read(bufferSize: number): PosixEntry[];
  /** 0 is the beginning. */
  seek(cookie: bigint): void;
  sync(): void;
  close(): void;
}
