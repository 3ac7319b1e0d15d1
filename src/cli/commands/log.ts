/** `shoal log [TARGET]` */
import type { Command } from "commander";
import { accessLine } from "../access-line.ts";
import { ExitCode } from "../exit-code.ts";
import { UsageError } from "../usage-error.ts";
import { parseTarget } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

interface LogFlags {
  readonly follow?: true;
  readonly lines: string;
}

/** What fits a few screens; the file itself is named by `shoal status`. */
const LINE_COUNT_MAX = 100_000;

export function addLogCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("log")
    .summary("show what a mount said, or follow every operation")
    .description(
      "Shows the end of a mount's own log: starts, warnings, crashes; of a volume that is not mounted, the last one's. With --follow, every operation as it is answered: operation, uid, pid, arguments, result, microseconds. That costs nothing while nobody follows.",
    )
    .argument("[TARGET]", "a mount point or a volume; not needed when only one is mounted")
    .option("-f, --follow", "every operation, until Ctrl-C")
    .option("-n, --lines <COUNT>", "how many lines of the mount's own log", "50")
    .action(async (target: string | undefined, flags: LogFlags) => {
      const wanted = target === undefined ? undefined : parseTarget(target, world.workingDirectory);
      const lineCount = parseLineCount(flags.lines);
      const actions = await world.loadActions();
      if (flags.follow === true) {
        await world.interrupts.during({ first: undefined, further: undefined }, async (signal) => {
          for await (const record of actions.followLog(wanted, signal)) {
            world.print(accessLine(record));
          }
        });
      } else {
        for (const line of await actions.readLog(wanted, lineCount)) world.print(`${line}\n`);
      }
      finish(ExitCode.OK);
    });
}

function parseLineCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/u.test(text) && count >= 1 && count <= LINE_COUNT_MAX) return count;
  throw new UsageError(`--lines: ${JSON.stringify(text)} is no number from 1 to ${LINE_COUNT_MAX}`);
}
