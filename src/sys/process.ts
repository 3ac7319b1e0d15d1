/**
 * Attributes of the calling process and thread.
 * Source: prctl(2), sched_getaffinity(2).
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { checked, cString } from "./errno.ts";
import * as libc from "./libc.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_NAME = 15;
const PR_SET_IO_FLUSHER = 57;
/** Room for 8,192 CPUs, the most a kernel can be built for. */
const CPU_MASK_SIZE = 1024;

/**
 * Marks the calling thread as one that serves a file system, so that memory it asks for is never reclaimed through that
 * file system. Wants CAP_SYS_RESOURCE: EPERM without.
 */
export function setIoFlusher(): void {
  checked(libc.prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0), "prctl PR_SET_IO_FLUSHER");
}

/** The kernel sends `signal` (a number) to this process when the thread that started it dies. Check the parent's pid afterwards. */
export function setParentDeathSignal(signal: number): void {
  checked(libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl PR_SET_PDEATHSIG");
}

/**
 * Supplementary groups of a process or thread, as it has them now; none when it is gone or cannot be seen.
 * Source: proc_pid_status(5).
 */
export function supplementaryGroups(pid: number): readonly number[] {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return [];
  }
  const match = /^Groups:[ \t]*(.*)$/m.exec(status);
  const words = match?.[1]!.split(" ") ?? [];
  return words.filter((word) => word !== "").map(Number);
}

/** Name of the calling thread as ps and top show it; 15 bytes count. */
export function setThreadName(name: string): void {
  const bytes = cString(name);
  checked(libc.prctl(PR_SET_NAME, libc.addressOf(bytes), 0, 0, 0), "prctl PR_SET_NAME");
}

/** How many CPUs the calling thread may run on now. */
export function usableCpuCount(): number {
  const mask = new Uint8Array(CPU_MASK_SIZE);
  const size = libc.schedGetaffinity(0, mask.length, mask);
  if (size < 0) return availableParallelism();
  let count = 0;
  for (const byte of mask) for (let bits = byte; bits !== 0; bits &= bits - 1) count++;
  return Math.min(count, availableParallelism());
}
