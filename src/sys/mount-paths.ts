/** Which mount a path lies in. Paths here are absolute and resolved, and are compared as text: nothing is touched. */
import type { MountEntry } from "./mount-table.ts";

/** Shown by mount(8) and in /proc; umount(8) finds `umount.fuse.shoal` by it. */
export const SHOAL_MOUNT_TYPE = "fuse.shoal";

/** A path is within itself. */
export function isWithin(path: string, directory: string): boolean {
  if (directory === "/") return path.startsWith("/");
  return path === directory || path.startsWith(`${directory}/`);
}

/** The mount that holds `path`; the topmost where several are stacked. */
export function mountOf(path: string, table: readonly MountEntry[]): MountEntry | undefined {
  let best: MountEntry | undefined;
  for (const entry of table) {
    if (!isWithin(path, entry.directory)) continue;
    if (best === undefined || entry.directory.length >= best.directory.length) best = entry;
  }
  return best;
}
