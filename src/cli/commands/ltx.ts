/** `shoal ltx list|dump|verify|apply` */
import { type Command, Option } from "commander";
import { formatByteSize } from "../byte-size.ts";
import { ExitCode } from "../exit-code.ts";
import { applyLtx, dumpLtx, listLtx, verifyLtx } from "../ltx-files.ts";
import { dumpText, listText, parseRestoreTarget } from "../ltx-view.ts";
import { parsePath } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

const HELP = `
An LTX file holds the pages of a SQLite database that some transactions changed, or, when it begins
at TXID 1, all of them (a snapshot). PATH is such a file, or a directory: a replica that Litestream
wrote, a database's directory of LiteFS, or any folder of LTX files.

Examples:
  shoal ltx list /backup/app                     what a replica holds
  shoal ltx verify /backup/app                   read all of it, check all of it
  shoal ltx apply -o app.db /backup/app          the newest state, as a database
  shoal ltx apply -o app.db --txid 1a /backup/app
`;
const APPLY_HELP = `
Chosen are the newest snapshot and what goes on from it, as \`litestream restore\` does. Where a file is
missing in the middle, both files beside the gap are named and nothing is written. The database
appears once all of it is written and checked; a failure leaves nothing.
`;

interface ApplyFlags {
  readonly output: string;
  readonly txid?: string;
  readonly before?: string;
  readonly force?: true;
}

export function addLtxCommand(parent: Command, context: CommandContext): void {
  const ltx = parent
    .command("ltx")
    .summary("look into, check and restore from LTX files")
    .description("Works on the LTX files of Litestream and LiteFS.")
    .addHelpText("after", HELP);
  addList(ltx, context);
  addDump(ltx, context);
  addVerify(ltx, context);
  addApply(ltx, context);
}

function addList(ltx: Command, { world, finish }: CommandContext): void {
  ltx
    .command("list")
    .summary("show what files hold")
    .description("Shows a line a file: level, TXIDs, pages, time. Reads only their two ends.")
    .argument("<PATH...>", "LTX files, or directories of them")
    .option("--json", "for programs: sizes in bytes, TXIDs as 16 hex digits, names that stay")
    .action(async (paths: readonly string[], flags: { readonly json?: true }) => {
      const { rows, problems } = await listLtx(absolute(paths, world.workingDirectory));
      world.print(listText(rows, flags.json === true));
      for (const problem of problems) world.note(`shoal: ${problem}\n`);
      finish(problems.length === 0 ? ExitCode.OK : ExitCode.FAILURE);
    });
}

function addDump(ltx: Command, { world, finish }: CommandContext): void {
  ltx
    .command("dump")
    .summary("show the header, every page and the trailer of a file")
    .description("Shows all of a file but the contents of its pages, and checks it meanwhile.")
    .argument("<FILE>", "an LTX file")
    .option("--json", "for programs: TXIDs and checksums as 16 hex digits, names that stay")
    .action(async (file: string, flags: { readonly json?: true }) => {
      const path = parsePath(file, world.workingDirectory, "the file");
      world.print(dumpText(await dumpLtx(path), flags.json === true));
      finish(ExitCode.OK);
    });
}

function addVerify(ltx: Command, { world, finish }: CommandContext): void {
  ltx
    .command("verify")
    .summary("read files to their end and check everything in them")
    .description(
      "Checks every page, index and checksum; in a directory also that the newest state can be restored.",
    )
    .argument("<PATH...>", "LTX files, or directories of them")
    .action(async (paths: readonly string[]) => {
      const words = { first: "shoal: stopping the check", further: undefined };
      const report = await world.interrupts.during(words, (signal) =>
        verifyLtx(absolute(paths, world.workingDirectory), signal),
      );
      for (const problem of report.problems) world.print(`${problem}\n`);
      const found =
        report.problems.length === 0 ? "all whole" : `${report.problems.length} problems`;
      world.print(`${report.fileCount} files, ${formatByteSize(report.size)}: ${found}\n`);
      finish(report.problems.length === 0 ? ExitCode.OK : ExitCode.FAILURE);
    });
}

function addApply(ltx: Command, { world, finish }: CommandContext): void {
  ltx
    .command("apply")
    .summary("make a database from files")
    .description("Makes the database that LTX files hold.")
    .argument("<PATH...>", "LTX files, or a replica's directory")
    .requiredOption("-o, --output <DB>", "where the database is to be")
    .addOption(new Option("--txid <HEX>", "the state right after this TXID").conflicts("before"))
    .option("--before <TIME>", "the last state before a time, such as 2026-11-20T10:00:00Z")
    .option("--force", "replace a database that is there")
    .addHelpText("after", APPLY_HELP)
    .action(async (paths: readonly string[], flags: ApplyFlags) => {
      const words = { first: "shoal: stopping; no database is made", further: undefined };
      const restored = await world.interrupts.during(words, (signal) =>
        applyLtx({
          paths: absolute(paths, world.workingDirectory),
          output: parsePath(flags.output, world.workingDirectory, "--output"),
          target: parseRestoreTarget(flags),
          overwrite: flags.force === true,
          signal,
        }),
      );
      const { path, txid, size, fileCount, unusedCount } = restored;
      const unused = unusedCount === 0 ? "" : ` (${unusedCount} not needed)`;
      world.print(
        `${path}: TXID ${txid}, ${formatByteSize(size)} from ${fileCount} files${unused}\n`,
      );
      finish(ExitCode.OK);
    });
}

function absolute(paths: readonly string[], workingDirectory: string): string[] {
  return paths.map((path) => parsePath(path, workingDirectory, "the path"));
}
