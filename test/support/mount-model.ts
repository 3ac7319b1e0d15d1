/** What a run of the model needs to know of a mount: the limits of the volume, and what the kernel keeps from it. */
import { readFileSync } from "node:fs";
import { TemporaryLinuxDirectory } from "../conformance/posix/linux-directory.ts";
import type { ModelRun } from "../model/run-against-model.ts";

export function mountModelRun(options: {
  readonly seed: number;
  readonly commandCount: number;
  /** Below the mount point. */
  readonly directory: string;
  readonly compareEvery?: number;
}): ModelRun {
  return {
    seed: options.seed,
    commandCount: options.commandCount,
    compareEvery: options.compareEvery ?? 50,
    subject: () => new TemporaryLinuxDirectory(options.directory),
    model: {
      fileSizeMax: Number.MAX_SAFE_INTEGER,
      linkCountMax: 65_000,
      allocationUnit: 4096,
      protectedHardlinks: isOn("protected_hardlinks"),
    },
    commands: {
      sticky: !["protected_regular", "protected_fifos", "protected_symlinks"].some(isOn),
      whiteout: true,
      shiftRanges: false,
      emptyChown: false,
    },
    // Reads that the page cache answers do not reach the engine.
    compareAtime: false,
  };
}

function isOn(name: string): boolean {
  return readFileSync(`/proc/sys/fs/${name}`, "latin1").trim() !== "0";
}
