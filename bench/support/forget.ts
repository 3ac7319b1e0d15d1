/** Makes the kernel, and the filesystem itself where it can be mounted again, forget what they hold in memory. */
import { type Dirent, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "../contenders/contender.ts";
import * as call from "./system-call.ts";

/** Of /proc/sys/vm/drop_caches. */
const NAMES_AND_INODES = "2";

/** The next look at a name reaches the filesystem. */
export function forgetNames(): Promise<void> {
  writeFileSync("/proc/sys/vm/drop_caches", NAMES_AND_INODES);
  return Promise.resolve();
}

/** The filesystem begins anew; what it stored on the disk may still be in the page cache. */
export async function forgetMounted(contender: Contender): Promise<void> {
  await contender.remount?.();
}

/** And nothing of what it stored is in the page cache any more. */
export async function forgetAll(contender: Contender): Promise<void> {
  await contender.remount?.();
  dropPages(contender.stored, contender.directory);
}

/** Of all files below `path`, but not of what is mounted on `mountPoint`. */
function dropPages(path: string, mountPoint: string): void {
  for (const entry of listOf(path)) {
    const inner = join(path, entry.name);
    if (entry.isDirectory() && inner !== mountPoint) dropPages(inner, mountPoint);
    if (!entry.isFile()) continue;
    const fd = call.open(call.cPath(inner), call.O_RDONLY, 0);
    // Removed meanwhile, as well.
    if (fd < 0) continue;
    // Dirty pages cannot be dropped.
    call.must(call.fsync(fd), "fsync");
    call.fadvise(fd, 0, 0, call.POSIX_FADV_DONTNEED);
    call.close(fd);
  }
}

/** Nothing when a daemon has removed it meanwhile. */
function listOf(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
