/**
 * Making a FUSE mount, as root through the `mount` program and as any other user through `fusermount3`, and ending one.
 *
 * What always holds: on success the caller owns a non-blocking descriptor of /dev/fuse, closed on exec, on which the kernel's INIT
 * waits; on failure nothing is mounted and nothing stays open. The type is `fuse.shoal` (or another subtype), so that
 * umount(8) finds a helper of that name; the helpers mount.fuse* are not used (`-i`).
 * Source: mount(8), fusermount3(1), libfuse lib/mount.c (descriptor passing over _FUSE_COMMFD), fs/fuse/inode.c
 * (fuse_fs_parameters).
 */
import { constants, openSync, closeSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { getegid, geteuid } from "node:process";
import { FsError } from "../core/fs-error.ts";
import { setNonBlocking } from "../sys/fd.ts";
import { createSocketPair, receiveDescriptor } from "../sys/socket.ts";
import { runProgram } from "./program.ts";

const DEVICE = "/dev/fuse";
const FUSE_CONF = "/etc/fuse.conf";
/** The number a helper finds its descriptor under: the first after stdin, stdout and stderr. */
const CHILD_FD = 3;

export interface MountOptions {
  readonly directory: string;
  /** Shown as the source: a volume's URL, without its secrets. */
  readonly source: string;
  /** The type is `fuse.<subtype>`; `shoal` unless said. */
  readonly subtype?: string;
  /** Others than the one who mounts may enter. Root mounts: true unless said. */
  readonly allowOther?: boolean;
  readonly readOnly?: boolean;
  /** Further options of mount(8): nosuid, nodev, noexec, noatime, context=… */
  readonly extra?: readonly string[];
  readonly signal?: AbortSignal;
}

/** As root if we are, as a user otherwise. Returns the descriptor. */
export function mountFuse(options: MountOptions): Promise<number> {
  return geteuid?.() === 0 ? mountAsRoot(options) : mountAsUser(options);
}

/** Wants CAP_SYS_ADMIN. Errors: see `checkMountPoint`; EPERM, EIO with what `mount` said. */
export async function mountAsRoot(options: MountOptions): Promise<number> {
  await checkMountPoint(options.directory);
  const fd = openDevice();
  try {
    const type = `fuse.${options.subtype ?? "shoal"}`;
    const list = [
      `fd=${CHILD_FD}`,
      "rootmode=40000",
      `user_id=${geteuid?.() ?? 0}`,
      `group_id=${getegid?.() ?? 0}`,
      "default_permissions",
      ...((options.allowOther ?? true) ? ["allow_other"] : []),
      options.readOnly === true ? "ro" : "rw",
      // Without a word in its own table umount(8) asks statfs for the type, hears "fuse", and misses umount.fuse.shoal.
      `uhelper=${type}`,
      ...(options.extra ?? []),
    ];
    const args = ["-i", "-t", type, "-o", list.join(","), options.source, options.directory];
    const result = await runProgram("mount", args, {
      inherit: [fd],
      ...signalOf(options),
    });
    if (result.status !== 0) throw mountRefused("mount", options.directory, result.stderr);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Errors: as `mountAsRoot`; EPERM when /etc/fuse.conf lacks user_allow_other; ENOENT without fusermount3. */
export async function mountAsUser(options: MountOptions): Promise<number> {
  await checkMountPoint(options.directory);
  if (options.allowOther === true && geteuid?.() !== 0) await checkUserAllowOther();
  const list = [
    "default_permissions",
    `fsname=${escapeOption(options.source)}`,
    `subtype=${options.subtype ?? "shoal"}`,
    ...(options.allowOther === true ? ["allow_other"] : []),
    options.readOnly === true ? "ro" : "rw",
    ...(options.extra ?? []),
  ];
  const [ours, theirs] = createSocketPair();
  let theirsOpen = true;
  try {
    const args = ["-o", list.join(","), "--", options.directory];
    const result = await runProgram("fusermount3", args, {
      inherit: [theirs],
      environment: { _FUSE_COMMFD: String(CHILD_FD) },
      ...signalOf(options),
    });
    if (result.status !== 0) throw mountRefused("fusermount3", options.directory, result.stderr);
    // With our end of it closed the wait below ends even if nothing was sent.
    closeSync(theirs);
    theirsOpen = false;
    const fd = receiveDescriptor(ours);
    setNonBlocking(fd);
    return fd;
  } finally {
    closeSync(ours);
    if (theirsOpen) closeSync(theirs);
  }
}

/** Errors: ENOENT, ENOTDIR, EACCES, and ENOTCONN when a dead mount is in the way. */
async function checkMountPoint(directory: string): Promise<void> {
  try {
    const found = await stat(directory);
    if (found.isDirectory()) return;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new FsError("ENOENT", `the mount point ${directory} does not exist; create it first`, {
        cause,
      });
    if (code === "ENOTCONN")
      throw new FsError(
        "ENOTCONN",
        `${directory} still holds a mount whose server is gone; unmount it first`,
        { cause },
      );
    if (code === "EACCES")
      throw new FsError("EACCES", `the mount point ${directory} cannot be reached`, { cause });
    throw new FsError("EIO", `the mount point ${directory} cannot be looked at`, { cause });
  }
  throw new FsError("ENOTDIR", `the mount point ${directory} is not a directory`);
}

function openDevice(): number {
  try {
    // Node opens everything closed on exec.
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENODEV" || code === "ENXIO")
      throw new FsError(
        "ENODEV",
        `${DEVICE} is not there: load the module (modprobe fuse), or give the container the device`,
        { cause },
      );
    throw new FsError("EACCES", `${DEVICE} cannot be opened`, { cause });
  }
}

async function checkUserAllowOther(): Promise<void> {
  const text = await readFile(FUSE_CONF, "utf8").catch(() => "");
  if (/^\s*user_allow_other\s*$/m.test(text)) return;
  throw new FsError(
    "EPERM",
    `allow_other wants the line user_allow_other in ${FUSE_CONF}; add it as root or mount without`,
  );
}

function mountRefused(program: string, directory: string, stderr: string): FsError {
  const said = stderr.trim();
  const permission = /permission denied|not permitted|must be superuser|only root/i.test(said);
  const hint = refusalHint(program, { said, permission });
  return new FsError(
    permission ? "EPERM" : "EIO",
    `${program} did not mount ${directory}: ${said === "" ? "it gave no reason" : said}${hint}`,
  );
}

/** What to do about it, in a line of its own. */
function refusalHint(
  program: string,
  { said, permission }: { readonly said: string; readonly permission: boolean },
): string {
  if (/determine username/i.test(said))
    return `\nThe user id ${geteuid?.()} has no account: fusermount3 wants a line for it in /etc/passwd`;
  if (!permission) return "";
  if (said.includes(DEVICE))
    return `\nLet every user open it, as Debian does: chmod 0666 ${DEVICE}`;
  if (program !== "mount") return "";
  return "\nRoot without CAP_SYS_ADMIN may not mount: give the container that capability";
}

/** fusermount3 splits at commas that no backslash precedes. */
function escapeOption(value: string): string {
  return value.replace(/[\\,]/g, "\\$&");
}

function signalOf(options: MountOptions): { signal?: AbortSignal } {
  return options.signal === undefined ? {} : { signal: options.signal };
}
