/** `shoal umount TARGET` */
import type { Command } from "commander";
import { performUnmount } from "../perform-unmount.ts";
import { UsageError } from "../usage-error.ts";
import { parseTarget } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

interface UmountFlags {
  readonly force?: true;
  readonly lazy?: true;
  readonly timeout?: string;
}

/** A day: longer is a slip. */
const TIMEOUT_SECONDS_MAX = 86_400;

export function addUmountCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("umount")
    .alias("unmount")
    .summary("store everything, then unmount")
    .description(
      "Stores everything in the volume, then unmounts it. When it is in use, says by whom and leaves it mounted.",
    )
    .argument("<TARGET>", "the mount point, or the volume")
    .option("--force", "cut off who still uses it; nothing acknowledged is lost")
    .option("--lazy", "detach now, end when the last user has gone")
    .option("--timeout <SECONDS>", "how long to wait for it")
    .action(async (target: string, flags: UmountFlags) => {
      const exitCode = await performUnmount(world, {
        target: parseTarget(target, world.workingDirectory),
        force: flags.force === true,
        lazy: flags.lazy === true,
        timeoutMs: flags.timeout === undefined ? undefined : parseSeconds(flags.timeout) * 1000,
      });
      finish(exitCode);
    });
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (/^\d+(?:\.\d+)?$/u.test(text) && seconds <= TIMEOUT_SECONDS_MAX) return seconds;
  throw new UsageError(`--timeout: ${JSON.stringify(text)} is no number of seconds`);
}
