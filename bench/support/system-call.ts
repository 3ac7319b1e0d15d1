/** The system calls that the benchmarks time, called directly: Node's own fs costs as much as a cached stat. */
import koffi from "koffi";

const libc = koffi.load("libc.so.6");
export const open = libc.func("int open(const char *path, int flags, int mode)") as (
  path: string,
  flags: number,
  mode: number,
) => number;
export const close = libc.func("int close(int fd)") as (fd: number) => number;
export const write = libc.func("long write(int fd, const void *buf, size_t n)") as (
  fd: number,
  from: Uint8Array,
  size: number,
) => number;
export const read = libc.func("long read(int fd, void *buf, size_t n)") as (
  fd: number,
  into: Uint8Array,
  size: number,
) => number;
export const pwrite = libc.func("long pwrite(int fd, const void *buf, size_t n, long at)") as (
  fd: number,
  from: Uint8Array,
  size: number,
  at: number,
) => number;
export const pread = libc.func("long pread(int fd, void *buf, size_t n, long at)") as (
  fd: number,
  into: Uint8Array,
  size: number,
  at: number,
) => number;
export const fdatasync = libc.func("int fdatasync(int fd)") as (fd: number) => number;
export const chmod = libc.func("int chmod(const char *path, int mode)") as (
  path: string,
  mode: number,
) => number;
export const rename = libc.func("int rename(const char *from, const char *to)") as (
  from: string,
  to: string,
) => number;
export const link = libc.func("int link(const char *from, const char *to)") as (
  from: string,
  to: string,
) => number;
export const unlink = libc.func("int unlink(const char *path)") as (path: string) => number;
export const mkdir = libc.func("int mkdir(const char *path, int mode)") as (
  path: string,
  mode: number,
) => number;
export const rmdir = libc.func("int rmdir(const char *path)") as (path: string) => number;
export const access = libc.func("int access(const char *path, int mode)") as (
  path: string,
  mode: number,
) => number;

/** Throws when a call that is being timed failed: a benchmark of errors is none. */
export function must(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed`);
  return result;
}
