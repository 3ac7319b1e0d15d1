/** Data through FUSE: READ, WRITE, FSYNC, FALLOCATE, LSEEK, COPY_FILE_RANGE and the ioctls of chattr(1). */
import { ERRNO, FsError } from "../../core/fs-error.ts";
import { toIno } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import { IOCTL_OUT_SIZE, type IoctlIn } from "../../fuse/abi/device.ts";
import { WriteFlag } from "../../fuse/abi/flags.ts";
import type { ReleaseIn } from "../../fuse/abi/open.ts";
import type { CopyFileRangeIn, FallocateIn, FsyncIn, LseekIn } from "../../fuse/abi/range.ts";
import type { ReadIn } from "../../fuse/abi/read.ts";
import type { WriteIn } from "../../fuse/abi/write.ts";
import type { FileOperations } from "../../fuse/filesystem.ts";
import type { Reply } from "../../fuse/reply.ts";
import { WRITE_DATA_OFFSET, type Request } from "../../fuse/request.ts";
import { atime, isAtimeDue } from "../../meta/ops/atime.ts";
import type { Inode } from "../../meta/inode.ts";
import { seekData, seekHole } from "../../vfs/extent-walk.ts";
import { copyRange } from "../../vfs/ops/copy-range.ts";
import { fallocate, FallocateMode, roomToAllocate } from "../../vfs/ops/fallocate.ts";
import { ATTRIBUTES_CHANGED, ChattrIoctls } from "./chattr-ioctl.ts";
import type { FrontEndContext } from "./front-end-context.ts";

const O_APPEND = 0o2000;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** COPY_FILE_RANGE's older answer has 32 bits; a multiple of what any alignment could ask for. */
const COPY_SIZE_MAX: number = 0xf000_0000;

export class VolumeFiles implements FileOperations {
  readonly #context: FrontEndContext;
  readonly #ioctls: ChattrIoctls;
  readonly #range = { offset: 0, length: 0 };
  readonly #write = {
    ino: toIno(0),
    offset: 0,
    length: 0,
    append: false,
    killSuidgid: false,
    spareSize: 0,
  };

  constructor(context: FrontEndContext) {
    this.#context = context;
    this.#ioctls = new ChattrIoctls(context);
  }

  /** Never asked again: no OPEN, no RELEASE, and caches are kept. */
  open(_request: Request, _argument: unknown, reply: Reply): void {
    reply.error(-ERRNO.ENOSYS);
  }

  flush(_request: Request, _argument: unknown, reply: Reply): void {
    reply.error(-ERRNO.ENOSYS);
  }

  release(_request: Request, _argument: ReleaseIn, reply: Reply): void {
    reply.empty();
  }

  read(request: Request, argument: ReadIn, reply: Reply): void {
    const inode = this.#context.state.meta.requireInode(toIno(request.nodeid));
    const range = this.#range;
    range.offset = argument.offset;
    range.length = argument.size;
    const count = this.#context.reader.read(inode, range, reply.bytes, reply.dataOffset);
    this.#touch(request, inode);
    reply.data(count);
  }

  write(request: Request, argument: WriteIn, reply: Reply): void {
    this.#context.checkSpace(request);
    const write = this.#write;
    write.ino = toIno(request.nodeid);
    write.offset = argument.offset;
    write.length = writableSize(argument);
    write.spareSize = request.bytes.length - WRITE_DATA_OFFSET - write.length;
    write.append = (argument.flags & O_APPEND) !== 0 && !(argument.writeFlags & WriteFlag.CACHE);
    write.killSuidgid = (argument.writeFlags & WriteFlag.KILL_SUIDGID) !== 0;
    if (write.killSuidgid) this.#context.dropSetGid(request, write.ino);
    const caller = this.#context.caller(request);
    this.#context.saveHeader();
    const offset = this.#context.executor.write(caller, write, request.bytes, 0);
    if (offset !== argument.offset) this.#context.caches.invalidateData(write.ino, argument.offset);
    reply.write(write.length);
  }

  fsync(request: Request, _argument: FsyncIn, reply: Reply): void {
    this.#context.durability.fsync(request, reply);
  }

  fallocate(request: Request, argument: FallocateIn, reply: Reply): void {
    const { mode, offset, length } = argument;
    const args = { ino: toIno(request.nodeid), mode, offset, length };
    if (!(mode & (FallocateMode.PUNCH_HOLE | FallocateMode.COLLAPSE_RANGE))) {
      this.#context.checkSpace(request, roomToAllocate(this.#context.state, args));
    }
    this.#context.dropSetGid(request, toIno(request.nodeid));
    this.#context.executor.runFile(fallocate, this.#context.caller(request), args);
    reply.empty();
  }

  lseek(request: Request, argument: LseekIn, reply: Reply): void {
    const inode = this.#context.state.meta.requireInode(toIno(request.nodeid));
    if (argument.whence === SEEK_DATA) {
      reply.lseek(seekData(this.#context.state, inode, argument.offset));
    } else if (argument.whence === SEEK_HOLE) {
      reply.lseek(seekHole(this.#context.state, inode, argument.offset));
    } else {
      throw new FsError("EINVAL", `lseek with whence ${argument.whence}`);
    }
  }

  copyFileRange(request: Request, argument: CopyFileRangeIn, reply: Reply): void {
    this.#context.checkSpace(request);
    this.#context.dropSetGid(request, toIno(argument.nodeidOut));
    const result = this.#context.executor.runFile(copyRange, this.#context.caller(request), {
      source: toIno(request.nodeid),
      sourceOffset: argument.offIn,
      target: toIno(argument.nodeidOut),
      targetOffset: argument.offOut,
      length: Math.min(argument.len, COPY_SIZE_MAX),
    });
    reply.copied(result.length);
  }

  ioctl(request: Request, argument: IoctlIn, inputAt: number, reply: Reply): void {
    const size = this.#ioctls.run(request, argument, {
      inputAt,
      output: reply.view,
      outputAt: reply.dataOffset + IOCTL_OUT_SIZE,
    });
    if (size !== ATTRIBUTES_CHANGED) reply.ioctl(0, size);
    else this.#context.caches.attributesChanged(request, reply, toIno(request.nodeid));
  }

  /** relatime: a READ that arrives moves atime when it is older than mtime or ctime, or a day old. */
  #touch(request: Request, inode: Inode): void {
    const caller = this.#context.caller(request);
    if (!this.#context.keepsAtime || !isAtimeDue(inode, caller.now)) return;
    caller.unique = 0;
    try {
      this.#context.executor.runMeta(atime, caller, { ino: inode.ino });
    } catch (error) {
      // A full journal must not make a read fail.
      if (!(error instanceof FsError)) throw error;
    }
  }
}

/** Short at the end of the largest file; a write that begins there is refused further down. */
function writableSize({ offset, size }: WriteIn): number {
  return offset < FILE_SIZE_MAX ? Math.min(size, FILE_SIZE_MAX - offset) : size;
}
