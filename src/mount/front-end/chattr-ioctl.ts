/**
 * FS_IOC_GETFLAGS, SETFLAGS, FSGETXATTR and FSSETXATTR: chattr(1), lsattr(1) and project ids.
 * Source: include/uapi/linux/fs.h. struct fsxattr (28): 0 u32 xflags  4 u32 extsize  8 u32 nextents  12 u32 projid
 * 16 u32 cowextsize  20 8 bytes of padding.
 */
import { FsError } from "../../core/fs-error.ts";
import { toIno } from "../../core/ids.ts";
import type { IoctlIn } from "../../fuse/abi/device.ts";
import type { Request } from "../../fuse/request.ts";
import { CHATTR_FLAGS, InodeFlag, type Inode } from "../../meta/inode.ts";
import { setInodeFlags } from "../../meta/ops/set-inode-flags.ts";
import type { FrontEndContext } from "./front-end-context.ts";

const Command = {
  GETFLAGS: 0x8008_6601,
  SETFLAGS: 0x4008_6602,
  GETFLAGS_32: 0x8004_6601,
  SETFLAGS_32: 0x4004_6602,
  FSGETXATTR: 0x801c_581f,
  FSSETXATTR: 0x401c_5820,
} as const;
const FLAGS_SIZE = 4;
const FSXATTR_SIZE = 28;

/** Our flag, FS_*_FL, FS_XFLAG_*. */
const FLAG_TABLE: readonly (readonly [number, number, number])[] = [
  [InodeFlag.SYNC, 0x8, 0x20],
  [InodeFlag.IMMUTABLE, 0x10, 0x8],
  [InodeFlag.APPEND, 0x20, 0x10],
  [InodeFlag.NODUMP, 0x40, 0x80],
  [InodeFlag.NOATIME, 0x80, 0x40],
  [InodeFlag.DIRSYNC, 0x1_0000, 0],
  [InodeFlag.PROJINHERIT, 0x2000_0000, 0x200],
];
/** ext4 says that a file has extents; setting what is read back must work, so it is taken and ignored. */
const FS_EXTENT_FL = 0x8_0000;

export interface IoctlBuffers {
  readonly inputAt: number;
  readonly output: DataView;
  readonly outputAt: number;
}

export class ChattrIoctls {
  readonly #context: FrontEndContext;

  constructor(context: FrontEndContext) {
    this.#context = context;
  }

  /** Returns the size of the output. Throws ENOTTY for any other command. */
  run(request: Request, argument: IoctlIn, buffers: IoctlBuffers): number {
    const inode = this.#context.state.meta.requireInode(toIno(request.nodeid));
    const { view } = request;
    switch (argument.cmd) {
      case Command.GETFLAGS:
      case Command.GETFLAGS_32:
        return getFlags(inode, buffers);
      case Command.SETFLAGS:
      case Command.SETFLAGS_32:
        checkInput(argument, FLAGS_SIZE);
        this.#set(
          request,
          inode,
          fromTable(view.getUint32(buffers.inputAt, true) & ~FS_EXTENT_FL, 1),
        );
        return 0;
      case Command.FSGETXATTR:
        return getFsxattr(inode, buffers);
      case Command.FSSETXATTR: {
        checkInput(argument, FSXATTR_SIZE);
        const flags = fromTable(view.getUint32(buffers.inputAt, true), 2);
        const kept = inode.flags & InodeFlag.DIRSYNC;
        const projid = view.getUint32(buffers.inputAt + 12, true);
        this.#set(request, inode, flags | kept, projid);
        return 0;
      }
      default:
        throw new FsError("ENOTTY", `ioctl ${argument.cmd.toString(16)} is not known`);
    }
  }

  #set(request: Request, inode: Inode, flags: number, projid: number = inode.projid): void {
    this.#context.executor.runMeta(setInodeFlags, this.#context.caller(request), {
      ino: inode.ino,
      flags,
      projid,
    });
  }
}

function getFlags(inode: Inode, buffers: IoctlBuffers): number {
  buffers.output.setUint32(buffers.outputAt, toTable(inode.flags & CHATTR_FLAGS, 1), true);
  return FLAGS_SIZE;
}

function getFsxattr(inode: Inode, buffers: IoctlBuffers): number {
  const { output, outputAt } = buffers;
  for (let at = 0; at < FSXATTR_SIZE; at += 4) output.setUint32(outputAt + at, 0, true);
  output.setUint32(outputAt, toTable(inode.flags & CHATTR_FLAGS, 2), true);
  output.setUint32(outputAt + 12, inode.projid, true);
  return FSXATTR_SIZE;
}

function checkInput(argument: IoctlIn, size: number): void {
  if (argument.inSize < size) throw new FsError("EINVAL", `an ioctl of ${argument.inSize} bytes`);
}

function toTable(flags: number, column: 1 | 2): number {
  let value = 0;
  for (const row of FLAG_TABLE) if (flags & row[0]) value |= row[column];
  return value >>> 0;
}

/** Throws EOPNOTSUPP for a flag that is not kept. */
function fromTable(value: number, column: 1 | 2): number {
  let flags = 0;
  let rest = value;
  for (const row of FLAG_TABLE) {
    if (row[column] === 0 || !(value & row[column])) continue;
    flags |= row[0];
    rest &= ~row[column];
  }
  if (rest !== 0) throw new FsError("EOPNOTSUPP", `the flags ${(rest >>> 0).toString(16)}`);
  return flags;
}
