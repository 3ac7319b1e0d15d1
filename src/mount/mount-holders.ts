/**
 * Who keeps a mount busy, for the message of an unmount that is refused.
 *
 * Nothing here touches the mount: links under /proc are read as text, mappings are told by their device. Bounded,
 * best effort: processes of other users are only seen by root, and a process may come or go while we look.
 * Source: proc_pid_fd(5), proc_pid_maps(5).
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { findMount, type MountEntry, readMountTable } from "../sys/mount-table.ts";
import { isWithin } from "../sys/mount-paths.ts";

const PROCESS_COUNT_MAX = 8192;
const DESCRIPTOR_COUNT_MAX = 4096;
const MAPS_SIZE_MAX: number = 1024 * 1024;
/** A message that names more is not read. */
export const HOLDER_COUNT_MAX = 16;

export interface MountHolder {
  readonly pid: number;
  readonly command: string;
  /** "cwd", "root", "exe", "map", or "fd 7 /path". */
  readonly reasons: readonly string[];
}

/** At most HOLDER_COUNT_MAX processes, `except` left out, that use something below `mountPoint`, which is resolved. */
export function findHolders(
  mountPoint: string,
  options: { readonly except?: number } = {},
): MountHolder[] {
  const entry = findMount(mountPoint);
  const holders: MountHolder[] = [];
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  for (const name of pids.slice(0, PROCESS_COUNT_MAX)) {
    if (Number(name) === options.except) continue;
    const reasons = reasonsOf(name, mountPoint, entry);
    if (reasons.length === 0) continue;
    holders.push({ pid: Number(name), command: commandOf(name), reasons });
    if (holders.length === HOLDER_COUNT_MAX) break;
  }
  return holders;
}

/** Mounts on top of or below `mountPoint`: they keep it busy too. */
export function nestedMounts(mountPoint: string): string[] {
  return readMountTable()
    .map((entry) => entry.directory)
    .filter((path) => path !== mountPoint && isWithin(path, mountPoint));
}

/** One line for each holder and nested mount; empty when nobody was found. */
export function describeHolders(
  mountPoint: string,
  options: { readonly except?: number } = {},
): string[] {
  return [
    ...findHolders(mountPoint, options).map(
      (holder) => `process ${holder.pid} (${holder.command}): ${holder.reasons.join(", ")}`,
    ),
    ...nestedMounts(mountPoint).map((path) => `the mount on ${path}`),
  ];
}

function reasonsOf(pid: string, mountPoint: string, entry: MountEntry | undefined): string[] {
  const reasons: string[] = [];
  for (const link of ["cwd", "root", "exe"]) {
    const target = linkOf(`/proc/${pid}/${link}`);
    // A process of another mount namespace or chroot shows the same text; `root` itself is "/" for nearly all.
    if (target !== undefined && isWithin(target, mountPoint)) reasons.push(link);
  }
  for (const fd of namesIn(`/proc/${pid}/fd`).slice(0, DESCRIPTOR_COUNT_MAX)) {
    const target = linkOf(`/proc/${pid}/fd/${fd}`);
    if (target === undefined || !isWithin(target, mountPoint)) continue;
    reasons.push(`fd ${fd} ${target}`);
    break;
  }
  if (entry !== undefined && hasMapping(pid, entry)) reasons.push("map");
  return reasons;
}

function hasMapping(pid: string, entry: MountEntry): boolean {
  const device = `${hex2(entry.major)}:${hex2(entry.minor)}`;
  const maps = readSome(`/proc/${pid}/maps`);
  return maps.split("\n").some((line) => line.split(" ")[3] === device);
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "?";
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path).replace(/ \(deleted\)$/, "");
  } catch {
    return undefined;
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** The first MAPS_SIZE_MAX bytes; a page of /proc comes with each read. */
function readSome(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const parts: string[] = [];
    const buffer = Buffer.alloc(65_536);
    for (let size = 0; size < MAPS_SIZE_MAX;) {
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) break;
      parts.push(buffer.toString("latin1", 0, count));
      size += count;
    }
    return parts.join("");
  } catch {
    return "";
  } finally {
    closeSync(fd);
  }
}
