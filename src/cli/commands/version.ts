/** `shoal version` */
import type { Command } from "commander";
import { ExitCode } from "../exit-code.ts";
import { versionLine } from "../version.ts";
import type { CommandContext } from "./command-context.ts";

export function addVersionCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("version")
    .summary("show the version")
    .description("Shows the version of this program, of Node.js and of the kernel.")
    .action(() => {
      world.print(`${versionLine()}\n`);
      finish(ExitCode.OK);
    });
}
