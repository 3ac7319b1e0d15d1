/** Making and finding a volume by its URL, with errors that say what to do. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { wrapSystemError } from "../core/system-error.ts";
import { FileObjectStore } from "../object/file-object-store.ts";
import { directoryOfUrl, openObjectStore } from "../object/open-object-store.ts";
import type { Compression } from "../pack/codec.ts";
import { createVolume } from "./create-volume.ts";
import { decodeVolumeConfig, VOLUME_KEY, type VolumeConfig } from "./volume-config.ts";

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
  const stat = attempt(`looking at the volume ${root}`, () =>
    statSync(root, { throwIfNoEntry: false }),
  );
  if (stat === undefined) {
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
      `${root} is not a Shoal volume: it has no ${VOLUME_KEY}${isEmpty(root) ? `\nTo make one there: shoal create ${root}` : ""}`,
    );
  }
  return decodeVolumeConfig(found.body, `${root}/${VOLUME_KEY}`);
}

function isEmpty(root: string): boolean {
  return attempt(`listing ${root}`, () => readdirSync(root)).length === 0;
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw wrapSystemError(error, what);
  }
}

/** The directory above must exist: a slip in a path must not make a tree. */
function checkParent(root: string): void {
  const parent = dirname(root);
  if (existsSync(parent)) return;
  throw new FsError("ENOENT", `${parent} does not exist: make it first, then the volume in it`);
}
