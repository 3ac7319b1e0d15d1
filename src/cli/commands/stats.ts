/** `shoal stats [TARGET]` */
import type { Command } from "commander";
import { ExitCode } from "../exit-code.ts";
import { STATS_HEADER_EVERY, statsHeader, statsLine } from "../stats-table.ts";
import { parseTarget } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

const HELP = `
Columns:
  requests/s  all; those that change something (chg); those answered with an error (err)
  µs          from a request's arrival to its answer: median (p50), 99th percentile (p99)
  bytes/s     read and written by programs, and put into packs
  fsync/s     flushes asked for
  held        journal in use, acknowledged bytes not in packs yet (unpack), resident memory
  wait        writers that wait for room     hit%  reads answered by the cache
  cpu%        of one processor, the engine's
`;

export function addStatsCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("stats")
    .summary("show live statistics, a line a second")
    .description("Shows live statistics of a mounted volume, a line a second, until Ctrl-C.")
    .argument("[TARGET]", "a mount point or a volume; not needed when only one is mounted")
    .addHelpText("after", HELP)
    .action(async (target: string | undefined) => {
      const wanted = target === undefined ? undefined : parseTarget(target, world.workingDirectory);
      const actions = await world.loadActions();
      await world.interrupts.during({ first: undefined, further: undefined }, async (signal) => {
        let lineCount = 0;
        for await (const sample of actions.stats(wanted, signal)) {
          if (lineCount++ % STATS_HEADER_EVERY === 0) world.print(statsHeader());
          world.print(statsLine(sample));
        }
      });
      finish(ExitCode.OK);
    });
}
