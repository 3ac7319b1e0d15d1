/**
 * PosixDirectory over a directory of the machine: a local filesystem, or a mount of ours.
 *
 * Must run as root (it acts for other callers), and on the thread that made it. System calls only, so that the errno is the kernel's.
 */
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cString, libc } from "../../support/posix-libc.ts";
import { namesOf } from "../../support/posix-actions.ts";
import {
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../support/posix-constants.ts";
import { LinuxAttributes, LinuxHandles, LinuxXattrs } from "./linux-attributes.ts";
import {
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  type LinuxContext,
  ROOT_CALLER,
  relativePath,
  runAs,
  statAt,
} from "./linux-context.ts";
import { LinuxDirectoryStream, LinuxFile } from "./linux-file.ts";
import { LinuxLocks, LinuxMappings } from "./linux-memory.ts";
import {
  type Caller,
  type Device,
  DIRECTORY_MODE,
  FILE_MODE,
  type FollowOption,
  type PosixAttributes,
  type PosixDirectory,
  type PosixHandles,
  type PosixStat,
  type PosixStatfs,
  type PosixXattrs,
} from "./posix-directory.ts";
import type { PosixDirectoryStream, PosixFile } from "./posix-file.ts";
import type { PosixLocks, PosixMappings } from "./posix-memory.ts";

const AT_REMOVEDIR = 0x200;
const AT_EACCESS = 0x200;
const READLINK_SIZE_MAX = 8192;
const STATFS_SIZE = 120;

/** A fresh directory under `parent`, mode 0755, which is removed at the end. */
export class TemporaryLinuxDirectory implements Disposable {
  readonly directory: LinuxDirectory;
  readonly #rootFd: number;
  readonly #path: string;

  constructor(parent: string) {
    this.#path = mkdtempSync(join(parent, "posix-"));
    libc.chmodAt(-100, cString(this.#path), 0o755, 0);
    this.#rootFd = openSync(this.#path, constants.O_RDONLY | constants.O_DIRECTORY);
    this.directory = new LinuxDirectory({
      rootFd: this.#rootFd,
      rootPath: this.#path,
      caller: ROOT_CALLER,
    });
  }

  [Symbol.dispose](): void {
    try {
      rmSync(this.#path, { recursive: true, force: true });
    } catch {
      // A test that failed may have left an immutable file.
      clearFlags(this.directory, "");
      rmSync(this.#path, { recursive: true, force: true });
    } finally {
      closeSync(this.#rootFd);
    }
  }
}

function clearFlags(directory: PosixDirectory, path: string): void {
  const type = directory.lstat(path).mode & S_IFMT;
  if (type !== S_IFDIR && type !== S_IFREG) return;
  const flags = directory.attributes.getFlags(path);
  directory.attributes.setFlags(path, flags & ~(FS_IMMUTABLE_FL | FS_APPEND_FL));
  if (type !== S_IFDIR) return;
  for (const name of namesOf(directory, path)) {
    clearFlags(directory, path === "" ? name : `${path}/${name}`);
  }
}

export class LinuxDirectory implements PosixDirectory {
  readonly attributes: PosixAttributes;
  readonly xattrs: PosixXattrs;
  readonly handles: PosixHandles;
  readonly locks: PosixLocks;
  readonly mappings: PosixMappings;
  readonly #context: LinuxContext;

  constructor(context: LinuxContext) {
    this.#context = context;
    this.attributes = new LinuxAttributes(context);
    this.xattrs = new LinuxXattrs(context);
    this.handles = new LinuxHandles(context);
    this.locks = new LinuxLocks(context);
    this.mappings = new LinuxMappings();
  }

  as(caller: Partial<Caller>): PosixDirectory {
    return new LinuxDirectory({
      ...this.#context,
      caller: { ...this.#context.caller, ...caller },
    });
  }

  mkdir(path: string, mode: number = DIRECTORY_MODE): void {
    runAs(this.#context, () => libc.mkdirAt(this.#context.rootFd, relativePath(path), mode));
  }

  mknod(path: string, mode: number, device: Device = { major: 0, minor: 0 }): void {
    const number = encodeDevice(device);
    runAs(this.#context, () =>
      libc.mknodAt(this.#context.rootFd, relativePath(path), mode, number),
    );
  }

  open(path: string, flags: number, mode: number = FILE_MODE): PosixFile {
    const fd = runAs(this.#context, () =>
      libc.openAt(this.#context.rootFd, relativePath(path), flags, mode),
    );
    return new LinuxFile(this.#context, fd);
  }

  symlink(target: string, path: string): void {
    runAs(this.#context, () =>
      libc.symlinkAt(cString(target), this.#context.rootFd, relativePath(path)),
    );
  }

  link(from: string, to: string, { follow = false }: FollowOption = {}): void {
    const fd = this.#context.rootFd;
    const flags = follow ? AT_SYMLINK_FOLLOW : 0;
    runAs(this.#context, () => libc.linkAt(fd, relativePath(from), fd, relativePath(to), flags));
  }

  unlink(path: string): void {
    runAs(this.#context, () => libc.unlinkAt(this.#context.rootFd, relativePath(path), 0));
  }

  rmdir(path: string): void {
    runAs(this.#context, () =>
      libc.unlinkAt(this.#context.rootFd, relativePath(path), AT_REMOVEDIR),
    );
  }

  rename(from: string, to: string, flags: number = 0): void {
    const fd = this.#context.rootFd;
    runAs(this.#context, () => libc.renameAt(fd, relativePath(from), fd, relativePath(to), flags));
  }

  readlink(path: string): string {
    const buffer = new Uint8Array(READLINK_SIZE_MAX);
    const size = runAs(this.#context, () =>
      libc.readlinkAt(this.#context.rootFd, relativePath(path), buffer, buffer.length),
    );
    return Buffer.from(buffer.subarray(0, size)).toString("latin1");
  }

  openDirectory(path: string): PosixDirectoryStream {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY;
    const fd = runAs(this.#context, () =>
      libc.openAt(this.#context.rootFd, relativePath(path), flags, 0),
    );
    return new LinuxDirectoryStream(this.#context, fd);
  }

  stat(path: string): PosixStat {
    return runAs(this.#context, () => statAt(this.#context.rootFd, relativePath(path), 0));
  }

  lstat(path: string): PosixStat {
    return runAs(this.#context, () =>
      statAt(this.#context.rootFd, relativePath(path), AT_SYMLINK_NOFOLLOW),
    );
  }

  access(path: string, mode: number): void {
    runAs(this.#context, () =>
      libc.access(this.#context.rootFd, relativePath(path), mode, AT_EACCESS),
    );
  }

  statfs(path: string): PosixStatfs {
    const bytes = new Uint8Array(STATFS_SIZE);
    runAs(this.#context, () => {
      const flags = constants.O_RDONLY | constants.O_NONBLOCK;
      const fd = libc.openAt(this.#context.rootFd, relativePath(path), flags, 0);
      try {
        libc.statfs(fd, bytes);
      } finally {
        libc.close(fd);
      }
    });
    return decodeStatfs(new DataView(bytes.buffer));
  }
}

/** gnu_dev_makedev(3). */
function encodeDevice({ major, minor }: Device): bigint {
  const wideMajor = BigInt(major);
  const wideMinor = BigInt(minor);
  return (
    ((wideMajor & 0xfffff000n) << 32n) |
    ((wideMajor & 0xfffn) << 8n) |
    ((wideMinor & 0xffffff00n) << 12n) |
    (wideMinor & 0xffn)
  );
}

/** struct statfs of 64-bit Linux, asm-generic/statfs.h. */
function decodeStatfs(view: DataView): PosixStatfs {
  const count = (at: number): number => Number(view.getBigUint64(at, true));
  return {
    blockSize: count(8),
    blockCount: count(16),
    freeCount: count(24),
    availableCount: count(32),
    fileCount: count(40),
    fileFreeCount: count(48),
    nameSizeMax: count(64),
  };
}
