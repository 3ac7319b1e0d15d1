/**
 * Mounting: from a volume's URL to a mount that serves (issue of `shoal mount`).
 *
 * The order of checks is that of what a person can mend: the volume, the mount point, who holds it already, the state
 * directory, the program's copy. What always holds: nothing is mounted when this throws, and an existing mount or
 * volume is never touched, except a dead mount, which is cleared.
 */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { directoryOfUrl, openObjectStore } from "../object/open-object-store.ts";
import { FileObjectStore } from "../object/file-object-store.ts";
import type { Compression } from "../pack/codec.ts";
import { createVolume } from "../volume/create-volume.ts";
import { decodeVolumeConfig, VOLUME_KEY, type VolumeConfig } from "../volume/volume-config.ts";
import { continueInForeground, startInBackground } from "./daemonize.ts";
import type { VolumeEngineOptions } from "./engine/engine-link.ts";
import { writeMountConfig, type MountConfig } from "./mount-config.ts";
import { SHOAL_MOUNT_TYPE } from "./mount-paths.ts";
import { clearDeadMount, listMounts, resolveMountPoint } from "./mount-registry.ts";
import { makePrivateCopy, ownProgram } from "./private-copy.ts";
import { rememberStateDirectory } from "./running-state.ts";
import {
  defaultStateDirectory,
  refuseMountOver,
  StateDirectory,
  stateRoot,
  type Environment,
} from "./state-directory.ts";
import { readMountTable } from "../fuse/mount-table.ts";

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
  readonly onReady: (mounted: MountedVolume) => void;
}

export interface MountedVolume {
  readonly volumeUrl: string;
  readonly uuid: string;
  readonly mountPoint: string;
  readonly logPath: string;
  readonly isNew: boolean;
}

/** Below this the warm spare is left out: it costs about 60 MiB. */
const SPARE_MEMORY_SIZE_MIN: number = 256 * 1024 * 1024;
export const DEFAULT_COMPRESSION: Compression = "lz4";

/** Makes a volume at `url`. Throws EEXIST when there is one. */
export async function makeVolume(options: {
  readonly url: string;
  readonly compression: Compression | undefined;
  readonly acl: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly clock: Clock;
}): Promise<VolumeConfig> {
  const { url, clock } = options;
  const root = directoryOfUrl(url);
  const isThere = existsSync(root);
  if (!isThere) checkParent(root);
  await using store = await FileObjectStore.open({ root, clock, createRoot: true });
  return await createVolume({
    store,
    root,
    compression: options.compression ?? DEFAULT_COMPRESSION,
    acl: options.acl,
    uid: options.uid,
    gid: options.gid,
    clock,
  });
}

/** Reads volume.json. Throws ENOENT with what to do when there is no volume. */
export async function readVolume(url: string, clock: Clock): Promise<VolumeConfig> {
  const root = directoryOfUrl(url);
  if (!existsSync(root)) {
    throw new FsError(
      "ENOENT",
      `${root} does not exist\nTo make a volume there: shoal create ${root}`,
    );
  }
  await using store = await openObjectStore(url, { clock });
  const found = await store.get(VOLUME_KEY);
  if (found === undefined) {
    throw new FsError(
      "ENOENT",
      `${root} is not a Shoal volume: it has no ${VOLUME_KEY}\nTo make one there: shoal create ${root}`,
    );
  }
  return decodeVolumeConfig(found.body, `${root}/${VOLUME_KEY}`);
}

export async function mountVolume(options: MountVolumeOptions): Promise<MountedVolume> {
  const { clock, environment, settings, volumeUrl } = options;
  const mountPoint = checkMountPoint(options.mountPoint);
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
  if (settings.stateDirectory !== undefined) {
    rememberStateDirectory(environment, config.uuid, state.path);
  }
  const program = ownProgram();
  const copy = makePrivateCopy(program, state.run);
  const entry = copy.modulePath(modulePath("./supervisor-main.ts"));
  writeMountConfig(
    state.mountConfig,
    mountConfigOf(options, {
      config,
      root,
      mountPoint,
      stateDirectory: state.path,
      engineModule: copy.modulePath(modulePath("./engine/volume-engine.ts")),
    }),
  );
  const mounted = { volumeUrl, uuid: config.uuid, mountPoint, logPath: state.log, isNew };
  if (options.foreground) {
    options.onReady(mounted);
    continueInForeground(entry, state.mountConfig);
  }
  await startInBackground({
    entry,
    configPath: state.mountConfig,
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
  const { volumeUrl, clock, createIfMissing, environment } = options;
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
  return { config: await readVolume(volumeUrl, clock), isNew: false };
}

/** The directory above must exist: a slip in a path must not make a tree. */
function checkParent(root: string): void {
  const parent = dirname(root);
  if (existsSync(parent)) return;
  throw new FsError("ENOENT", `${parent} does not exist: make it first, then the volume in it`);
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
    directories: settings.stateDirectory === undefined ? [] : [settings.stateDirectory],
  });
  for (const mount of mounts) {
    if (mount.mountPoint !== mountPoint && mount.holder?.volume !== config.uuid) continue;
    if (await clearDeadMount(mount, clock)) continue;
    if (!mount.isServed && mount.entry === undefined) continue;
    const who = mount.holder === undefined ? "" : ` by process ${mount.holder.supervisor.pid}`;
    const what = mount.holder?.volume === config.uuid ? "the volume" : "another volume";
    throw new FsError("EBUSY", `${what} is mounted on ${mount.mountPoint}${who} already`);
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
    metricsPort: settings.metricsPort,
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
    mountOptions: settings.kernelOptions,
    warmSpare: (settings.memorySize ?? SPARE_MEMORY_SIZE_MIN) >= SPARE_MEMORY_SIZE_MIN,
  };
}

function modulePath(relative: string): string {
  const url = import.meta.url.endsWith(".ts") ? relative : relative.replace(/\.ts$/, ".js");
  return fileURLToPath(new URL(url, import.meta.url));
}
