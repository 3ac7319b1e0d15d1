/** What processes use, as the kernel counts it. Source: proc(5), Documentation/filesystems/proc.rst. */
import { readdirSync, readFileSync } from "node:fs";

const KIB = 1024;

export interface MemoryUse {
  /** Proportional: what several share is counted once. */
  readonly pssBytes: number;
  readonly rssBytes: number;
}

export function memoryOf(pids: readonly number[]): MemoryUse {
  let [pssBytes, rssBytes] = [0, 0];
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    pssBytes += fieldOf(text, "Pss") * KIB;
    rssBytes += fieldOf(text, "Rss") * KIB;
  }
  return { pssBytes, rssBytes };
}

/** CPU time of all threads that live, in us. */
export function cpuUsOf(pids: readonly number[]): number {
  let sumNs = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const text = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8");
      sumNs += Number(text.split(" ")[0]);
    }
  }
  return sumNs / 1000;
}

/** Bytes that they caused to be written to a disk: page cache dirtied, direct writes. */
export function writtenBytesOf(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) sum += fieldOf(readFileSync(`/proc/${pid}/io`, "utf8"), "write_bytes");
  return sum;
}

function fieldOf(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(text);
  if (found === null) throw new Error(`the kernel says nothing of ${name}`);
  return Number(found[1]);
}
