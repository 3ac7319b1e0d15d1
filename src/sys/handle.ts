/**
 * File handles: a name for an inode that outlives paths, as an NFS server uses it.
 * Source: name_to_handle_at(2), open_by_handle_at(2). struct file_handle: 0 u32 bytes   4 i32 type   8 the handle.
 */
import { FsError } from "../core/fs-error.ts";
import { checked, cString, shownPath } from "./errno.ts";
import * as libc from "./libc.ts";
import { AT_FDCWD } from "./name.ts";

const MAX_HANDLE_SIZE = 128;
const HANDLE_HEADER_SIZE = 8;

/** The whole struct file_handle; only the kernel knows what it says. EOPNOTSUPP: the file system has none. */
export function handleOf(path: string | Uint8Array): Uint8Array {
  const { nameToHandleAt } = libc;
  if (nameToHandleAt === undefined)
    throw new FsError("ENOSYS", "this C library has no file handles");
  const handle = new Uint8Array(HANDLE_HEADER_SIZE + MAX_HANDLE_SIZE);
  const view = new DataView(handle.buffer);
  view.setUint32(0, MAX_HANDLE_SIZE, true);
  checked(
    nameToHandleAt(AT_FDCWD, cString(path), handle, new Uint8Array(8), 0),
    `name_to_handle_at ${shownPath(path)}`,
  );
  return handle.slice(0, HANDLE_HEADER_SIZE + view.getUint32(0, true));
}

/** Opens what the handle names, in the file system that `mountFd` is open in. ESTALE: it is gone. Wants CAP_DAC_READ_SEARCH. */
export function openHandle(mountFd: number, handle: Uint8Array, flags: number): number {
  const { openByHandleAt } = libc;
  if (openByHandleAt === undefined)
    throw new FsError("ENOSYS", "this C library has no file handles");
  return checked(openByHandleAt(mountFd, handle.slice(), flags), "open_by_handle_at");
}
