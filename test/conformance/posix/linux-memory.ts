/** Locks and mappings of the Linux driver. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { libc, mmap } from "../../support/posix-libc.ts";
import type { LinuxContext } from "./linux-context.ts";
import { LinuxFile } from "./linux-file.ts";
import type { PosixFile } from "./posix-file.ts";
import type {
  LockKind,
  LockRange,
  MapOptions,
  PosixLocks,
  PosixMapping,
  PosixMappings,
} from "./posix-memory.ts";

// Source: asm-generic/fcntl.h, and sys/file.h for flock(2).
export const F_SETLK = 6;
const F_OFD_SETLK = 37;
const LOCK_NONBLOCKING = 4;
const FLOCK_KINDS: Readonly<Record<LockKind, number>> = { shared: 1, exclusive: 2, unlock: 8 };
const RECORD_LOCK_KINDS: Readonly<Record<LockKind, number>> = {
  shared: 0,
  exclusive: 1,
  unlock: 2,
};
const FLOCK_SIZE = 32;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const CHILD = fileURLToPath(new URL("../../support/posix-lock-child.ts", import.meta.url));
/** A lock that does not wait is answered long before. */
const CHILD_TIMEOUT_MS = 30_000;

export class LinuxLocks implements PosixLocks {
  readonly #context: LinuxContext;

  constructor(context: LinuxContext) {
    this.#context = context;
  }

  flock(file: PosixFile, kind: LockKind): void {
    libc.flock(descriptorOf(file), FLOCK_KINDS[kind] | LOCK_NONBLOCKING);
  }

  lockRange(file: PosixFile, range: LockRange): void {
    libc.fcntl(descriptorOf(file), F_OFD_SETLK, encodeFlock(range));
  }

  lockForProcess(file: PosixFile, range: LockRange): void {
    libc.fcntl(descriptorOf(file), F_SETLK, encodeFlock(range));
  }

  tryFromAnotherProcess(path: string, range: LockRange): string | undefined {
    const argument = JSON.stringify({ path: `${this.#context.rootPath}/${path}`, range });
    const child = spawnSync(process.execPath, [CHILD, argument], {
      encoding: "utf8",
      timeout: CHILD_TIMEOUT_MS,
    });
    if (child.status !== 0) throw new Error(`the child that locks has failed: ${child.stderr}`);
    const answer = child.stdout.trim();
    return answer === "ok" ? undefined : answer;
  }
}

export class LinuxMappings implements PosixMappings {
  map(file: PosixFile, { offset, length, shared, writable }: MapOptions): PosixMapping {
    const memory = mmap({
      fd: descriptorOf(file),
      length,
      protection: writable ? PROT_READ | PROT_WRITE : PROT_READ,
      flags: shared ? MAP_SHARED : MAP_PRIVATE,
      offset,
    });
    let isMapped = true;
    const close = (): void => {
      if (isMapped) memory.unmap();
      isMapped = false;
    };
    return {
      bytes: memory.bytes,
      sync: () => memory.sync(),
      close,
      [Symbol.dispose]: close,
    };
  }
}

/** struct flock of 64-bit Linux: s16 type, s16 whence, s64 start at 8, s64 length at 16, s32 pid at 24 (0 for OFD locks). */
export function encodeFlock({ kind, start, length }: LockRange): Uint8Array {
  const view = new DataView(new ArrayBuffer(FLOCK_SIZE));
  view.setInt16(0, RECORD_LOCK_KINDS[kind], true);
  view.setBigInt64(8, BigInt(start), true);
  view.setBigInt64(16, BigInt(length), true);
  return new Uint8Array(view.buffer);
}

function descriptorOf(file: PosixFile): number {
  if (!(file instanceof LinuxFile)) throw new TypeError("a file of another driver");
  return file.fd;
}
