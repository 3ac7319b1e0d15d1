/**
 * How long the fixed part of each opcode's arguments is, so that a request is refused before a handler sees a
 * piece of the one before it in the buffer.
 * Source: linux/fuse.h of protocol 7.45.
 */
import { GETATTR_IN_SIZE, SETATTR_IN_SIZE } from "./abi/attr.ts";
import { CREATE_IN_SIZE, MKDIR_IN_SIZE, MKNOD_IN_SIZE } from "./abi/create.ts";
import { ACCESS_IN_SIZE, BMAP_IN_SIZE, IOCTL_IN_SIZE, POLL_IN_SIZE } from "./abi/device.ts";
import { BATCH_FORGET_IN_SIZE, FORGET_IN_SIZE, INTERRUPT_IN_SIZE } from "./abi/forget.ts";
import { LK_IN_SIZE } from "./abi/lock.ts";
import { NOTIFY_RETRIEVE_IN_SIZE } from "./abi/notify.ts";
import { Opcode, OPCODE_COUNT } from "./abi/opcode.ts";
import { FLUSH_IN_SIZE, OPEN_IN_SIZE, RELEASE_IN_SIZE } from "./abi/open.ts";
import {
  COPY_FILE_RANGE_IN_SIZE,
  FALLOCATE_IN_SIZE,
  FSYNC_IN_SIZE,
  LSEEK_IN_SIZE,
} from "./abi/range.ts";
import { READ_IN_SIZE } from "./abi/read.ts";
import { LINK_IN_SIZE, RENAME2_IN_SIZE, RENAME_IN_SIZE } from "./abi/rename.ts";
import { STATX_IN_SIZE } from "./abi/statx.ts";
import { WRITE_IN_SIZE } from "./abi/write.ts";
import { GETXATTR_IN_SIZE } from "./abi/xattr.ts";

/** fuse_setxattr_in without SETXATTR_EXT: FUSE_COMPAT_SETXATTR_IN_SIZE. */
export const SETXATTR_IN_COMPAT_SIZE = 8;
/** fuse_init_in before 7.36. */
export const INIT_IN_COMPAT_SIZE = 16;

const SIZES: Uint8Array = sizes();

/** 0 for an opcode that has none, or that we do not know. */
export function argumentSizeMin(opcode: number): number {
  return SIZES[opcode] ?? 0;
}

function sizes(): Uint8Array {
  const into = new Uint8Array(OPCODE_COUNT);
  into[Opcode.FORGET] = FORGET_IN_SIZE;
  into[Opcode.GETATTR] = GETATTR_IN_SIZE;
  into[Opcode.SETATTR] = SETATTR_IN_SIZE;
  into[Opcode.MKNOD] = MKNOD_IN_SIZE;
  into[Opcode.MKDIR] = MKDIR_IN_SIZE;
  into[Opcode.RENAME] = RENAME_IN_SIZE;
  into[Opcode.LINK] = LINK_IN_SIZE;
  into[Opcode.OPEN] = OPEN_IN_SIZE;
  into[Opcode.READ] = READ_IN_SIZE;
  into[Opcode.WRITE] = WRITE_IN_SIZE;
  into[Opcode.RELEASE] = RELEASE_IN_SIZE;
  into[Opcode.FSYNC] = FSYNC_IN_SIZE;
  into[Opcode.SETXATTR] = SETXATTR_IN_COMPAT_SIZE;
  into[Opcode.GETXATTR] = GETXATTR_IN_SIZE;
  into[Opcode.LISTXATTR] = GETXATTR_IN_SIZE;
  into[Opcode.FLUSH] = FLUSH_IN_SIZE;
  into[Opcode.INIT] = INIT_IN_COMPAT_SIZE;
  into[Opcode.OPENDIR] = OPEN_IN_SIZE;
  into[Opcode.READDIR] = READ_IN_SIZE;
  into[Opcode.RELEASEDIR] = RELEASE_IN_SIZE;
  into[Opcode.FSYNCDIR] = FSYNC_IN_SIZE;
  into[Opcode.GETLK] = LK_IN_SIZE;
  into[Opcode.SETLK] = LK_IN_SIZE;
  into[Opcode.SETLKW] = LK_IN_SIZE;
  into[Opcode.ACCESS] = ACCESS_IN_SIZE;
  into[Opcode.CREATE] = CREATE_IN_SIZE;
  into[Opcode.INTERRUPT] = INTERRUPT_IN_SIZE;
  into[Opcode.BMAP] = BMAP_IN_SIZE;
  into[Opcode.IOCTL] = IOCTL_IN_SIZE;
  into[Opcode.POLL] = POLL_IN_SIZE;
  into[Opcode.NOTIFY_REPLY] = NOTIFY_RETRIEVE_IN_SIZE;
  into[Opcode.BATCH_FORGET] = BATCH_FORGET_IN_SIZE;
  into[Opcode.FALLOCATE] = FALLOCATE_IN_SIZE;
  into[Opcode.READDIRPLUS] = READ_IN_SIZE;
  into[Opcode.RENAME2] = RENAME2_IN_SIZE;
  into[Opcode.LSEEK] = LSEEK_IN_SIZE;
  into[Opcode.COPY_FILE_RANGE] = COPY_FILE_RANGE_IN_SIZE;
  into[Opcode.TMPFILE] = CREATE_IN_SIZE;
  into[Opcode.STATX] = STATX_IN_SIZE;
  into[Opcode.COPY_FILE_RANGE_64] = COPY_FILE_RANGE_IN_SIZE;
  return into;
}
