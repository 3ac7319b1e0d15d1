/** `shoal status [TARGET]` */
import type { Command } from "commander";
import { ExitCode } from "../exit-code.ts";
import { statusJson, statusText } from "../status-view.ts";
import { parseTarget } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

export function addStatusCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("status")
    .summary("show mounted volumes, and what is not in packs yet")
    .description(
      "Shows the mounted volumes, or one: what is stored, what is not in packs yet, how it fares.",
    )
    .argument("[TARGET]", "a mount point or a volume; all when left out")
    .option("--json", "for programs: sizes in bytes, times in milliseconds, names that stay")
    .action(async (target: string | undefined, flags: { readonly json?: true }) => {
      const wanted = target === undefined ? undefined : parseTarget(target, world.workingDirectory);
      const actions = await world.loadActions();
      const volumes = await actions.status(wanted);
      world.print(flags.json === true ? statusJson(volumes) : statusText(volumes, world.hasColour));
      finish(ExitCode.OK);
    });
}
