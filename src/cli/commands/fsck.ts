/** `shoal fsck [TARGET]` */
import { type Command } from "commander";
import { visible } from "../access-line.ts";
import type { FsckReport } from "../actions.ts";
import { formatByteSize } from "../byte-size.ts";
import { defaultVolume } from "../default-volume.ts";
import { formatDuration } from "../duration.ts";
import { ExitCode } from "../exit-code.ts";
import { parsePath, parseTarget } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

interface FsckFlags {
  readonly metadataOnly?: true;
  readonly stateDir?: string;
}

const HELP = `
Nothing is changed, whatever is found. A mounted volume is checked while it works.

Exit codes: 0 clean   1 problems were found   8 something could not be checked   2 wrong arguments
`;

export function addFsckCommand(parent: Command, context: CommandContext): void {
  parent
    .command("fsck")
    .summary("check a volume, read-only")
    .description("Checks a volume's journal, metadata and every pack, and reports what is wrong.")
    .argument("[TARGET]", "a volume or a mount point; the default volume when left out")
    .option("--metadata-only", "leave out the contents of packs")
    .option("--state-dir <DIR>", "where its journal is, when a mount elsewhere was told so")
    .addHelpText("after", HELP)
    .action(async (target: string | undefined, flags: FsckFlags) => {
      const { world, finish } = context;
      const wanted =
        target === undefined
          ? ({ kind: "url", url: defaultVolume(world).url } as const)
          : parseTarget(target, world.workingDirectory);
      const actions = await world.loadActions();
      const words = { first: "shoal: stopping the check", further: undefined };
      const report = await world.interrupts.during(words, (signal) =>
        actions.fsck({
          target: wanted,
          stateDirectory:
            flags.stateDir === undefined
              ? undefined
              : parsePath(flags.stateDir, world.workingDirectory, "--state-dir"),
          metadataOnly: flags.metadataOnly === true,
          signal,
          onProgress: (text) => world.note(`${text}\n`),
        }),
      );
      world.print(fsckText(report));
      finish(exitCodeOf(report));
    });
}

function exitCodeOf(report: FsckReport): number {
  if (report.outcome === "clean") return ExitCode.OK;
  return report.outcome === "problems" ? ExitCode.FSCK_PROBLEMS : ExitCode.FSCK_UNCHECKED;
}

function fsckText(report: FsckReport): string {
  const lines = report.problems.map(
    ({ subject, message }) => `${visible(subject)}: ${visible(message)}`,
  );
  const unlisted = report.problemCount - report.problems.length;
  if (unlisted > 0) lines.push(`and ${unlisted} more`);
  const { journalRecordCount: records } = report;
  const journal = records === undefined ? "" : `, ${records} journal records`;
  const counts = `${report.inodeCount} inodes, ${report.packCount} packs${journal}`;
  const seen = `${counts}, ${formatByteSize(report.packSize)}`;
  const found =
    report.outcome === "clean"
      ? "clean"
      : report.outcome === "problems"
        ? `${report.problemCount} problems`
        : `NOT CHECKED WHOLLY: ${report.reason ?? "no reason is known"}; ${report.problemCount} problems so far`;
  lines.push(`${report.volumeUrl}: ${found} (${seen}, ${formatDuration(report.durationMs)})`);
  return `${lines.join("\n")}\n`;
}
