/** `shoal create VOLUME` */
import { type Command, Option } from "commander";
import { COMPRESSIONS } from "../../volume/volume-config.ts";
import type { CreateRequest } from "../actions.ts";
import { ExitCode } from "../exit-code.ts";
import { parseVolume } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

interface CreateFlags {
  readonly compression?: NonNullable<CreateRequest["compression"]>;
  readonly acl?: true;
}

const EXAMPLES = `
Examples:
  shoal create ~/volumes/work
  shoal create --compression zstd --acl file:///srv/volumes/shared
`;

export function addCreateCommand(parent: Command, { world, finish }: CommandContext): void {
  parent
    .command("create")
    .summary("make a new, empty volume")
    .description(
      "Makes a new, empty volume. Nothing that is there already is touched: a directory that is not empty is refused.",
    )
    .argument("<VOLUME>", "where it shall be: a directory, or its URL (file:///…)")
    .addOption(
      new Option("--compression <KIND>", "how file contents are stored").choices(COMPRESSIONS),
    )
    .option(
      "--acl",
      "POSIX ACLs, always on for this volume (costs requests: see docs/semantics.md)",
    )
    .addHelpText("after", EXAMPLES)
    .action(async (volume: string, flags: CreateFlags) => {
      const volumeUrl = parseVolume(volume, world.workingDirectory);
      const actions = await world.loadActions();
      const report = await actions.createVolume({
        volumeUrl,
        compression: flags.compression,
        acl: flags.acl === true,
      });
      world.print(`created the volume ${report.volumeUrl} (${report.uuid})\n`);
      world.note(`mount it: shoal mount ${shellWord(volume)} DIR\n`);
      finish(ExitCode.OK);
    });
}

/** So that the line can be pasted. */
function shellWord(word: string): string {
  if (/^[\w./~:@%+,=][\w./~:@%+,=-]*$/u.test(word)) return word;
  const plain = word.startsWith("-") ? `./${word}` : word;
  return `'${plain.replaceAll("'", String.raw`'\''`)}'`;
}
