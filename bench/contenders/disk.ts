/** The disk's own filesystem, where the benchmark keeps its files: what everything is compared with. */
import { spawnSync } from "node:child_process";
import { rmSync, statfsSync } from "node:fs";
import { makeWorkDirectory } from "../../test/support/mount-fixture.ts";
import type { Contender, Placement } from "./contender.ts";

/** linux/magic.h */
const EXT4_MAGIC = 0xef53;

export function openDisk(placement: Placement): Contender {
  const directory = makeWorkDirectory("bench-disk");
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.on("exit", remove);
  // Without it ext4 spreads new directories over the disk, and is fifteen times slower at making files.
  spawnSync("chattr", ["+T", directory]);
  return {
    name: statfsSync(directory).type === EXT4_MAGIC ? "ext4" : "disk",
    placement,
    directory,
    stored: directory,
    isPeer: false,
    share: 1,
    processes: () => [],
    [Symbol.asyncDispose]() {
      process.off("exit", remove);
      remove();
      return Promise.resolve();
    },
  };
}
