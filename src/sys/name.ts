/**
 * Names that node:fs cannot make or move as the kernel can.
 * Source: renameat2(2), linkat(2), mknodat(2).
 */
import { FsError } from "../core/fs-error.ts";
import { checked, cString, shownPath } from "./errno.ts";
import * as libc from "./libc.ts";

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;

export const RenameFlag = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

/** `flags` are `RenameFlag` bits. */
export function rename2(from: string | Uint8Array, to: string | Uint8Array, flags: number): void {
  const { renameat2 } = libc;
  if (renameat2 === undefined) throw new FsError("ENOSYS", "this C library has no renameat2");
  checked(
    renameat2(AT_FDCWD, cString(from), AT_FDCWD, cString(to), flags),
    `renameat2 ${shownPath(from)} to ${shownPath(to)}, flags ${flags}`,
  );
}

/** Gives an open file, O_TMPFILE or not, a name. Goes through /proc, so that no capability is wanted. */
export function linkDescriptor(fd: number, to: string | Uint8Array): void {
  checked(
    libc.linkat(AT_FDCWD, cString(`/proc/self/fd/${fd}`), AT_FDCWD, cString(to), AT_SYMLINK_FOLLOW),
    `linkat of descriptor ${fd} to ${shownPath(to)}`,
  );
}

/** As `linkDescriptor`, by AT_EMPTY_PATH, which wants CAP_DAC_READ_SEARCH. */
export function linkDescriptorDirectly(fd: number, to: string | Uint8Array): void {
  checked(
    libc.linkat(fd, cString(""), AT_FDCWD, cString(to), AT_EMPTY_PATH),
    `linkat of descriptor ${fd} to ${shownPath(to)}`,
  );
}

export interface NodeKind {
  /** Type and permission bits. */
  readonly mode: number;
  /** Of a device; 0 otherwise. */
  readonly major?: number;
  readonly minor?: number;
}

/** A FIFO, socket, device or plain file. The umask applies. */
export function makeNode(path: string | Uint8Array, kind: NodeKind): void {
  checked(
    libc.mknodat(AT_FDCWD, cString(path), kind.mode, makeDevice(kind.major ?? 0, kind.minor ?? 0)),
    `mknod ${shownPath(path)}`,
  );
}

/** glibc's makedev for majors and minors of the kernel's 12 and 20 bits. */
function makeDevice(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x10_0000;
}
