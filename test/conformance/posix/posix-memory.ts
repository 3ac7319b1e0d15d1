/** Locks and mappings: they are the kernel's own work, and a driver without a kernel declares that it has none. */
import type { PosixFile } from "./posix-file.ts";

export type LockKind = "shared" | "exclusive" | "unlock";

export interface LockRange {
  readonly kind: LockKind;
  readonly start: number;
  /** 0: to the end of the file, however far it grows. */
  readonly length: number;
}

/** None of these waits: a conflict is EAGAIN. */
export interface PosixLocks {
  /** flock(2). */
  flock(file: PosixFile, kind: LockKind): void;
  /** fcntl(2) F_OFD_SETLK: the lock belongs to the open file description. */
  lockRange(file: PosixFile, range: LockRange): void;
  /** fcntl(2) F_SETLK: the lock belongs to the process. */
  lockForProcess(file: PosixFile, range: LockRange): void;
  /** Tries F_SETLK in another process, which then ends: the code of its error, or undefined when it got the lock. */
  tryFromAnotherProcess(path: string, range: LockRange): string | undefined;
}

export interface PosixMapping extends Disposable {
  /** The mapped bytes themselves: not to be touched after `close`. */
  readonly bytes: Uint8Array;
  /** msync(2) with MS_SYNC. */
  sync(): void;
  close(): void;
}

export interface PosixMappings {
  map(file: PosixFile, options: MapOptions): PosixMapping;
}

export interface MapOptions {
  readonly offset: number;
  readonly length: number;
  readonly shared: boolean;
  readonly writable: boolean;
}
