/** The way from what node:fs and node:net throw to an FsError that names the thing. */
import { getSystemErrorMessage } from "node:util";
import { ERRNO, FsError, type ErrorCode } from "./fs-error.ts";

/** The code Node gave an error, e.g. "ENOENT"; `undefined` for one that is no system error. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  const code = systemErrorCode(error);
  return code !== undefined && codes.includes(code);
}

/** An FsError with the code of `error`, EIO when Shoal has no name for it; an FsError stays what it is. */
export function wrapSystemError(error: unknown, what: string): FsError {
  if (error instanceof FsError) return error;
  const code = systemErrorCode(error) ?? "EIO";
  const known = code in ERRNO ? (code as ErrorCode) : "EIO";
  return new FsError(
    known,
    `${what}: ${code === "EIO" ? errorMessage(error) : inWords(error, code)}`,
    {
      cause: error,
    },
  );
}

/** "ENOENT, no such file or directory". */
function inWords(error: unknown, code: string): string {
  const { errno } = error as NodeJS.ErrnoException;
  if (typeof errno !== "number" || errno >= 0) return code;
  return `${code}, ${getSystemErrorMessage(errno)}`;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
