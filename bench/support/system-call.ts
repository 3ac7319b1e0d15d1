/**
 * The system calls that the benchmarks time, called directly: Node's own fs costs as much as a cached stat.
 *
 * Paths are bytes that end in NUL (`cPath`), made before the clock starts. 64-bit Linux with glibc only.
 */
import koffi from "koffi";

const libc = koffi.load("libc.so.6");

type Call<A extends readonly unknown[]> = (...args: A) => number;

function bind<A extends readonly unknown[]>(definition: string): Call<A> {
  return libc.func(definition) as unknown as Call<A>;
}

type Path = Uint8Array;

export const open: Call<[Path, number, number]> = bind(
  "int open(const void *path, int flags, int mode)",
);
export const close: Call<[number]> = bind("int close(int fd)");
export const write: Call<[number, Uint8Array, number]> = bind(
  "long write(int fd, const void *from, size_t n)",
);
export const read: Call<[number, Uint8Array, number]> = bind(
  "long read(int fd, void *into, size_t n)",
);
export const pwrite: Call<[number, Uint8Array, number, number]> = bind(
  "long pwrite(int fd, const void *from, size_t n, long at)",
);
export const pread: Call<[number, Uint8Array, number, number]> = bind(
  "long pread(int fd, void *into, size_t n, long at)",
);
export const fdatasync: Call<[number]> = bind("int fdatasync(int fd)");
/** Drops the pages of a file that are not dirty. */
export const fadvise: Call<[number, number, number, number]> = bind(
  "int posix_fadvise(int fd, long at, long size, int advice)",
);
export const fsync: Call<[number]> = bind("int fsync(int fd)");
export const chmod: Call<[Path, number]> = bind("int chmod(const void *path, int mode)");
export const rename: Call<[Path, Path]> = bind("int rename(const void *from, const void *to)");
export const link: Call<[Path, Path]> = bind("int link(const void *from, const void *to)");
export const unlink: Call<[Path]> = bind("int unlink(const void *path)");
export const mkdir: Call<[Path, number]> = bind("int mkdir(const void *path, int mode)");
export const rmdir: Call<[Path]> = bind("int rmdir(const void *path)");
export const statx: Call<[number, Path, number, number, Uint8Array]> = bind(
  "int statx(int at, const void *path, int flags, uint mask, void *into)",
);
export const setxattr: Call<[Path, Path, Uint8Array, number, number]> = bind(
  "int setxattr(const void *path, const void *name, const void *value, size_t n, int flags)",
);
export const getxattr: Call<[Path, Path, Uint8Array, number]> = bind(
  "long getxattr(const void *path, const void *name, void *into, size_t n)",
);
export const getdents64: Call<[number, Uint8Array, number]> = bind(
  "long getdents64(int fd, void *into, size_t n)",
);
const setAffinity: Call<[number, number, Uint8Array]> = bind(
  "int sched_setaffinity(int pid, size_t n, const void *mask)",
);

export const AT_FDCWD: number = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** What stat(2) asks for. */
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_SIZE = 256;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_APPEND = 0o2000;
export const O_DIRECTORY = 0o200000;
export const POSIX_FADV_DONTNEED = 4;
/** Bytes of a CPU mask: 1,024 CPUs, as in glibc's cpu_set_t. */
const CPU_MASK_SIZE = 128;

const encoder = new TextEncoder();

/** `path` as C wants it. */
export function cPath(path: string): Uint8Array {
  return encoder.encode(`${path}\0`);
}

/** The errno of the call that failed last on this thread. */
export function lastErrno(): number {
  return koffi.errno();
}

/** Throws when a call that is being timed failed: a benchmark of errors is none. */
export function must(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} failed with errno ${lastErrno()}`);
  return result;
}

/** Binds the calling thread, and what it starts, to `cpu`; to every CPU when undefined. */
export function pinThread(cpu: number | undefined): void {
  const mask = new Uint8Array(CPU_MASK_SIZE);
  if (cpu === undefined) mask.fill(0xff);
  else mask[cpu >> 3] = 1 << (cpu & 7);
  must(setAffinity(0, CPU_MASK_SIZE, mask), "sched_setaffinity");
}
