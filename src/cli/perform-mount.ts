/** The mount itself, for the command and for the helper of mount(8): one call, and what is said about it. */
import { FsError } from "../core/fs-error.ts";
import type { MountReport, MountRequest, MountSettings } from "./actions.ts";
import { defaultVolume } from "./default-volume.ts";
import { parseVolume } from "./volume-argument.ts";
import type { World } from "./world.ts";

const ANOTHER_VOLUME =
  "The default volume is one volume, mounted in one place. Make another: shoal create PATH, then shoal mount PATH DIR";

export interface MountOrder {
  /** As typed; undefined: the default volume. */
  readonly volume: string | undefined;
  /** Absolute. */
  readonly mountPoint: string;
  readonly foreground: boolean;
  readonly settings: MountSettings;
}

/** Says on stderr what happens; resolves when the action does. */
export async function performMount(world: World, order: MountOrder): Promise<MountReport> {
  const { mountPoint, foreground, settings } = order;
  const standard = order.volume === undefined ? defaultVolume(world) : undefined;
  if (standard?.note !== undefined) world.note(`shoal: ${standard.note}\n`);
  const request = {
    volumeUrl: standard?.url ?? parseVolume(order.volume!, world.workingDirectory),
    createIfMissing: standard !== undefined,
    mountPoint,
    foreground,
    settings,
    onReady: (report: MountReport) => announce(world, report, foreground),
  };
  if (settings.cacheSize !== undefined && request.volumeUrl.startsWith("file:")) {
    world.note(
      "shoal: --cache-size has no effect: a volume in a local directory is read in place\n",
    );
  }
  const unsafe = settings.kernelOptions.filter((option) => option === "dev" || option === "suid");
  if (world.uid !== 0 && unsafe.length > 0) {
    world.note(`shoal: ${unsafe.join(" and ")} have no effect: only root may mount so\n`);
  }
  const actions = await world.loadActions();
  const words = {
    first: foreground ? `shoal: draining and unmounting ${mountPoint}` : "shoal: giving up",
    further: `shoal: still at it; nothing acknowledged can be lost, and nothing is abandoned`,
  };
  try {
    return await world.interrupts.during(words, (signal) =>
      actions.mountVolume({ ...request, signal } satisfies MountRequest),
    );
  } catch (error) {
    if (standard === undefined || !(error instanceof FsError) || error.code !== "EBUSY")
      throw error;
    throw new FsError("EBUSY", `${error.message}\n${ANOTHER_VOLUME}`, { cause: error });
  }
}

export function announce(world: World, report: MountReport, foreground: boolean): void {
  if (report.isNew) world.note(`shoal: made the volume ${report.volumeUrl}\n`);
  if (report.hidesEntries) {
    world.note(`shoal: what was in ${report.mountPoint} is hidden until it is unmounted\n`);
  }
  world.print(`${report.volumeUrl} is mounted on ${report.mountPoint}\n`);
  if (foreground) world.note("shoal: Ctrl-C drains and unmounts\n");
  else world.note(`shoal: its log is ${report.logPath}\n`);
}
