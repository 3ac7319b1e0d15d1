/** Turns what a system call of Node throws into the FsError that may cross a layer, with the call's own code. */
import { ERRNO, FsError, type ErrorCode } from "../core/fs-error.ts";

/** `message` says what was being done to which file. A code we do not know becomes EIO; an FsError stays itself. */
export function toFsError(cause: unknown, message: string): FsError {
  if (cause instanceof FsError) return cause;
  const code = errorCode(cause);
  const known = code !== undefined && code in ERRNO ? (code as ErrorCode) : "EIO";
  return new FsError(known, `${message}: ${code ?? String(cause)}`, { cause });
}

/** The code of a system error, e.g. "ENOENT". */
export function errorCode(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}
