/** Works that client threads do: an operation of bench/operations, a number of times in each thread. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Contender, cpuOf } from "../contenders/contender.ts";
import type { ClientThreads } from "./client-threads.ts";
import type { Measure, Work } from "./contest.ts";

export interface ThreadWorkOptions {
  readonly name: string;
  readonly operation: string;
  readonly unit?: string;
  readonly threads: ClientThreads;
  readonly threadCount: number;
  /** Steps of all threads together, for a contender that does its full share. */
  readonly count: number;
  readonly minMs?: number;
  readonly isWarmed?: boolean;
  /** Everyone does all of it. */
  readonly isShareless?: boolean;
  /** Below the directory of the round. */
  readonly subdirectory?: string;
  readonly size?: number;
  readonly blockSize?: number;
  /** Before the clock starts. */
  before?(contender: Contender): Promise<void>;
}

export function threadWork(options: ThreadWorkOptions): Work {
  return {
    name: options.name,
    unit: options.unit ?? "op",
    isRate: true,
    async run(contender, directory) {
      await options.before?.(contender);
      return runThreads(options, contender, join(directory, options.subdirectory ?? ""));
    },
  };
}

export function runThreads(
  options: ThreadWorkOptions,
  contender: Contender,
  directory: string,
): Promise<Measure> {
  const { operation, threads, threadCount, minMs = 0, size, blockSize } = options;
  const share = options.isShareless === true ? 1 : contender.share;
  const directories = Array.from({ length: threadCount }, (_, i) => join(directory, `thread-${i}`));
  for (const path of directories) mkdirSync(path, { recursive: true });
  return threads.run({
    operation,
    directories,
    count: Math.max(1, Math.round((options.count * share) / threadCount)),
    cpu: cpuOf(contender),
    minMs,
    isWarmed: options.isWarmed === true,
    ...(size === undefined ? {} : { size }),
    ...(blockSize === undefined ? {} : { blockSize }),
  });
}
