/**
 * Mounting: from a volume's URL to a mount that serves (issue of `shoal mount`).
 *
 * The order of checks is that of what a person can mend: the volume, the mount point, who holds it already, the state
 * directory, the program's copy. What always holds: nothing is mounted when this throws, and an existing mount or
 * volume is never touched, except a dead mount, which is cleared.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { hasCode } from "../core/system-error.ts";
import { temporaryName } from "../core/temporary-name.ts";
import { directoryOfUrl } from "../object/open-object-store.ts";
import { refuseFullDisk } from "../volume/volume-room.ts";
import { makeVolume, readVolume } from "../volume/volume-at-url.ts";
import { VOLUME_KEY, type VolumeConfig } from "../volume/volume-config.ts";
import { continueInForeground, startInBackground } from "./daemonize.ts";
import type { VolumeEngineOptions } from "./engine/engine-link.ts";
import { writeMountConfig, type MountConfig } from "./mount-config.ts";
import { SHOAL_MOUNT_TYPE } from "../sys/mount-paths.ts";
import { clearDeadMount, listMounts, resolveMountPoint } from "./mount-registry.ts";
import { findNativeModules } from "./native-modules.ts";
import { makePrivateCopy } from "./private-copy.ts";
import { findBundle } from "./program-bundle.ts";
import { rememberStateDirectory, runningStateDirectories } from "./running-state.ts";
import {
  defaultStateDirectory,
  refuseMountOver,
  StateDirectory,
  stateRoot,
  type Environment,
} from "../volume/state-directory.ts";
import { readMountTable } from "../sys/mount-table.ts";

export interface MountSettings {
  readonly readOnly: boolean;
  readonly allowOther: boolean;
  readonly acl: boolean;
  readonly writeback: boolean;
  readonly durability: "memory" | "disk" | undefined;
  readonly stateDirectory: string | undefined;
  readonly metricsPort: number | undefined;
  readonly kernelOptions: readonly string[];
  /** In bytes, for all processes of the mount; undefined: the program's default. */
  readonly memorySize: number | undefined;
}

export interface MountVolumeOptions {
  readonly volumeUrl: string;
  readonly createIfMissing: boolean;
  readonly mountPoint: string;
  readonly foreground: boolean;
  readonly settings: MountSettings;
  readonly environment: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface MountedVolume {
  readonly volumeUrl: string;
  readonly uuid: string;
  readonly mountPoint: string;
  readonly logPath: string;
  readonly isNew: boolean;
  /** The mount point was not empty. */
  readonly hidesEntries: boolean;
}

/** Internal: "0" mounts as on a kernel that cannot send requests again (test/e2e/resend.test.ts). */
const RESEND_SWITCH = "SHOAL_RESEND";
/** Below this the warm spare is left out: it costs about 60 MiB. */
const SPARE_MEMORY_SIZE_MIN: number = 256 * 1024 * 1024;

export async function mountVolume(options: MountVolumeOptions): Promise<MountedVolume> {
  const { clock, environment, settings, volumeUrl } = options;
  const mountPoint = checkMountPoint(options.mountPoint);
  refuseBackslash(options);
  const { config, isNew } = await findVolume(options);
  const root = directoryOfUrl(volumeUrl);
  refuseMountOver(mountPoint, root, "the volume");
  await refuseSecondMount(options, config, mountPoint);
  const state = StateDirectory.open({
    path: settings.stateDirectory ?? defaultStateDirectory(environment, config.uuid),
    volume: config.uuid,
    level: settings.durability ?? "disk",
  });
  refuseMountOver(mountPoint, state.path, "the state directory");
  refuseFullDisk(root);
  if (settings.stateDirectory !== undefined) {
    rememberStateDirectory(environment, config.uuid, state.path);
  }
  const bundle = findBundle(state.run, clock.nowMs());
  const copy = makePrivateCopy({ bundle, natives: findNativeModules() }, state.run);
  const entry = join(copy.root, "supervisor-main.js");
  const configPath = temporaryName(state.mountConfig);
  writeMountConfig(
    configPath,
    mountConfigOf(options, {
      config,
      root,
      mountPoint,
      stateDirectory: state.path,
      engineModule: join(copy.root, "volume-engine.js"),
    }),
  );
  const mounted = {
    volumeUrl,
    uuid: config.uuid,
    mountPoint,
    logPath: state.log,
    isNew,
    hidesEntries: holdsEntries(mountPoint),
  };
  // The supervisor takes this process's place, and says itself when it is ready.
  if (options.foreground) continueInForeground(entry, configPath);
  await startInBackground({
    entry,
    configPath,
    logPath: state.log,
    mountPoint,
    clock,
    signal: options.signal,
  });
  return mounted;
}

async function findVolume(
  options: MountVolumeOptions,
): Promise<{ config: VolumeConfig; isNew: boolean }> {
  const { volumeUrl, clock, createIfMissing, environment, mountPoint } = options;
  const root = directoryOfUrl(volumeUrl);
  if (createIfMissing && !existsSync(`${root}/${VOLUME_KEY}`)) {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const config = await makeVolume({
      url: volumeUrl,
      compression: undefined,
      acl: options.settings.acl,
      uid: environment.uid,
      gid: process.getegid!(),
      clock,
    });
    return { config, isNew: true };
  }
  return { config: await findNamedVolume(volumeUrl, mountPoint, clock), isNew: false };
}

async function findNamedVolume(
  volumeUrl: string,
  mountPoint: string,
  clock: Clock,
): Promise<VolumeConfig> {
  try {
    return await readVolume(volumeUrl, clock);
  } catch (error) {
    if (!hasCode(error, "ENOENT") || !existsSync(`${mountPoint}/${VOLUME_KEY}`)) throw error;
    throw new FsError(
      "ENOENT",
      `${directoryOfUrl(volumeUrl)} is no volume, but ${mountPoint} is one: the volume comes first\n` +
        `shoal mount ${mountPoint} ${directoryOfUrl(volumeUrl)}`,
      { cause: error },
    );
  }
}

/** The program runs from below the state directory, and Node.js loads no module from such a path. */
function refuseBackslash({ settings, environment }: MountVolumeOptions): void {
  const path = settings.stateDirectory ?? stateRoot(environment);
  if (!path.includes("\\")) return;
  throw new FsError(
    "EINVAL",
    `the state directory ${path} has a backslash in its path, where Node.js runs no program; choose another with --state-dir`,
  );
}

/** Best effort: who may not look says nothing. */
function holdsEntries(directory: string): boolean {
  try {
    return readdirSync(directory).length > 0;
  } catch {
    return false;
  }
}

function checkMountPoint(path: string): string {
  if (!existsSync(path) && !readMountTable().some((entry) => entry.directory === path)) {
    throw new FsError("ENOENT", `the mount point ${path} does not exist\nMake it: mkdir ${path}`);
  }
  return resolveMountPoint(path);
}

/** EBUSY names who holds the volume or the mount point; what nobody serves any more is cleared. */
async function refuseSecondMount(
  options: MountVolumeOptions,
  config: VolumeConfig,
  mountPoint: string,
): Promise<void> {
  const { environment, settings, clock } = options;
  const mounts = listMounts({
    roots: [stateRoot(environment)],
    directories: [
      ...runningStateDirectories(environment),
      ...(settings.stateDirectory === undefined ? [] : [settings.stateDirectory]),
    ],
  });
  for (const mount of mounts) {
    if (mount.mountPoint !== mountPoint && mount.holder?.volume !== config.uuid) continue;
    if (await clearDeadMount(mount, clock)) continue;
    if (!mount.isServed && mount.entry === undefined) continue;
    const who = mount.holder === undefined ? "" : ` by process ${mount.holder.supervisor.pid}`;
    const isSame = mount.holder?.volume === config.uuid;
    const other = mount.entry?.source ?? mount.holder?.source ?? "another volume";
    throw new FsError(
      "EBUSY",
      `${isSame ? options.volumeUrl : other} is mounted on ${mount.mountPoint}${who} already\n` +
        `To unmount it: shoal umount ${mount.mountPoint}`,
    );
  }
  const entry = readMountTable().findLast((found) => found.directory === mountPoint);
  if (entry?.type === SHOAL_MOUNT_TYPE) {
    throw new FsError(
      "EBUSY",
      `${mountPoint} is a mounted volume already: shoal umount ${mountPoint}`,
    );
  }
  if (!statSync(mountPoint).isDirectory()) {
    throw new FsError("ENOTDIR", `the mount point ${mountPoint} is not a directory`);
  }
}

function mountConfigOf(
  options: MountVolumeOptions,
  found: {
    readonly config: VolumeConfig;
    readonly root: string;
    readonly mountPoint: string;
    readonly stateDirectory: string;
    readonly engineModule: string;
  },
): MountConfig {
  const { settings } = options;
  const { config } = found;
  const engineOptions: VolumeEngineOptions = {
    root: found.root,
    uuid: config.uuid,
    timeline: config.timeline,
    compression: config.compression,
    acl: config.acl,
    level: settings.durability ?? "disk",
    readOnly: settings.readOnly,
    keepsAtime: !settings.kernelOptions.includes("noatime"),
    metricsPort: settings.metricsPort,
    memorySize: settings.memorySize,
  };
  return {
    version: 1,
    volume: config.uuid,
    source: options.volumeUrl,
    mountPoint: found.mountPoint,
    stateDirectory: found.stateDirectory,
    engine: { module: found.engineModule, options: engineOptions },
    readOnly: settings.readOnly,
    allowOther: settings.allowOther,
    acl: config.acl,
    writeback: settings.writeback,
    ...(options.environment.env[RESEND_SWITCH] === "0" ? { resend: false } : {}),
    mountOptions: settings.kernelOptions,
    foreground: options.foreground,
    warmSpare: (settings.memorySize ?? SPARE_MEMORY_SIZE_MIN) >= SPARE_MEMORY_SIZE_MIN,
  };
}
