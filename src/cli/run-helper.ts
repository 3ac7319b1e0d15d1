/** What `mount.fuse.shoal` and `umount.fuse.shoal` do when mount(8) and umount(8) call them. */
import { ExitCode } from "./exit-code.ts";
import {
  type HelperCall,
  MOUNT_HELPER,
  parseMountHelper,
  parseUmountHelper,
} from "./mount-helper.ts";
import { completeSettings, type MountChanges, parseMountOptions } from "./mount-options.ts";
import { performMount } from "./perform-mount.ts";
import { performUnmount } from "./perform-unmount.ts";
import { parsePath, parseTarget, parseVolume } from "./volume-argument.ts";
import type { World } from "./world.ts";

/**
 * mount(8)'s own defaults. It hands on "nodev" and "nosuid", and implies them by "user", but takes "dev" and "suid" out of
 * what it was given: whoever writes them into /etc/fstab must get them all the same. As mount.fuse3(8) does.
 */
const ROOT_DEFAULTS: MountChanges = { kernelOptions: ["dev", "suid"] };

/** Returns the exit code; throws as the commands do. */
export function runHelper(world: World, call: HelperCall): Promise<number> {
  return call.name === MOUNT_HELPER ? runMount(world, call.args) : runUmount(world, call.args);
}

async function runMount(world: World, args: readonly string[]): Promise<number> {
  const call = parseMountHelper(args);
  const onUnknown = call.isSloppy
    ? (option: string) => world.note(`shoal: mount option not known, passed over: ${option}\n`)
    : undefined;
  const { isRemount, changes } = parseMountOptions(call.options, onUnknown);
  const mountPoint = parsePath(call.directory, world.workingDirectory, "the mount point");
  // Refused here when it is none, so that `mount --fake` finds a wrong line of /etc/fstab.
  const volume = parseVolume(call.source, world.workingDirectory);
  if (call.isFake) return ExitCode.OK;
  if (isRemount) {
    const actions = await world.loadActions();
    await actions.remountVolume({ mountPoint, changes });
    return ExitCode.OK;
  }
  const settings = completeSettings(world.uid === 0 ? ROOT_DEFAULTS : {}, changes);
  const report = await performMount(quiet(world), {
    volume,
    mountPoint,
    foreground: false,
    settings,
  });
  if (call.isVerbose) world.print(`${report.volumeUrl} is mounted on ${report.mountPoint}\n`);
  return ExitCode.OK;
}

function runUmount(world: World, args: readonly string[]): Promise<number> {
  const { target, force, lazy } = parseUmountHelper(args);
  return performUnmount(quiet(world), {
    target: parseTarget(target, world.workingDirectory),
    force,
    lazy,
    timeoutMs: undefined,
  });
}

/** mount(8) and umount(8) say nothing when all went well. */
function quiet(world: World): World {
  return { ...world, print: () => {} };
}
