/**
 * Mounting and unmounting as root, and what a path is mounted from.
 * Source: mount(2), umount2(2), statfs(2); linux/magic.h. struct statfs begins with the 64-bit f_type.
 */
import { checked, cString, shownPath } from "./errno.ts";
import * as libc from "./libc.ts";

export const UnmountFlag = {
  /** Also when busy, and without a word to its server. */
  FORCE: 1,
  /** Takes it out of the tree now; it goes when nobody uses it. */
  DETACH: 2,
  EXPIRE: 4,
  /** Does not follow a symbolic link at the end of the path. */
  NOFOLLOW: 8,
} as const;

export const MountFlag = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  RELATIME: 0x20_0000,
  STRICTATIME: 0x100_0000,
} as const;

/** f_type of the file systems Shoal asks about. */
export const FilesystemMagic = {
  TMPFS: 0x01021994,
  RAMFS: 0x858458f6,
  FUSE: 0x65735546,
  EXT4: 0xef53,
  OVERLAYFS: 0x794c7630,
  NFS: 0x6969,
} as const;

const STATFS_SIZE = 120;

export interface MountArguments {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  /** `MountFlag` bits. */
  readonly flags: number;
  readonly data?: string;
}

export function mountFilesystem(mount: MountArguments): void {
  checked(
    libc.mount(
      cString(mount.source),
      cString(mount.target),
      cString(mount.type),
      mount.flags,
      mount.data === undefined ? null : cString(mount.data),
    ),
    `mount ${mount.source} on ${mount.target}`,
  );
}

/** `flags` are `UnmountFlag` bits. EBUSY: somebody uses it. EINVAL: nothing is mounted there. */
export function unmountFilesystem(target: string, flags: number): void {
  checked(libc.umount2(cString(target), flags), `umount ${target}`);
}

/** One of `FilesystemMagic`, or another number. */
export function filesystemMagic(path: string | Uint8Array): number {
  const bytes = new Uint8Array(STATFS_SIZE);
  checked(libc.statfs(cString(path), bytes), `statfs ${shownPath(path)}`);
  return new DataView(bytes.buffer).getUint32(0, true);
}
