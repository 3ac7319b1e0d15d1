/** The life of some files, from create to unlink, as works that follow each other. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ClientThreads } from "./client-threads.ts";
import type { Work } from "./contest.ts";
import { forgetNames } from "./forget.ts";
import { threadWork, type ThreadWorkOptions } from "./thread-work.ts";

/** Long enough for a clock, short enough for many rounds. */
const MIN_MS = 30;

export interface MetadataOptions {
  readonly threads: ClientThreads;
  readonly threadCount: number;
  /** Follows the name of every work. */
  readonly suffix?: string;
  /** Files of all threads together. */
  readonly count: number;
}

export function metadataWorks(options: MetadataOptions): Work[] {
  const { suffix = "", ...common } = options;
  const subdirectory = `threads-${options.threadCount}`;
  const work = (name: string, operation: string, more: Partial<ThreadWorkOptions> = {}): Work =>
    threadWork({
      ...common,
      name: `${name}${suffix}`,
      operation,
      subdirectory,
      minMs: MIN_MS,
      ...more,
    });
  return [
    work("create + write 4 KiB + close", "create"),
    work("create empty", "createEmpty"),
    work("stat", "stat", { isWarmed: true }),
    work("stat of a missing name", "statMissing", { isWarmed: true }),
    work("stat of what the kernel forgot", "statOnce", { before: forgetNames }),
    work("open + read 4 KiB of what the kernel forgot", "openReadOnce", { before: forgetNames }),
    work("open + read 4 KiB + close", "openRead", { isWarmed: true }),
    work("chmod", "chmod"),
    work("setxattr", "setxattr"),
    work("getxattr", "getxattr"),
    work("rename", "rename"),
    withOther(
      work("rename into another directory", "renameAcross"),
      subdirectory,
      options.threadCount,
    ),
    unreported(work("rename back", "renameBack")),
    work("link", "link"),
    unreported(work("unlink of links", "unlinkLinks")),
    work("unlink of an empty file", "unlinkEmpty"),
    work("unlink", "unlink"),
    work("mkdir", "mkdir"),
    work("rmdir", "rmdir"),
  ];
}

function withOther(work: Work, subdirectory: string, threadCount: number): Work {
  return {
    ...work,
    run(contender, directory) {
      for (let i = 0; i < threadCount; i++)
        mkdirSync(join(directory, subdirectory, `thread-${i}`, "other"));
      return work.run(contender, directory);
    },
  };
}

/** Done because the works behind it need it. */
function unreported(work: Work): Work {
  return {
    ...work,
    async run(contender, directory) {
      await work.run(contender, directory);
      return undefined;
    },
  };
}
