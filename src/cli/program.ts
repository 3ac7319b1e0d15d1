/** The command line as a whole: every command, and the help that teaches it. */
import { Command } from "commander";
import type { CommandContext } from "./commands/command-context.ts";
import { addCreateCommand } from "./commands/create.ts";
import { addFsckCommand } from "./commands/fsck.ts";
import { addInstallHelpersCommand } from "./commands/install-helpers.ts";
import { addLogCommand } from "./commands/log.ts";
import { addLtxCommand } from "./commands/ltx.ts";
import { addMountCommand } from "./commands/mount.ts";
import { addStatsCommand } from "./commands/stats.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addSyncCommand } from "./commands/sync.ts";
import { addUmountCommand } from "./commands/umount.ts";
import { addVersionCommand } from "./commands/version.ts";
import { programVersion } from "./version.ts";

const HELP_WIDTH = 100;

const HELP = `
First steps:
  mkdir ~/mnt
  shoal mount ~/mnt             mounts your default volume, made at the first time
  cp -r ~/project ~/mnt         use it like any disk
  shoal status                  what is stored, what is not yet in packs
  shoal umount ~/mnt            stores everything, then unmounts

A volume is a directory (or file:/// and its path) that holds packs of file contents and the
database of names. What was written in the last moment is in the journal of the state directory,
from which it is never lost when the program dies: \`shoal mount --help\` says where that is and
what the durability levels promise.

Exit codes: 0 done   1 failed   2 wrong arguments   (fsck and mount.fuse.shoal have their own)
`;

/** Throws CommanderError in place of ending the process; prints help through the world. */
export function buildProgram(context: CommandContext): Command {
  const { world } = context;
  const program = new Command("shoal")
    .description("A POSIX filesystem whose whole state lives in one place, mounted with FUSE.")
    .version(programVersion(), "-V, --version", "show the version")
    .helpCommand("help [COMMAND]", "show the help of a command")
    .addHelpText("after", HELP)
    .exitOverride()
    .configureHelp({
      helpWidth: HELP_WIDTH,
      subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
    })
    .configureOutput({
      writeOut: (text) => world.print(text),
      writeErr: (text) => world.note(text),
      // The message comes as a CommanderError too, and is said once, in our words.
      outputError: () => {},
      getOutHasColors: () => world.hasColour,
    });
  addCreateCommand(program, context);
  addMountCommand(program, context);
  addUmountCommand(program, context);
  addStatusCommand(program, context);
  addStatsCommand(program, context);
  addSyncCommand(program, context);
  addFsckCommand(program, context);
  addLogCommand(program, context);
  addLtxCommand(program, context);
  addInstallHelpersCommand(program, context);
  addVersionCommand(program, context);
  return program;
}
