/**
 * The port to the file system under the journal: only the calls it makes, synchronous, so that a test can be a disk that
 * loses what was not synced. `NodeDisk` is the real one.
 *
 * What always holds: `write` writes all or throws, `read` is short only at the end of the file, errors are FsError with
 * the code of the system call. A descriptor is a plain number, valid in every thread of the process.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  readdirSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { ERRNO, type ErrorCode, FsError } from "../core/fs-error.ts";

/** `create` makes a new file to read and write, EEXIST when there is one. */
export type OpenMode = "read" | "write" | "create";

export interface Disk {
  open(path: string, mode: OpenMode): number;
  close(fd: number): void;
  /** Reads at `position` into [at, at + length); returns how many bytes, fewer only at the end of the file. */
  read(fd: number, into: Uint8Array, at: number, length: number, position: number): number;
  /** Writes [at, at + length) of `from` at `position`. */
  write(fd: number, from: Uint8Array, at: number, length: number, position: number): void;
  /** In bytes. */
  size(fd: number): number;
  /** The inode's number: equal for two names of one file, as a crash in the middle of a rename can leave them. */
  inode(fd: number): number;
  /** fdatasync: content and size are durable when it returns; the name is not. */
  datasync(fd: number): void;
  /** fsync of a directory: its names are durable when it returns. */
  syncDirectory(path: string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Names in a directory, in no order. */
  list(path: string): string[];
  /** Makes a directory; no error when it is there. Its parent must exist. */
  makeDirectory(path: string): void;
}

const FLAGS = { read: "r", write: "r+", create: "wx+" } as const;

export class NodeDisk implements Disk {
  open(path: string, mode: OpenMode): number {
    try {
      return openSync(path, FLAGS[mode], 0o600);
    } catch (error) {
      throw toFsError(error, `open ${path}`);
    }
  }

  close(fd: number): void {
    try {
      closeSync(fd);
    } catch (error) {
      throw toFsError(error, `close descriptor ${fd}`);
    }
  }

  read(fd: number, into: Uint8Array, at: number, length: number, position: number): number {
    let done = 0;
    try {
      while (done < length) {
        const count = readSync(fd, into, at + done, length - done, position + done);
        if (count === 0) break;
        done += count;
      }
    } catch (error) {
      throw toFsError(error, `read ${length} bytes at ${position}`);
    }
    return done;
  }

  write(fd: number, from: Uint8Array, at: number, length: number, position: number): void {
    try {
      let done = 0;
      while (done < length) done += writeSync(fd, from, at + done, length - done, position + done);
    } catch (error) {
      throw toFsError(error, `write ${length} bytes at ${position}`);
    }
  }

  size(fd: number): number {
    try {
      return fstatSync(fd).size;
    } catch (error) {
      throw toFsError(error, `fstat descriptor ${fd}`);
    }
  }

  inode(fd: number): number {
    try {
      return fstatSync(fd).ino;
    } catch (error) {
      throw toFsError(error, `fstat descriptor ${fd}`);
    }
  }

  datasync(fd: number): void {
    try {
      fdatasyncSync(fd);
    } catch (error) {
      throw toFsError(error, `fdatasync descriptor ${fd}`);
    }
  }

  syncDirectory(path: string): void {
    let fd: number | undefined;
    try {
      fd = openSync(path, "r");
      fsyncSync(fd);
    } catch (error) {
      throw toFsError(error, `fsync directory ${path}`);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  rename(from: string, to: string): void {
    try {
      renameSync(from, to);
    } catch (error) {
      throw toFsError(error, `rename ${from} to ${to}`);
    }
  }

  unlink(path: string): void {
    try {
      unlinkSync(path);
    } catch (error) {
      throw toFsError(error, `unlink ${path}`);
    }
  }

  list(path: string): string[] {
    try {
      return readdirSync(path);
    } catch (error) {
      throw toFsError(error, `list ${path}`);
    }
  }

  makeDirectory(path: string): void {
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST")
        throw toFsError(error, `mkdir ${path}`);
    }
  }
}

/** A system call's error by its own code; one we have no name for is EIO. */
function toFsError(error: unknown, what: string): FsError {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const known: ErrorCode = code in ERRNO ? (code as ErrorCode) : "EIO";
  return new FsError(known, `${what}: ${(error as Error).message}`, { cause: error });
}
