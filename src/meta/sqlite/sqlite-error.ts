/**
 * What node:sqlite throws, as an FsError that names the database. Only what says so is damage: a full disk, a missing
 * right or somebody else's transaction is none.
 * Source: sqlite3.h, primary result codes (the low byte of an extended one).
 */
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { errorMessage } from "../../core/system-error.ts";

const SQLITE_PERM = 3;
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_AUTH = 23;

export function wrapSqliteError(error: unknown, path: string): FsError {
  if (error instanceof FsError) return error;
  const options = { cause: error };
  switch (((error as { errcode?: number }).errcode ?? 0) & 0xff) {
    case SQLITE_BUSY:
      return new FsError("EBUSY", `another process uses the metadata database ${path}`, options);
    case SQLITE_FULL:
      return new FsError("ENOSPC", `the disk of the metadata database ${path} is full`, options);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return new FsError(
        "EACCES",
        `the metadata database ${path} may not be written: ${errorMessage(error)}`,
        options,
      );
    case SQLITE_CANTOPEN:
      return new FsError(
        "EACCES",
        `the metadata database ${path} cannot be opened: SQLite must be able to write to its ` +
          `directory, also where the volume is only read (${errorMessage(error)})`,
        options,
      );
    default:
      return new CorruptError(
        `the metadata database ${path} cannot be used: ${errorMessage(error)}`,
        options,
      );
  }
}
