/** Attributes, extended attributes, flags and handles of the Linux driver. */
import { constants } from "node:fs";
import { cString, libc } from "../../support/posix-libc.ts";
import {
  absolutePath,
  AT_SYMLINK_NOFOLLOW,
  encodeTimes,
  ID_UNCHANGED,
  type LinuxContext,
  relativePath,
  runAs,
} from "./linux-context.ts";
import { LinuxFile } from "./linux-file.ts";
import type {
  ExtendedFlags,
  FileHandle,
  FollowOption,
  Owner,
  PosixAttributes,
  PosixHandles,
  PosixXattrs,
  TimeChanges,
  XattrReadOptions,
  XattrSetOptions,
} from "./posix-directory.ts";
import type { PosixFile } from "./posix-file.ts";

// Source: linux/fs.h, _IOR('f', 1, long) and its neighbours, on 64-bit Linux.
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_IOC_FSGETXATTR = 0x801c581f;
const FS_IOC_FSSETXATTR = 0x401c5820;
const FSXATTR_SIZE = 28;
/** Larger than XATTR_SIZE_MAX and XATTR_LIST_MAX. */
const XATTR_BUFFER_SIZE = 128 * 1024;
/** struct file_handle: u32 size of the bytes, s32 type, the bytes (MAX_HANDLE_SZ). */
const HANDLE_HEADER_SIZE = 8;
const HANDLE_SIZE_MAX = 128;

export class LinuxAttributes implements PosixAttributes {
  readonly #context: LinuxContext;

  constructor(context: LinuxContext) {
    this.#context = context;
  }

  chmod(path: string, mode: number): void {
    runAs(this.#context, () => libc.chmodAt(this.#context.rootFd, relativePath(path), mode, 0));
  }

  chown(path: string, owner: Owner, options: FollowOption = {}): void {
    const { uid = ID_UNCHANGED, gid = ID_UNCHANGED } = owner;
    runAs(this.#context, () =>
      libc.chownAt(this.#context.rootFd, relativePath(path), uid, gid, followFlag(options)),
    );
  }

  utimens(path: string, times: TimeChanges, options: FollowOption = {}): void {
    const encoded = encodeTimes(times);
    runAs(this.#context, () =>
      libc.utimensAt(this.#context.rootFd, relativePath(path), encoded, followFlag(options)),
    );
  }

  truncate(path: string, size: number | bigint): void {
    runAs(this.#context, () => libc.truncate(absolutePath(this.#context, path), size));
  }

  getFlags(path: string): number {
    const bytes = new Uint8Array(8);
    this.#ioctl(path, FS_IOC_GETFLAGS, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  setFlags(path: string, flags: number): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, flags, true);
    this.#ioctl(path, FS_IOC_SETFLAGS, bytes);
  }

  getExtended(path: string): ExtendedFlags {
    const bytes = new Uint8Array(FSXATTR_SIZE);
    this.#ioctl(path, FS_IOC_FSGETXATTR, bytes);
    const view = new DataView(bytes.buffer);
    return { xflags: view.getUint32(0, true), projectId: view.getUint32(12, true) };
  }

  setExtended(path: string, { xflags }: Pick<ExtendedFlags, "xflags">): void {
    const bytes = new Uint8Array(FSXATTR_SIZE);
    this.#ioctl(path, FS_IOC_FSGETXATTR, bytes);
    new DataView(bytes.buffer).setUint32(0, xflags, true);
    this.#ioctl(path, FS_IOC_FSSETXATTR, bytes);
  }

  #ioctl(path: string, request: number, argument: Uint8Array): void {
    runAs(this.#context, () => {
      const flags = constants.O_RDONLY | constants.O_NONBLOCK;
      const fd = libc.openAt(this.#context.rootFd, relativePath(path), flags, 0);
      try {
        libc.ioctl(fd, request, argument);
      } finally {
        libc.close(fd);
      }
    });
  }
}

export class LinuxXattrs implements PosixXattrs {
  readonly #context: LinuxContext;

  constructor(context: LinuxContext) {
    this.#context = context;
  }

  get(path: string, name: string, options: XattrReadOptions = {}): Uint8Array {
    const { follow = true, bufferSize = XATTR_BUFFER_SIZE } = options;
    const call = follow ? libc.getxattr : libc.lgetxattr;
    const buffer = new Uint8Array(bufferSize);
    const size = runAs(this.#context, () =>
      call(absolutePath(this.#context, path), cString(name), buffer, bufferSize),
    );
    return buffer.slice(0, size);
  }

  set(path: string, name: string, value: Uint8Array, options: XattrSetOptions = {}): void {
    const { follow = true, flags = 0 } = options;
    const call = follow ? libc.setxattr : libc.lsetxattr;
    runAs(this.#context, () =>
      call(absolutePath(this.#context, path), cString(name), value, value.length, flags),
    );
  }

  list(path: string, options: XattrReadOptions = {}): string[] {
    const { follow = true, bufferSize = XATTR_BUFFER_SIZE } = options;
    const call = follow ? libc.listxattr : libc.llistxattr;
    const buffer = new Uint8Array(bufferSize);
    const size = runAs(this.#context, () =>
      call(absolutePath(this.#context, path), buffer, bufferSize),
    );
    return Buffer.from(buffer.subarray(0, size)).toString("latin1").split("\0").slice(0, -1);
  }

  remove(path: string, name: string, { follow = true }: FollowOption = {}): void {
    const call = follow ? libc.removexattr : libc.lremovexattr;
    runAs(this.#context, () => call(absolutePath(this.#context, path), cString(name)));
  }
}

export class LinuxHandles implements PosixHandles {
  readonly #context: LinuxContext;

  constructor(context: LinuxContext) {
    this.#context = context;
  }

  encode(path: string): FileHandle {
    const bytes = new Uint8Array(HANDLE_HEADER_SIZE + HANDLE_SIZE_MAX);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, HANDLE_SIZE_MAX, true);
    runAs(this.#context, () =>
      libc.nameToHandle(this.#context.rootFd, relativePath(path), bytes, new Uint8Array(8), 0),
    );
    const size = view.getUint32(0, true);
    return {
      type: view.getInt32(4, true),
      bytes: bytes.slice(HANDLE_HEADER_SIZE, HANDLE_HEADER_SIZE + size),
    };
  }

  open(handle: FileHandle, flags: number): PosixFile {
    const bytes = new Uint8Array(HANDLE_HEADER_SIZE + handle.bytes.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, handle.bytes.length, true);
    view.setInt32(4, handle.type, true);
    bytes.set(handle.bytes, HANDLE_HEADER_SIZE);
    const fd = runAs(this.#context, () => libc.openByHandle(this.#context.rootFd, bytes, flags));
    return new LinuxFile(this.#context, fd);
  }
}

function followFlag({ follow = true }: FollowOption): number {
  return follow ? 0 : AT_SYMLINK_NOFOLLOW;
}
