/** The way from C's errno to an FsError, and from a path to C's string. */
import { ERRNO, FsError, type ErrorCode } from "../core/fs-error.ts";
import { lastErrno } from "./libc.ts";

const CODES: ReadonlyMap<number, ErrorCode> = new Map(
  Object.entries(ERRNO).map(([code, errno]) => [errno, code as ErrorCode]),
);

/** The code of a positive errno; `undefined` when Shoal has no name for it. */
export function errnoCode(errno: number): ErrorCode | undefined {
  return CODES.get(errno);
}

/** An FsError for a positive errno; one without a name becomes EIO, and the message has the number. */
export function errnoError(errno: number, message: string): FsError {
  const code = errnoCode(errno);
  if (code === undefined) return new FsError("EIO", `${message}: errno ${errno}`);
  return new FsError(code, `${message}: ${code}`);
}

/** Returns `result`, or throws the errno of the call that just returned it when it is negative. `what` names call and thing. */
export function checked(result: number, what: string): number {
  if (result < 0) throw errnoError(lastErrno(), what);
  return result;
}

/** A path or name for C: UTF-8 of a string, or bytes as they are, with the ending zero. Throws EINVAL at a zero inside. */
export function cString(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  if (bytes.includes(0)) throw new FsError("EINVAL", "a path has a zero byte inside");
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  return ended;
}

/** A path as a message shows it. */
export function shownPath(path: string | Uint8Array): string {
  return typeof path === "string" ? path : new TextDecoder().decode(path);
}
