/** Reads a log's last lines, and the ones that follow, for the control socket's `log`. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { Clock } from "../core/clock.ts";

/** What is read back at most for the lines before now. */
const TAIL_SIZE_MAX: number = 256 * 1024;
const READ_SIZE: number = 64 * 1024;
const LOOK_INTERVAL_MS = 300;

export interface LogTailOptions {
  readonly path: string;
  /** Lines from before now. */
  readonly lineCount: number;
  readonly follow: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

/** Resolves when there is no more, or, following, when the signal is aborted. */
export async function tailLog(options: LogTailOptions): Promise<void> {
  let at = showLast(options);
  let rest = "";
  while (options.follow && !options.signal.aborted) {
    await options.clock.sleep(LOOK_INTERVAL_MS, options.signal).catch(() => {});
    const fd = openSync(options.path, "r");
    try {
      const { size } = fstatSync(fd);
      // Emptied or moved away: what is there now is new.
      if (size < at) [at, rest] = [0, ""];
      const buffer = Buffer.alloc(READ_SIZE);
      for (let count = 1; count > 0 && at < size; at += count) {
        count = readSync(fd, buffer, 0, buffer.length, at);
        const lines = (rest + buffer.toString("utf8", 0, count)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) options.onLine(line);
      }
    } finally {
      closeSync(fd);
    }
  }
}

/** Returns where it stopped reading. */
function showLast(options: LogTailOptions): number {
  const fd = openSync(options.path, "r");
  try {
    const { size } = fstatSync(fd);
    const from = Math.max(0, size - TAIL_SIZE_MAX);
    const buffer = Buffer.alloc(size - from);
    const count = readSync(fd, buffer, 0, buffer.length, from);
    const end = buffer.lastIndexOf("\n", count) + 1;
    const lines = buffer.toString("utf8", 0, end).split("\n").slice(0, -1);
    if (options.lineCount > 0)
      for (const line of lines.slice(-options.lineCount)) options.onLine(line);
    return from + end;
  } finally {
    closeSync(fd);
  }
}
