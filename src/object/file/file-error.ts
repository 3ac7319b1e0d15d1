/**
 * What the operating system answered, as an ObjectStoreError that names the thing and says what to do about it.
 */
import { ERRNO, FsError, type ErrorCode } from "../../core/fs-error.ts";
import { ObjectStoreError } from "../object-store.ts";

/** Conditions that pass, or that an operator can end while the call is repeated. */
const RETRYABLE: ReadonlySet<string> = new Set([
  "EAGAIN",
  "EBUSY",
  "EDQUOT",
  "EINTR",
  "EMFILE",
  "ENFILE",
  "ENOMEM",
  "ENOSPC",
  "ESTALE",
  "ETIMEDOUT",
]);

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: "no permission: check owner and mode of the directory, and who runs this process",
  EPERM: "no permission: check owner and mode of the directory, and who runs this process",
  EDQUOT: "the disk quota is used up: free space or raise the quota",
  EIO: "the disk reports an error: look into the kernel's log (dmesg) before going on",
  ELOOP: "a symbolic link stands where the store keeps a file or directory: remove it",
  EMFILE: "too many open files in this process: raise its limit (ulimit -n)",
  ENFILE: "too many open files on this machine: raise fs.file-max",
  ENAMETOOLONG: "the path is too long for this file system: use a shorter directory",
  ENOENT: "it does not exist: create the directory, or mount the disk that holds it",
  ENOSPC: "the disk is full: free space (df -h and df -i show how much)",
  ENOTDIR: "it is not a directory",
  EROFS: "the file system is mounted read-only: mount it writable",
  EXDEV: "the store's directory spans several file systems: it must lie on one",
};

/** A FsError, an abort reason or a bug passes through; a system error is wrapped. `doing` reads "create a/b in /dir". */
export function toStoreError(error: unknown, doing: string): unknown {
  if (error instanceof FsError || !isSystemError(error)) return error;
  const code: ErrorCode = error.code in ERRNO ? (error.code as ErrorCode) : "EIO";
  const advice = ADVICE[error.code] ?? error.message;
  return new ObjectStoreError(code, `cannot ${doing}: ${error.code}, ${advice}`, {
    cause: error,
    retryable: RETRYABLE.has(error.code),
  });
}

/** True for a system error of one of these codes. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return isSystemError(error) && codes.includes(error.code);
}

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && !(error instanceof FsError) && "syscall" in error;
}
