/**
 * Ending a mount, and the few files of /sys by which root steers one.
 * Source: umount(8), fusermount3(1); Documentation/filesystems/fuse.rst (control filesystem, abort);
 * Documentation/ABI/testing/sysfs-class-bdi.
 *
 * The programs are used, not umount2(2), for the call waits until the server has answered for what is still dirty,
 * and this thread may be the one that the server needs.
 */
import { writeFile } from "node:fs/promises";
import { geteuid } from "node:process";
import { FsError } from "../core/fs-error.ts";
import { findMount, type MountEntry } from "../sys/mount-table.ts";
import { runProgram } from "./program.ts";

export interface UnmountOptions {
  /** Take it out of the tree at once; it ends when nobody uses it any more. */
  readonly lazy?: boolean;
  /**
   * Root: first cut the connection (MNT_FORCE), so that whatever waits for the server fails with ENOTCONN or ECONNABORTED
   * and what the kernel had not written back is lost. EBUSY may still follow: then the mount is dead. Others: ignored.
   */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
}

/** `directory` is absolute, links resolved. Errors: EINVAL nothing is mounted there; EBUSY somebody uses it; EPERM. */
export async function unmount(directory: string, options: UnmountOptions = {}): Promise<void> {
  mountAt(directory);
  const isRoot = geteuid?.() === 0;
  const lazy = options.lazy === true;
  const force = options.force === true;
  const program = isRoot ? "umount" : "fusermount3";
  const args = isRoot
    ? ["-i", ...(force ? ["-f"] : []), ...(lazy ? ["-l"] : []), "--", directory]
    : ["-u", ...(lazy ? ["-z"] : []), "--", directory];
  const result = await runProgram(
    program,
    args,
    options.signal === undefined ? {} : { signal: options.signal },
  );
  if (result.status === 0) return;
  const said = result.stderr.trim();
  if (/busy/i.test(said))
    throw new FsError("EBUSY", `${directory} is in use; close what is open there: ${said}`);
  if (/not permitted|permission denied|must be superuser/i.test(said))
    throw new FsError("EPERM", `${directory} may not be unmounted by us: ${said}`);
  if (findMount(directory) === undefined) return;
  throw new FsError("EIO", `${program} did not unmount ${directory}: ${said}`);
}

/**
 * Root: every request that waits fails now, and the device says ENODEV, without unmounting. ENOENT when the control file
 * system is not there (mount -t fusectl none /sys/fs/fuse/connections); `unmount` by force does not want it.
 */
export async function abortConnection(entry: MountEntry): Promise<void> {
  await writeSetting(`/sys/fs/fuse/connections/${entry.minor}/abort`, "1");
}

/** Root: how far the kernel reads ahead in files of the mount at `directory`. The default is 128 KiB. */
export async function setReadAhead(directory: string, kibibytes: number): Promise<void> {
  const { major, minor } = mountAt(directory);
  await writeSetting(`/sys/class/bdi/${major}:${minor}/read_ahead_kb`, String(kibibytes));
}

function mountAt(directory: string): MountEntry {
  const entry = findMount(directory);
  if (entry === undefined) throw new FsError("EINVAL", `nothing is mounted at ${directory}`);
  return entry;
}

async function writeSetting(path: string, value: string): Promise<void> {
  try {
    await writeFile(path, value);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new FsError("ENOENT", `${path} is not there`, { cause });
    if (code === "EACCES" || code === "EPERM" || code === "EROFS")
      throw new FsError("EPERM", `${path} cannot be written: it wants root`, { cause });
    throw new FsError("EIO", `${path} did not take ${value}`, { cause });
  }
}
