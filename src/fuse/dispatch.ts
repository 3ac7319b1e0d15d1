/**
 * From an opcode to the method of FuseFilesystem that answers it.
 *
 * What always holds: arguments are decoded, and checked to lie within the request, before the method runs; the request
 * gets exactly one answer, which is written before `dispatch` returns unless it was deferred (rule J7: a mutation's reply
 * is written before the next mutation begins). This is, besides the CLI, the only place that catches everything:
 * an FsError is answered by its errno, whatever else is thrown is answered EIO and thrown on, for it is a bug and the
 * volume must stop.
 * Source: linux/fuse.h of protocol 7.45.
 */
import { AssertionFailure } from "../core/assert.ts";
import { ERRNO, FsError } from "../core/fs-error.ts";
import { decodeGetattrIn, decodeSetattrIn, newGetattrIn, newSetattrIn } from "./abi/attr.ts";
import {
  decodeBmapIn,
  decodeIoctlIn,
  decodePollIn,
  IOCTL_IN_SIZE,
  newBmapIn,
  newIoctlIn,
  newPollIn,
} from "./abi/device.ts";
import { InitFlag } from "./abi/flags.ts";
import { IN_HEADER_SIZE } from "./abi/header.ts";
import { decodeLkIn, newLkIn } from "./abi/lock.ts";
import { Opcode, opcodeName } from "./abi/opcode.ts";
import {
  decodeFlushIn,
  decodeOpenIn,
  decodeReleaseIn,
  newFlushIn,
  newOpenIn,
  newReleaseIn,
} from "./abi/open.ts";
import {
  decodeCopyFileRangeIn,
  decodeFallocateIn,
  decodeFsyncIn,
  decodeLseekIn,
  newCopyFileRangeIn,
  newFallocateIn,
  newFsyncIn,
  newLseekIn,
} from "./abi/range.ts";
import { decodeReadIn, newReadIn } from "./abi/read.ts";
import { decodeStatxIn, newStatxIn } from "./abi/statx.ts";
import { decodeWriteIn, newWriteIn } from "./abi/write.ts";
import {
  decodeNotifyRetrieveIn,
  newNotifyRetrieveIn,
  NOTIFY_RETRIEVE_IN_SIZE,
} from "./abi/notify.ts";
import { argumentSizeMin, SETXATTR_IN_COMPAT_SIZE } from "./argument-size.ts";
import type { FuseFilesystem, SetxattrArguments } from "./filesystem.ts";
import type { Session } from "./init.ts";
import { NodeArguments } from "./node-arguments.ts";
import { ReplyState, type Reply } from "./reply.ts";
import { WRITE_DATA_OFFSET, type Request } from "./request.ts";
import { getSaturatedU64Le } from "../core/u64.ts";
import { FORGET_ONE_SIZE } from "./abi/forget.ts";

/** Where an opcode's arguments begin. */
const AT = IN_HEADER_SIZE;
const ENOSYS: number = -ERRNO.ENOSYS;

export class Dispatcher {
  readonly #filesystem: FuseFilesystem;
  /** Where a SETXATTR's name begins: SETXATTR_EXT makes its argument longer. */
  readonly #setxattrNameAt: number;
  readonly #node = new NodeArguments();

  readonly #getattr = newGetattrIn();
  readonly #setattr = newSetattrIn();
  readonly #statx = newStatxIn();
  readonly #open = newOpenIn();
  readonly #read = newReadIn();
  readonly #write = newWriteIn();
  readonly #flush = newFlushIn();
  readonly #release = newReleaseIn();
  readonly #fsync = newFsyncIn();
  readonly #fallocate = newFallocateIn();
  readonly #lseek = newLseekIn();
  readonly #copy = newCopyFileRangeIn();
  readonly #ioctl = newIoctlIn();
  readonly #poll = newPollIn();
  readonly #bmap = newBmapIn();
  readonly #lock = newLkIn();
  readonly #retrieve = newNotifyRetrieveIn();
  readonly #setxattr: SetxattrArguments = {
    name: "",
    value: new Uint8Array(0),
    flags: 0,
    setxattrFlags: 0,
  };

  /** Of the session only what was negotiated counts. */
  constructor(filesystem: FuseFilesystem, session: Pick<Session, "flags">) {
    this.#filesystem = filesystem;
    const extended = (session.flags & InitFlag.SETXATTR_EXT) !== 0;
    this.#setxattrNameAt = AT + (extended ? 2 : 1) * SETXATTR_IN_COMPAT_SIZE;
  }

  /** Serves the request that `request.decode` took in. Throws only what must stop the volume. */
  dispatch(request: Request, reply: Reply): void {
    reply.begin(request);
    try {
      this.#route(request, reply);
      if (reply.state === ReplyState.OPEN)
        throw new AssertionFailure(`${opcodeName(request.opcode)} was not answered`);
    } catch (error) {
      this.#failed(request, reply, error);
    }
    reply.send();
  }

  #failed(request: Request, reply: Reply, error: unknown): void {
    const known = error instanceof FsError;
    if (reply.state === ReplyState.OPEN || reply.state === ReplyState.ENCODED) {
      reply.begin(request);
      reply.error(known ? error.errno : -ERRNO.EIO);
      reply.send();
    }
    if (!known || this.#filesystem.onError?.(request, error) === true) throw error;
  }

  /** Ordered by how often they come. */
  #route(request: Request, reply: Reply): void {
    const { opcode, view } = request;
    if (request.size < AT + argumentSizeMin(opcode))
      throw new FsError("EIO", `${opcodeName(opcode)} of ${request.size} bytes is cut short`);
    const { names, attributes, files, directories } = this.#filesystem;
    switch (opcode) {
      case Opcode.LOOKUP:
        return names.lookup(request, request.name(AT), reply);
      case Opcode.GETATTR:
        return attributes.getattr(request, decodeGetattrIn(view, AT, this.#getattr), reply);
      case Opcode.READ:
        return files.read(request, decodeReadIn(view, AT, this.#read), reply);
      case Opcode.WRITE:
        return this.#routeWrite(request, reply);
      case Opcode.CREATE:
        return names.create(request, this.#node.create(request), reply);
      case Opcode.SETATTR:
        return attributes.setattr(request, decodeSetattrIn(view, AT, this.#setattr), reply);
      case Opcode.UNLINK:
        return names.unlink(request, request.name(AT), reply);
      case Opcode.MKDIR:
        return names.mkdir(request, this.#node.mkdir(request), reply);
      case Opcode.RMDIR:
        return names.rmdir(request, request.name(AT), reply);
      case Opcode.RENAME:
      case Opcode.RENAME2:
        return names.rename(request, this.#node.rename(request), reply);
      case Opcode.READDIR:
        return directories.readdir(request, decodeReadIn(view, AT, this.#read), reply);
      case Opcode.READLINK:
        return attributes.readlink(request, reply);
      case Opcode.SYMLINK:
        return names.symlink(request, this.#node.symlink(request), reply);
      case Opcode.MKNOD:
        return names.mknod(request, this.#node.mknod(request), reply);
      case Opcode.LINK: {
        const oldNodeid = getSaturatedU64Le(view, AT);
        return names.link(request, oldNodeid, request.name(AT + 8), reply);
      }
      case Opcode.FORGET:
      case Opcode.BATCH_FORGET:
      case Opcode.INTERRUPT:
      case Opcode.NOTIFY_REPLY:
        reply.none();
        return this.#routeUnanswered(request);
      default:
        return this.#routeOptional(request, reply);
    }
  }

  #routeWrite(request: Request, reply: Reply): void {
    const argument = decodeWriteIn(request.view, AT, this.#write);
    if (argument.size > request.size - WRITE_DATA_OFFSET)
      throw new FsError("EIO", `WRITE of ${argument.size} bytes has fewer behind it`);
    this.#filesystem.files.write(request, argument, reply);
  }

  /** What a filesystem may leave out: ENOSYS then. */
  #routeOptional(request: Request, reply: Reply): void {
    switch (request.opcode) {
      case Opcode.GETXATTR:
      case Opcode.LISTXATTR:
      case Opcode.SETXATTR:
      case Opcode.REMOVEXATTR:
        return this.#routeXattr(request, reply);
      case Opcode.GETLK:
      case Opcode.SETLK:
      case Opcode.SETLKW:
        return this.#routeLock(request, reply);
      case Opcode.OPENDIR:
      case Opcode.READDIRPLUS:
      case Opcode.RELEASEDIR:
      case Opcode.FSYNCDIR:
        return this.#routeDirectory(request, reply);
      case Opcode.STATX:
      case Opcode.ACCESS:
      case Opcode.TMPFILE:
      case Opcode.STATFS:
      case Opcode.SYNCFS:
      case Opcode.DESTROY:
        return this.#routeNode(request, reply);
      default:
        return this.#routeFile(request, reply);
    }
  }

  #routeNode(request: Request, reply: Reply): void {
    const { view } = request;
    const { names, attributes, volume } = this.#filesystem;
    switch (request.opcode) {
      case Opcode.STATX:
        if (attributes.statx === undefined) return reply.error(ENOSYS);
        return attributes.statx(request, decodeStatxIn(view, AT, this.#statx), reply);
      case Opcode.ACCESS:
        if (attributes.access === undefined) return reply.error(ENOSYS);
        return attributes.access(request, view.getUint32(AT, true), reply);
      case Opcode.TMPFILE:
        // Not ENOSYS: the kernel hands open(2) what we say, and EOPNOTSUPP is what it means there.
        if (names.tmpfile === undefined) return reply.error(-ERRNO.EOPNOTSUPP);
        return names.tmpfile(request, this.#node.create(request), reply);
      case Opcode.STATFS:
        return volume.statfs(request, reply);
      case Opcode.SYNCFS:
        if (volume.syncfs === undefined) return reply.error(ENOSYS);
        return volume.syncfs(request, reply);
      default:
        volume.destroy?.(request);
        return reply.empty();
    }
  }

  #routeFile(request: Request, reply: Reply): void {
    const { view } = request;
    const { files } = this.#filesystem;
    switch (request.opcode) {
      case Opcode.OPEN:
        if (files.open === undefined) return reply.error(ENOSYS);
        return files.open(request, decodeOpenIn(view, AT, this.#open), reply);
      case Opcode.FLUSH:
        if (files.flush === undefined) return reply.error(ENOSYS);
        return files.flush(request, decodeFlushIn(view, AT, this.#flush), reply);
      case Opcode.RELEASE:
        if (files.release === undefined) return reply.empty();
        return files.release(request, decodeReleaseIn(view, AT, this.#release), reply);
      case Opcode.FSYNC:
        if (files.fsync === undefined) return reply.error(ENOSYS);
        return files.fsync(request, decodeFsyncIn(view, AT, this.#fsync), reply);
      case Opcode.FALLOCATE:
        if (files.fallocate === undefined) return reply.error(ENOSYS);
        return files.fallocate(request, decodeFallocateIn(view, AT, this.#fallocate), reply);
      case Opcode.LSEEK:
        if (files.lseek === undefined) return reply.error(ENOSYS);
        return files.lseek(request, decodeLseekIn(view, AT, this.#lseek), reply);
      case Opcode.COPY_FILE_RANGE:
      case Opcode.COPY_FILE_RANGE_64:
        if (files.copyFileRange === undefined) return reply.error(ENOSYS);
        return files.copyFileRange(request, decodeCopyFileRangeIn(view, AT, this.#copy), reply);
      case Opcode.IOCTL:
        return this.#routeIoctl(request, reply);
      case Opcode.POLL:
        if (files.poll === undefined) return reply.error(ENOSYS);
        return files.poll(request, decodePollIn(view, AT, this.#poll), reply);
      case Opcode.BMAP:
        if (files.bmap === undefined) return reply.error(ENOSYS);
        return files.bmap(request, decodeBmapIn(view, AT, this.#bmap), reply);
      case Opcode.INIT:
        // INIT comes once and is answered before any dispatcher exists.
        return reply.error(-ERRNO.EIO);
      default:
        return reply.error(ENOSYS);
    }
  }

  #routeIoctl(request: Request, reply: Reply): void {
    const { files } = this.#filesystem;
    if (files.ioctl === undefined) return reply.error(-ERRNO.ENOTTY);
    const argument = decodeIoctlIn(request.view, AT, this.#ioctl);
    const inputAt = AT + IOCTL_IN_SIZE;
    if (argument.inSize > request.size - inputAt)
      throw new FsError("EIO", `IOCTL with ${argument.inSize} bytes of input has fewer`);
    files.ioctl(request, argument, inputAt, reply);
  }

  #routeDirectory(request: Request, reply: Reply): void {
    const { view } = request;
    const { directories } = this.#filesystem;
    switch (request.opcode) {
      case Opcode.READDIRPLUS:
        if (directories.readdirplus === undefined) return reply.error(ENOSYS);
        return directories.readdirplus(request, decodeReadIn(view, AT, this.#read), reply);
      case Opcode.OPENDIR:
        if (directories.opendir === undefined) return reply.error(ENOSYS);
        return directories.opendir(request, decodeOpenIn(view, AT, this.#open), reply);
      case Opcode.RELEASEDIR:
        if (directories.releasedir === undefined) return reply.empty();
        return directories.releasedir(request, decodeReleaseIn(view, AT, this.#release), reply);
      default:
        if (directories.fsyncdir === undefined) return reply.error(ENOSYS);
        return directories.fsyncdir(request, decodeFsyncIn(view, AT, this.#fsync), reply);
    }
  }

  #routeXattr(request: Request, reply: Reply): void {
    const { view } = request;
    const { xattrs } = this.#filesystem;
    if (xattrs === undefined) return reply.error(ENOSYS);
    switch (request.opcode) {
      case Opcode.GETXATTR:
        return xattrs.getxattr(request, request.name(AT + 8), view.getUint32(AT, true), reply);
      case Opcode.LISTXATTR:
        return xattrs.listxattr(request, view.getUint32(AT, true), reply);
      case Opcode.REMOVEXATTR:
        return xattrs.removexattr(request, request.name(AT), reply);
      default: {
        const nameAt = this.#setxattrNameAt;
        const valueAt = request.nameEnd(nameAt) + 1;
        const size = view.getUint32(AT, true);
        if (size > request.size - valueAt)
          throw new FsError("EIO", `SETXATTR of ${size} bytes has fewer behind it`);
        const argument = this.#setxattr;
        argument.name = request.name(nameAt);
        argument.value = request.bytes.subarray(valueAt, valueAt + size);
        argument.flags = view.getUint32(AT + 4, true);
        argument.setxattrFlags =
          nameAt === AT + SETXATTR_IN_COMPAT_SIZE ? 0 : view.getUint32(AT + 8, true);
        return xattrs.setxattr(request, argument, reply);
      }
    }
  }

  #routeLock(request: Request, reply: Reply): void {
    const { locks } = this.#filesystem;
    if (locks === undefined) return reply.error(ENOSYS);
    const argument = decodeLkIn(request.view, AT, this.#lock);
    if (request.opcode === Opcode.GETLK) return locks.getlk(request, argument, reply);
    return locks.setlk(request, argument, request.opcode === Opcode.SETLKW, reply);
  }

  #routeUnanswered(request: Request): void {
    const { view } = request;
    const { volume } = this.#filesystem;
    switch (request.opcode) {
      case Opcode.FORGET:
        return volume.forget(request.nodeid, getSaturatedU64Le(view, AT));
      case Opcode.BATCH_FORGET: {
        const count = view.getUint32(AT, true);
        if (count > (request.size - AT - 8) / FORGET_ONE_SIZE)
          throw new FsError("EIO", `BATCH_FORGET of ${count} has fewer`);
        for (let at = AT + 8, left = count; left > 0; left--, at += FORGET_ONE_SIZE)
          volume.forget(getSaturatedU64Le(view, at), getSaturatedU64Le(view, at + 8));
        return;
      }
      case Opcode.INTERRUPT:
        // The resend bit never is part of what it names.
        volume.interrupt?.(
          request,
          (view.getUint32(AT + 4, true) & 0x7fff_ffff) * 0x1_0000_0000 + view.getUint32(AT, true),
        );
        return;
      default: {
        const argument = decodeNotifyRetrieveIn(view, AT, this.#retrieve);
        const dataAt = AT + NOTIFY_RETRIEVE_IN_SIZE;
        if (argument.size > request.size - dataAt)
          throw new FsError("EIO", `NOTIFY_REPLY of ${argument.size} bytes has fewer`);
        volume.retrieved?.(request, argument.offset, argument.size, dataAt);
      }
    }
  }
}
