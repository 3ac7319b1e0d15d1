/** Makes the kernel, and the filesystem itself where it can be mounted again, forget what they hold in memory. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Contender } from "../contenders/contender.ts";

const PAGES = "1";
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

/** And nothing of it is in the page cache any more. */
export async function forgetAll(contender: Contender): Promise<void> {
  await contender.remount?.();
  // Dirty pages cannot be dropped. Only the disk's filesystem is asked: others' mounts are none of our business.
  spawnSync("sync", ["-f", tmpdir()]);
  writeFileSync("/proc/sys/vm/drop_caches", PAGES);
}
