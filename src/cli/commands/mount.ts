/** `shoal mount [VOLUME] DIR` */
import { type Command, Option } from "commander";
import { ExitCode } from "../exit-code.ts";
import { parseByteSize, parseMemorySize } from "../byte-size.ts";
import {
  completeSettings,
  type MountChanges,
  parseDurability,
  parseMountOptions,
  parsePort,
} from "../mount-options.ts";
import { announce, performMount } from "../perform-mount.ts";
import { UsageError } from "../usage-error.ts";
import { parsePath } from "../volume-argument.ts";
import type { CommandContext } from "./command-context.ts";

interface MountFlags {
  readonly foreground?: true;
  readonly readOnly?: true;
  readonly allowOther?: true;
  readonly acl?: true;
  readonly writeback?: true;
  readonly durability?: string;
  readonly cacheSize?: string;
  readonly memory?: string;
  readonly stateDir?: string;
  readonly metrics?: string;
  readonly options: readonly string[];
}

const HELP = `
Options of -o: ro, rw, dev, suid, noexec, noatime and their opposites, strictatime, nodiratime,
  lazytime, nosymfollow, allow_other, default_permissions (always on), remount, and the long options
  above by their names (-o cache_size=4G,durability=memory). _netdev, nofail, noauto, user and x-… are
  left to mount(8) and systemd. Devices and set-id programs are off unless asked for: -o dev,suid

Durability, what fsync promises:
  disk    (default) the journal is flushed: nothing fsynced is lost when the machine loses power
  memory  fsync returns at once: nothing is lost when the program dies, the last seconds are when the
          machine does
  At both levels nothing acknowledged is lost when the program is killed.

Where things live:
  contents  in the volume's directory; with no VOLUME named, $XDG_DATA_HOME/shoal/default
            (~/.local/share/shoal/default), made when it is missing
  state     journal, cache and log: $XDG_STATE_HOME/shoal/UUID (~/.local/state/shoal/UUID), for root
            /var/lib/shoal/UUID, or --state-dir. It holds what is not in the volume yet: keep it

Examples:
  shoal mount ~/mnt                          the default volume, in the background
  shoal mount ~/volumes/work ~/mnt           a volume made with \`shoal create\`
  shoal mount --foreground ~/mnt             until Ctrl-C
  shoal mount -o ro,noexec --cache-size 4G ~/volumes/work ~/mnt

In /etc/fstab, after \`shoal install-helpers\`:
  file:///srv/volumes/work  /mnt/work  fuse.shoal  allow_other,dev,suid,nofail  0  0
`;

export function addMountCommand(parent: Command, context: CommandContext): void {
  parent
    .command("mount")
    .summary("mount a volume on a directory")
    .description(
      "Mounts a volume on a directory and returns when it is ready; the program goes on in the background.",
    )
    .usage("[options] [VOLUME] DIR")
    .argument("<DIR...>", "where to mount; the volume goes before it: a directory, or its URL")
    .option("--foreground", "stay, and unmount at Ctrl-C")
    .option("--read-only", "change nothing")
    .option("--allow-other", "let other users in, as file permissions say")
    .option("--durability <LEVEL>", "what fsync promises: memory or disk (see below)")
    .option("--cache-size <SIZE>", "disk space for what was read: 512M, 4GiB")
    .option("--memory <SIZE>", "what the mount's processes may use together, 128M at least")
    .option("--acl", "POSIX ACLs")
    .option(
      "--writeback",
      "let the kernel collect small writes: faster appends, less exact instants",
    )
    .option("--state-dir <DIR>", "where journal, cache and log live")
    .option("--metrics <PORT>", "serve Prometheus metrics on 127.0.0.1:PORT")
    .addOption(
      new Option("-o, --options <LIST>", "options as mount(8) has them, separated by commas")
        .default([], "none")
        .argParser((list: string, before: readonly string[]) => [...before, list]),
    )
    .addHelpText("after", HELP)
    .action((words: readonly string[], flags: MountFlags) => runMount(context, words, flags));
}

async function runMount(
  { world, finish }: CommandContext,
  words: readonly string[],
  flags: MountFlags,
): Promise<void> {
  if (words.length > 2) {
    throw new UsageError(
      `${words.length} arguments, at most two are known\nusage: shoal mount [VOLUME] DIR`,
    );
  }
  const mountPoint = parsePath(words.at(-1)!, world.workingDirectory, "the mount point");
  const volume = words.length === 2 ? words[0] : undefined;
  const { isRemount, changes } = parseMountOptions(flags.options);
  const named = changesOf(flags, world.workingDirectory);
  if (isRemount) {
    const actions = await world.loadActions();
    await actions.remountVolume({ mountPoint, changes: { ...changes, ...named } });
    world.print(`${mountPoint} is remounted\n`);
  } else {
    const foreground = flags.foreground === true;
    const settings = completeSettings(changes, named);
    const report = await performMount(world, { volume, mountPoint, foreground, settings });
    if (foreground) world.note(`shoal: ${report.mountPoint} is unmounted\n`);
    else announce(world, report, foreground);
  }
  finish(ExitCode.OK);
}

/** Only what was named. */
function changesOf(flags: MountFlags, workingDirectory: string): MountChanges {
  const changes: MountChanges = {};
  if (flags.readOnly === true) changes.readOnly = true;
  if (flags.allowOther === true) changes.allowOther = true;
  if (flags.acl === true) changes.acl = true;
  if (flags.writeback === true) changes.writeback = true;
  if (flags.durability !== undefined) changes.durability = parseDurability(flags.durability);
  if (flags.cacheSize !== undefined)
    changes.cacheSize = parseByteSize(flags.cacheSize, "--cache-size");
  if (flags.memory !== undefined) changes.memorySize = parseMemorySize(flags.memory, "--memory");
  if (flags.stateDir !== undefined) {
    changes.stateDirectory = parsePath(flags.stateDir, workingDirectory, "--state-dir");
  }
  if (flags.metrics !== undefined) changes.metricsPort = parsePort(flags.metrics);
  return changes;
}
