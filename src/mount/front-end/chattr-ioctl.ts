/**
 * FS_IOC_GETFLAGS, SETFLAGS, FSGETXATTR and FSSETXATTR: chattr(1), lsattr(1) and project ids.
 * Source: include/uapi/linux/fs.h. struct fsxattr (28): 0 u32 xflags  4 u32 extsize  8 u32 nextents  12 u32 projid
 * 16 u32 cowextsize  20 8 bytes of padding.
 */
import { FsError } from "../../core/fs-error.ts";
import { toIno } from "../../core/ids.ts";
import type { IoctlIn } from "../../fuse/abi/device.ts";
import type { Request } from "../../fuse/request.ts";
import {
  fromChattrFlags,
  fromExtendedFlags,
  toChattrFlags,
  toExtendedFlags,
} from "../../meta/chattr-flags.ts";
import { InodeFlag, type Inode } from "../../meta/inode.ts";
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

/** Instead of a size: the ioctl has no output and changed the inode. */
export const ATTRIBUTES_CHANGED = -1;

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

  /** Returns the size of the output, or ATTRIBUTES_CHANGED (and no output). Throws ENOTTY for any other command. */
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
        this.#set(request, inode, fromChattrFlags(view.getUint32(buffers.inputAt, true)));
        return ATTRIBUTES_CHANGED;
      case Command.FSGETXATTR:
        return getFsxattr(inode, buffers);
      case Command.FSSETXATTR: {
        checkInput(argument, FSXATTR_SIZE);
        const flags = fromExtendedFlags(view.getUint32(buffers.inputAt, true));
        const kept = inode.flags & InodeFlag.DIRSYNC;
        const projid = view.getUint32(buffers.inputAt + 12, true);
        this.#set(request, inode, flags | kept, projid);
        return ATTRIBUTES_CHANGED;
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
  buffers.output.setUint32(buffers.outputAt, toChattrFlags(inode.flags), true);
  return FLAGS_SIZE;
}

function getFsxattr(inode: Inode, buffers: IoctlBuffers): number {
  const { output, outputAt } = buffers;
  for (let at = 0; at < FSXATTR_SIZE; at += 4) output.setUint32(outputAt + at, 0, true);
  output.setUint32(outputAt, toExtendedFlags(inode.flags), true);
  output.setUint32(outputAt + 12, inode.projid, true);
  return FSXATTR_SIZE;
}

function checkInput(argument: IoctlIn, size: number): void {
  if (argument.inSize < size) throw new FsError("EINVAL", `an ioctl of ${argument.inSize} bytes`);
}
