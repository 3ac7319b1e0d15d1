/** `shoal sync [TARGET]` */
import type { Command } from "commander";
import { formatByteSize } from "../byte-size.ts";
import { formatDuration } from "../duration.ts";
import { ExitCode } from "../exit-code.ts";
import { parseTarget } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

export function addSyncCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("sync")
    .summary("store everything in the volume now")
    .description(
      "Returns when everything written before is in the volume's packs and database, on the disk.",
    )
    .argument("[TARGET]", "a mount point or a volume; not needed when only one is mounted")
    .action(async (target: string | undefined) => {
      const wanted = target === undefined ? undefined : parseTarget(target, world.workingDirectory);
      const actions = await world.loadActions();
      const { mountPoint, packCount, packSize, durationMs } = await actions.sync(wanted);
      const packs =
        packCount === 0 ? "no new packs" : `${packCount} packs, ${formatByteSize(packSize)}`;
      world.print(`${mountPoint}: all is stored (${packs}, ${formatDuration(durationMs)})\n`);
      finish(ExitCode.OK);
    });
}
