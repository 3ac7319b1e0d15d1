/**
 * Mounts of ours on this machine: found by mount point or by volume, and cleared when nobody serves them any more.
 *
 * What always holds: a mount counts as dead only when nobody holds its state directory's lock *and* the kernel says
 * ENOTCONN; only such a mount is ever detached here.
 */
import { readdirSync, realpathSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { unmount } from "../fuse/unmount.ts";
import { unmountFilesystem, UnmountFlag } from "../sys/mount.ts";
import { type MountEntry, readMountTable } from "../sys/mount-table.ts";
import { SHOAL_MOUNT_TYPE } from "../sys/mount-paths.ts";
import { StateDirectory } from "../volume/state-directory.ts";
import { isLocked, readHolder, type LockHolder } from "../volume/state-lock.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";

/** A mount that answers nothing for that long is alive but busy, or stuck; either way it is not ours to clear. */
const ANSWER_WAIT_MS = 5000;
/** State directories looked at under one root; a machine with more names them with --state-dir. */
const DIRECTORY_COUNT_MAX = 4096;

export interface KnownMount {
  readonly mountPoint: string;
  /** `undefined` when nothing is mounted there (any more). */
  readonly entry: MountEntry | undefined;
  /** `undefined` for a mount whose state directory is not under the roots looked at. */
  readonly stateDirectory: StateDirectory | undefined;
  readonly holder: LockHolder | undefined;
  /** Somebody holds the state directory's lock: a supervisor or a volume process lives. */
  readonly isServed: boolean;
}

export interface MountQuery {
  /** Directories that hold state directories; `stateRoot` gives the default one. */
  readonly roots: readonly string[];
  /** State directories elsewhere. */
  readonly directories?: readonly string[];
}

/** Every mount of ours, and every state directory that is in use though its mount is gone. */
export function listMounts(
  query: MountQuery,
  table: readonly MountEntry[] = readMountTable(),
): KnownMount[] {
  const entries = table.filter((entry) => entry.type === SHOAL_MOUNT_TYPE);
  const mounts: KnownMount[] = [];
  for (const record of mountRecords(query)) {
    const { mountPoint, holder, isServed } = record;
    const at = entries.findLastIndex(
      (entry) => entry.directory === mountPoint && entry.source === (holder.source ?? entry.source),
    );
    if (at < 0 && !isServed) continue;
    mounts.push({ ...record, entry: at < 0 ? undefined : entries.splice(at, 1)[0] });
  }
  for (const entry of entries) {
    const mountPoint = entry.directory;
    mounts.push({
      mountPoint,
      entry,
      stateDirectory: undefined,
      holder: undefined,
      isServed: false,
    });
  }
  return mounts;
}

export function findMount(
  query: MountQuery,
  wanted: { readonly mountPoint: string } | { readonly volume: string },
): KnownMount | undefined {
  const mounts = listMounts(query);
  if ("volume" in wanted) return mounts.find((mount) => mount.holder?.volume === wanted.volume);
  const mountPoint = resolveMountPoint(wanted.mountPoint);
  return mounts.find((mount) => mount.mountPoint === mountPoint);
}

/** Absolute, links resolved, without touching what is mounted there: a dead or stuck mount must not stop us. */
export function resolveMountPoint(path: string): string {
  const absolute = resolve(path);
  if (readMountTable().some((entry) => entry.directory === absolute)) return absolute;
  try {
    return realpathSync(absolute);
  } catch (error) {
    throw wrapSystemError(error, `the mount point ${path}`);
  }
}

/** Detaches a mount that nobody serves. True when it did; false when the mount is alive. */
export async function clearDeadMount(mount: KnownMount, clock: Clock): Promise<boolean> {
  if (mount.entry === undefined || mount.isServed) return false;
  if (!(await isDisconnected(mount.mountPoint, clock))) return false;
  // Only root may ask the kernel itself; fusermount3 does it for whoever made the mount.
  if (process.geteuid?.() === 0) {
    unmountFilesystem(mount.mountPoint, UnmountFlag.DETACH | UnmountFlag.NOFOLLOW);
  } else {
    await unmount(mount.mountPoint, { lazy: true });
  }
  return true;
}

/** A request that was under way when the last server died is answered ECONNABORTED, the next one ENOTCONN. */
async function isDisconnected(mountPoint: string, clock: Clock): Promise<boolean> {
  const answer = await answerOf(mountPoint, clock);
  if (answer === "ok" || answer === "ETIMEDOUT") return false;
  return answer === "ENOTCONN" || (await answerOf(mountPoint, clock)) === "ENOTCONN";
}

/** What a statfs of a mount point answers: "ok", an error's code, or "ETIMEDOUT". */
export async function answerOf(
  mountPoint: string,
  clock: Clock,
  waitMs: number = ANSWER_WAIT_MS,
): Promise<string> {
  const ended = new AbortController();
  const answer = statfs(mountPoint).then(
    () => "ok",
    (error: unknown) => wrapCode(error),
  );
  const late = clock.sleep(waitMs, ended.signal).then(
    () => "ETIMEDOUT",
    () => "ETIMEDOUT",
  );
  const result = await Promise.race([answer, late]);
  ended.abort(new FsError("ECANCELED", "answered"));
  return result;
}

function wrapCode(error: unknown): string {
  return wrapSystemError(error, "statfs").code;
}

type MountRecord = Omit<KnownMount, "entry"> & { readonly holder: LockHolder };

/**
 * What the locks say. A record outlives its mount, and another volume may be mounted in that place since: whoever is
 * served comes first, then the latest.
 */
function mountRecords(query: MountQuery): MountRecord[] {
  const records: MountRecord[] = [];
  for (const stateDirectory of stateDirectories(query)) {
    const holder = readHolder(stateDirectory.lock);
    // A program that opened the volume without a mount holds the lock as well.
    if (holder?.mountPoint === undefined) continue;
    const { mountPoint } = holder;
    records.push({ mountPoint, stateDirectory, holder, isServed: isLocked(stateDirectory.lock) });
  }
  return records.sort(
    (a, b) =>
      Number(b.isServed) - Number(a.isServed) ||
      Number(a.holder.since < b.holder.since) - Number(a.holder.since > b.holder.since),
  );
}

function stateDirectories(query: MountQuery): StateDirectory[] {
  const paths = [...(query.directories ?? [])];
  for (const root of query.roots) {
    try {
      const names = readdirSync(root).slice(0, DIRECTORY_COUNT_MAX);
      paths.push(...names.map((name) => join(root, name)));
    } catch (error) {
      if (!hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) throw wrapSystemError(error, root);
    }
  }
  const directories: StateDirectory[] = [];
  for (const path of new Set(paths)) {
    try {
      const directory = StateDirectory.peek(path);
      if (directory !== undefined) directories.push(directory);
    } catch {
      // One that is damaged or another user's is not a mount of ours; opening it says what is wrong.
    }
  }
  return directories;
}
