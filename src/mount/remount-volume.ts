/**
 * `mount -o remount`: makes a mount read-only, or writable again. Nothing else of a mount can change.
 *
 * What always holds: the kernel, the engine and what the next volume process reads agree when this returns; whatever it
 * fails at, nobody writes who was not allowed to before.
 * Source: mount(2), "Remounting an existing mount": flags that are not given again are lost.
 */
import { isDeepStrictEqual } from "node:util";
import { FsError } from "../core/fs-error.ts";
import { hasCode } from "../core/system-error.ts";
import { MountFlag, mountFilesystem } from "../sys/mount.ts";
import type { MountEntry } from "../sys/mount-table.ts";
import { ControlClient } from "./control-client.ts";
import type { VolumeEngineOptions } from "./engine/engine-link.ts";
import { completeKernelOptions } from "./kernel-options.ts";
import { readMountConfig, writeMountConfig, type MountConfig } from "./mount-config.ts";
import { describeHolders } from "./mount-holders.ts";
import type { KnownMount } from "./mount-registry.ts";
import type { MountSettings } from "./mount-volume.ts";

/** Flags of a mount by the names that the mount table gives them. */
const FLAGS: Readonly<Record<string, number>> = {
  nosuid: MountFlag.NOSUID,
  nodev: MountFlag.NODEV,
  noexec: MountFlag.NOEXEC,
  nosymfollow: MountFlag.NOSYMFOLLOW,
  noatime: MountFlag.NOATIME,
  nodiratime: MountFlag.NODIRATIME,
  relatime: MountFlag.RELATIME,
};

/** `changes`: what was named. What is so already is no change: mount(8) repeats the line of /etc/fstab. */
export async function remountVolume(
  mount: KnownMount,
  changes: Partial<MountSettings>,
): Promise<void> {
  const { mountPoint, stateDirectory, entry } = mount;
  if (stateDirectory === undefined || entry === undefined) {
    throw new FsError("ENOTCONN", `nobody serves the mount on ${mountPoint} any more`);
  }
  const config = readMountConfig(stateDirectory.mountConfig);
  refuseChanges(mountPoint, config, changes);
  const { readOnly } = changes;
  if (readOnly === undefined) return;
  if (process.geteuid?.() !== 0) {
    throw new FsError(
      "EPERM",
      `only root can remount ${mountPoint}: unmount it, and mount it again with the options you want`,
    );
  }
  using client = await ControlClient.connect(stateDirectory.controlSocket);
  if (readOnly) setKernelFlags(mountPoint, entry, readOnly);
  const options = { ...(config.engine.options as VolumeEngineOptions), readOnly };
  const engine = { ...config.engine, options };
  writeMountConfig(stateDirectory.mountConfig, { ...config, readOnly, engine });
  await client.call("remount", { params: { readOnly } });
  if (!readOnly) setKernelFlags(mountPoint, entry, readOnly);
}

function refuseChanges(
  mountPoint: string,
  config: MountConfig,
  changes: Partial<MountSettings>,
): void {
  const engine = config.engine.options as VolumeEngineOptions;
  const current: Partial<Record<keyof MountSettings, unknown>> = {
    allowOther: config.allowOther,
    acl: config.acl,
    writeback: config.writeback,
    durability: engine.level,
    memorySize: engine.memorySize,
    metricsPort: engine.metricsPort,
    stateDirectory: config.stateDirectory,
    kernelOptions: config.mountOptions,
  };
  const wanted = {
    ...changes,
    kernelOptions: completeKernelOptions([
      ...(config.mountOptions ?? []),
      ...(changes.kernelOptions ?? []),
    ]),
  };
  const names = Object.keys(wanted) as (keyof MountSettings)[];
  const refused = names.filter(
    (name) => name in current && !isDeepStrictEqual(wanted[name], current[name]),
  );
  if (refused.length === 0) return;
  const words = refused.map((name) => WORDS[name] ?? name).join(", ");
  throw new FsError(
    "EINVAL",
    `remount cannot change ${words} of ${mountPoint}, only ro and rw: unmount it and mount it again`,
  );
}

/** As the options are called. */
const WORDS: Partial<Record<keyof MountSettings, string>> = {
  allowOther: "allow_other",
  memorySize: "memory",
  metricsPort: "metrics",
  stateDirectory: "state-dir",
  kernelOptions: "the kernel's options (noexec, noatime …)",
};

function setKernelFlags(mountPoint: string, entry: MountEntry, readOnly: boolean): void {
  const names = entry.options.split(",");
  const kept = names.reduce((flags, name) => flags | (FLAGS[name] ?? 0), 0);
  const atime = names.includes("noatime") || names.includes("relatime");
  const flags =
    MountFlag.REMOUNT |
    kept |
    (atime ? 0 : MountFlag.STRICTATIME) |
    (readOnly ? MountFlag.RDONLY : 0);
  try {
    mountFilesystem({ source: entry.source, target: mountPoint, type: entry.type, flags });
  } catch (error) {
    if (!hasCode(error, "EBUSY")) throw error;
    const holders = describeHolders(mountPoint, { except: process.pid });
    throw new FsError(
      "EBUSY",
      [`${mountPoint} has files that are open for writing`, ...holders].join("\n"),
      { cause: error },
    );
  }
}
