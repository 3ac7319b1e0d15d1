/**
 * The calls of the C library that Node lacks, for tests that need the exact errno of one system call.
 *
 * Every call that fails throws FsError with the call's name; nothing is retried. Ids are changed by the raw system call,
 * so for this thread alone (the C library's wrappers change every thread, and so would break Node's own pool).
 * Source: man pages of section 2; struct statx from linux/stat.h, struct linux_dirent64 from getdents64(2).
 */
import koffi from "koffi";
import { ERRNO, type ErrorCode, FsError } from "../../src/core/fs-error.ts";
import { lastErrno } from "../../src/sys/libc.ts";

const library = koffi.load("libc.so.6");

interface SyscallNumbers {
  readonly setgroups: number;
  readonly setresgid: number;
  readonly setresuid: number;
}

/** Source: arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h for arm64. */
const SYSCALLS: Readonly<Record<string, SyscallNumbers>> = {
  x64: { setgroups: 116, setresuid: 117, setresgid: 119 },
  arm64: { setresuid: 147, setresgid: 149, setgroups: 159 },
};

const CODE_BY_ERRNO = new Map<number, ErrorCode>(
  Object.entries(ERRNO).map(([code, number]) => [number, code as ErrorCode]),
);

/** A C function of integers and buffers that reports failure as -1; the returned function throws instead. */
function bind(name: string, result: string, parameters: readonly string[]): LibcCall {
  const call = library.func(name, result, [...parameters]);
  return (...args) => {
    const value = call(...args);
    const errno = lastErrno();
    if (Number(value) === -1) throw failure(name, errno);
    return Number(value);
  };
}

export type LibcCall = (...args: (number | bigint | Uint8Array | null)[]) => number;

export function failure(name: string, errno: number): Error {
  const code = CODE_BY_ERRNO.get(errno);
  if (code === undefined) return new Error(`${name}: errno ${errno} has no name here`);
  return new FsError(code, name);
}

/** A NUL-terminated C string from a string of bytes. */
export function cString(bytes: string): Uint8Array {
  const result = new Uint8Array(bytes.length + 1);
  for (let i = 0; i < bytes.length; i++) {
    const code = bytes.charCodeAt(i);
    if (code === 0 || code > 255) throw new RangeError(`not a byte of a name: ${code}`);
    result[i] = code;
  }
  return result;
}

/** Our name for it: its name in C, what it returns, what it takes. */
const SIGNATURES = {
  access: ["faccessat", "int", ["int", "void *", "int", "int"]],
  chmodAt: ["fchmodat", "int", ["int", "void *", "uint32", "int"]],
  chownAt: ["fchownat", "int", ["int", "void *", "uint32", "uint32", "int"]],
  close: ["close", "int", ["int"]],
  copyFileRange: ["copy_file_range", "int64", ["int", "void *", "int", "void *", "size_t", "uint"]],
  fallocate: ["fallocate", "int", ["int", "int", "int64", "int64"]],
  fchmod: ["fchmod", "int", ["int", "uint32"]],
  fchown: ["fchown", "int", ["int", "uint32", "uint32"]],
  fcntl: ["fcntl", "int", ["int", "int", "void *"]],
  fdatasync: ["fdatasync", "int", ["int"]],
  flock: ["flock", "int", ["int", "int"]],
  fsync: ["fsync", "int", ["int"]],
  ftruncate: ["ftruncate", "int", ["int", "int64"]],
  futimens: ["futimens", "int", ["int", "void *"]],
  getdents: ["getdents64", "int64", ["int", "void *", "size_t"]],
  getxattr: ["getxattr", "int64", ["void *", "void *", "void *", "size_t"]],
  ioctl: ["ioctl", "int", ["int", "ulong", "void *"]],
  lgetxattr: ["lgetxattr", "int64", ["void *", "void *", "void *", "size_t"]],
  linkAt: ["linkat", "int", ["int", "void *", "int", "void *", "int"]],
  listxattr: ["listxattr", "int64", ["void *", "void *", "size_t"]],
  llistxattr: ["llistxattr", "int64", ["void *", "void *", "size_t"]],
  lremovexattr: ["lremovexattr", "int", ["void *", "void *"]],
  lseek: ["lseek", "int64", ["int", "int64", "int"]],
  lsetxattr: ["lsetxattr", "int", ["void *", "void *", "void *", "size_t", "int"]],
  mkdirAt: ["mkdirat", "int", ["int", "void *", "uint32"]],
  mknodAt: ["mknodat", "int", ["int", "void *", "uint32", "uint64"]],
  nameToHandle: ["name_to_handle_at", "int", ["int", "void *", "void *", "void *", "int"]],
  openAt: ["openat", "int", ["int", "void *", "int", "uint32"]],
  openByHandle: ["open_by_handle_at", "int", ["int", "void *", "int"]],
  pread: ["pread", "int64", ["int", "void *", "size_t", "int64"]],
  pwrite: ["pwrite", "int64", ["int", "void *", "size_t", "int64"]],
  readlinkAt: ["readlinkat", "int64", ["int", "void *", "void *", "size_t"]],
  removexattr: ["removexattr", "int", ["void *", "void *"]],
  renameAt: ["renameat2", "int", ["int", "void *", "int", "void *", "uint"]],
  setxattr: ["setxattr", "int", ["void *", "void *", "void *", "size_t", "int"]],
  statfs: ["fstatfs", "int", ["int", "void *"]],
  statx: ["statx", "int", ["int", "void *", "int", "uint", "void *"]],
  symlinkAt: ["symlinkat", "int", ["void *", "int", "void *"]],
  truncate: ["truncate", "int", ["void *", "int64"]],
  umask: ["umask", "int", ["uint32"]],
  unlinkAt: ["unlinkat", "int", ["int", "void *", "int"]],
  utimensAt: ["utimensat", "int", ["int", "void *", "void *", "int"]],
} as const;

export const libc: Readonly<Record<keyof typeof SIGNATURES, LibcCall>> = Object.fromEntries(
  Object.entries(SIGNATURES).map(([key, [name, result, parameters]]) => [
    key,
    bind(name, result, parameters),
  ]),
) as Record<keyof typeof SIGNATURES, LibcCall>;

const syscall3 = bind("syscall", "long", ["long", "long", "long", "long"]);
const syscallBytes = bind("syscall", "long", ["long", "long", "void *"]);

/** Changes the effective ids and supplementary groups of this thread; root's saved ids stay, so that 0 leads back. */
export function becomeOnThisThread(uid: number, gid: number, groups: readonly number[]): void {
  const numbers = SYSCALLS[process.arch];
  if (numbers === undefined) throw new Error(`no system call numbers for ${process.arch}`);
  if (uid === 0) syscall3(numbers.setresuid, -1, 0, -1);
  const list = new Uint8Array(new Uint32Array(groups).buffer);
  syscallBytes(numbers.setgroups, groups.length, list);
  syscall3(numbers.setresgid, -1, gid, -1);
  if (uid !== 0) syscall3(numbers.setresuid, -1, uid, -1);
}

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const rawMmap = library.func("mmap", "void *", ["void *", "size_t", "int", "int", "int", "int64"]);
const munmapCall = library.func("munmap", "int", ["void *", "size_t"]);
const msyncCall = library.func("msync", "int", ["void *", "size_t", "int"]);
const MS_SYNC = 4;

export interface MappedMemory {
  readonly bytes: Uint8Array;
  sync(): void;
  unmap(): void;
}

export interface MmapArguments {
  readonly fd: number;
  readonly length: number;
  /** PROT_READ 1, PROT_WRITE 2. */
  readonly protection: number;
  /** MAP_SHARED 1, MAP_PRIVATE 2. */
  readonly flags: number;
  readonly offset: number;
}

export function mmap(args: MmapArguments): MappedMemory {
  const address = rawMmap(
    null,
    args.length,
    args.protection,
    args.flags,
    args.fd,
    args.offset,
  ) as bigint;
  if (BigInt.asUintN(64, address) === MAP_FAILED) throw failure("mmap", lastErrno());
  return {
    bytes: new Uint8Array(koffi.view(address, args.length)),
    sync() {
      if (msyncCall(address, args.length, MS_SYNC) === -1) throw failure("msync", lastErrno());
    },
    unmap() {
      if (munmapCall(address, args.length) === -1) throw failure("munmap", lastErrno());
    },
  };
}
