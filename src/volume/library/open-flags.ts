/** Flags of open(2) and their like, as Linux has them on x86-64 and arm64 alike where it matters here. Source: include/uapi/asm-generic/fcntl.h. */
import { constants } from "node:fs";

/** O_DIRECTORY and O_NOFOLLOW differ between processors; Node knows those of this one. */
export const OpenFlag = {
  ACCESS_MODE: 3,
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  DSYNC: constants.O_DSYNC as number,
  SYNC: constants.O_SYNC as number,
  DIRECTORY: constants.O_DIRECTORY as number,
  NOFOLLOW: constants.O_NOFOLLOW as number,
  NOATIME: constants.O_NOATIME as number,
  PATH: 0o1000_0000 as number,
  /** With DIRECTORY. */
  TMPFILE: (0o2000_0000 | constants.O_DIRECTORY) as number,
} as const;
