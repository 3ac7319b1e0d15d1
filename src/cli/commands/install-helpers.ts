/** `shoal install-helpers` */
import { resolve } from "node:path";
import type { Command } from "commander";
import { ExitCode } from "../exit-code.ts";
import { installHelpers, removeHelpers } from "../helper-scripts.ts";
import type { CommandContext } from "./command-context.ts";

interface InstallFlags {
  readonly prefix: string;
  readonly remove?: true;
}

const HELP = `
Writes two small scripts that start this installation. With them these work:
  mount -t fuse.shoal file:///srv/volumes/work /mnt/work
  umount /mnt/work
  and in /etc/fstab:
  file:///srv/volumes/work  /mnt/work  fuse.shoal  allow_other,dev,suid,nofail  0  0
`;

export function addInstallHelpersCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("install-helpers")
    .summary("let mount(8), umount(8) and /etc/fstab mount volumes")
    .description("Lets mount(8), umount(8) and /etc/fstab mount volumes of type fuse.shoal.")
    .option("--prefix <DIR>", "write below DIR/sbin", "/")
    .option("--remove", "remove them again")
    .addHelpText("after", HELP)
    .action((flags: InstallFlags) => {
      const prefix = resolve(world.workingDirectory, flags.prefix);
      if (flags.remove === true) {
        const removed = removeHelpers(prefix);
        for (const path of removed) world.print(`removed ${path}\n`);
        if (removed.length === 0) world.print(`nothing to remove below ${prefix}\n`);
      } else {
        for (const path of installHelpers(prefix, world.self)) world.print(`wrote ${path}\n`);
      }
      finish(ExitCode.OK);
    });
}
