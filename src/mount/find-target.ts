/** Which mount or volume a person means: a mount point or any path below it, a volume's directory, or its URL. */
import { existsSync, realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { FsError } from "../core/fs-error.ts";
import { readMountTable } from "../sys/mount-table.ts";
import { directoryOfUrl } from "../object/open-object-store.ts";
import { VOLUME_KEY } from "../volume/volume-config.ts";
import { readMountConfig } from "./mount-config.ts";
import { mountOf, SHOAL_MOUNT_TYPE } from "../sys/mount-paths.ts";
import { runningStateDirectories } from "./running-state.ts";
import { listMounts, type KnownMount } from "./mount-registry.ts";
import { stateRoot, type Environment } from "../volume/state-directory.ts";

export type WantedTarget =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "url"; readonly url: string };

/** Every mount of ours that this user can see. */
export function knownMounts(environment: Environment): KnownMount[] {
  return listMounts({
    roots: [stateRoot(environment)],
    directories: runningStateDirectories(environment),
  });
}

/** undefined when the target is not mounted. Without a target: the only mounted volume, or an error that names them. */
export function findTargetMount(
  target: WantedTarget | undefined,
  environment: Environment,
): KnownMount | undefined {
  const mounts = knownMounts(environment);
  if (target === undefined) {
    if (mounts.length <= 1) return mounts[0];
    const names = mounts.map((mount) => mount.mountPoint).join(", ");
    throw new FsError("EINVAL", `several volumes are mounted: ${names}\nName one of them`);
  }
  if (target.kind === "path") {
    const entry = mountOf(target.path, readMountTable());
    if (entry?.type === SHOAL_MOUNT_TYPE) {
      return mounts.find((mount) => mount.mountPoint === entry.directory);
    }
    const path = existsSync(target.path) ? realpathSync(target.path) : target.path;
    return mounts.find((mount) => mount.mountPoint === path || rootOf(mount) === path);
  }
  const root = directoryOfUrl(target.url);
  const path = existsSync(root) ? realpathSync(root) : root;
  return mounts.find((mount) => rootOf(mount) === path);
}

/** Throws ENOTCONN with what to do. */
export function requireTargetMount(
  target: WantedTarget | undefined,
  environment: Environment,
): KnownMount {
  const mount = findTargetMount(target, environment);
  if (mount !== undefined) return mount;
  if (target === undefined) throw new FsError("ENOTCONN", "no volume is mounted");
  const name = target.kind === "path" ? target.path : target.url;
  throw new FsError("ENOTCONN", `${name} is not mounted`);
}

/** The URL of the volume a target means when it is not mounted. Throws ENOENT when it is none. */
export function volumeUrlOf(target: WantedTarget): string {
  if (target.kind === "url") return target.url;
  if (existsSync(`${target.path}/${VOLUME_KEY}`)) return pathToFileURL(target.path).href;
  throw new FsError(
    "ENOENT",
    `${target.path} is neither a mounted volume nor a volume's directory`,
  );
}

/** The volume's directory, when its mount says so. */
function rootOf(mount: KnownMount): string | undefined {
  if (mount.stateDirectory === undefined) return undefined;
  try {
    const root = directoryOfUrl(readMountConfig(mount.stateDirectory.mountConfig).source);
    return existsSync(root) ? realpathSync(root) : root;
  } catch {
    return undefined;
  }
}
