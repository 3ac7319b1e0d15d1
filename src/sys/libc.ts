/**
 * The C library's functions that Node does not offer: the one place that binds them. The files around it, one a noun,
 * turn them into TypeScript; nothing else imports this.
 *
 * Arguments are what C has, numbers and byte arrays; a call returns what C returns, -1 for failure, and `lastErrno`
 * must be asked right after it. 64-bit Linux only (x86-64, arm64): there `long`, `size_t` and `off_t` are 64 bits, and variadic functions
 * take their arguments as fixed ones. A call costs about 0.2 us. A result above 2^53 comes as a bigint.
 */
import koffi from "koffi";

/** Memory that C reads or writes during the call only, an address, or NULL. */
export type Pointer = Uint8Array | bigint | null;

type Call<A extends readonly unknown[], R = number> = (...args: A) => R;

const program = koffi.load(null);

function bind<A extends readonly unknown[], R = number>(definition: string): Call<A, R> {
  return program.func(definition) as unknown as Call<A, R>;
}

/** A function this C library may lack (musl); calling it then is ENOSYS, found by `available`. */
function bindOptional<A extends readonly unknown[]>(definition: string): Call<A> | undefined {
  try {
    return bind<A>(definition);
  } catch {
    return undefined;
  }
}

/**
 * This thread's errno (each thread has a module of its own, so an address of its own). Read in memory: a call to ask for it
 * would give V8 an occasion to collect garbage first, whose waits for other threads leave EAGAIN there.
 * Source: errno(3); __errno_location is the Linux Standard Base's name for where it lies.
 */
const errnoWord = new Int32Array(koffi.view(bind<[], bigint>("void *__errno_location()")(), 4));

/** The calling thread's errno; ask before anything else after a call that failed. */
export function lastErrno(): number {
  return errnoWord[0]!;
}

/** The memory at `address` as an ArrayBuffer that nobody frees. */
export function memoryAt(address: bigint, size: number): ArrayBuffer {
  return koffi.view(address, size);
}

/** The address of `bytes`, valid while the caller holds them (array buffers do not move). */
export function addressOf(bytes: Uint8Array): bigint {
  return koffi.address(bytes);
}

export const poll: Call<[Uint8Array, number, number]> = bind(
  "int poll(void *fds, ulong n, int ms)",
);
export const ppoll: Call<[Uint8Array, number, Uint8Array, null]> = bind(
  "int ppoll(void *fds, ulong n, const void *timeout, const void *mask)",
);
export const read: Call<[number, Uint8Array, number]> = bind("long read(int fd, void *p, ulong n)");
export const write: Call<[number, Uint8Array, number]> = bind(
  "long write(int fd, const void *p, ulong n)",
);
export const open: Call<[Uint8Array, number, number]> = bind(
  "int open(const void *path, int flags, int mode)",
);
export const close: Call<[number]> = bind("int close(int fd)");
export const ioctl: Call<[number, number, Pointer]> = bind(
  "int ioctl(int fd, ulong request, void *argument)",
);
export const fcntl: Call<[number, number, Pointer]> = bind(
  "int fcntl(int fd, int command, void *argument)",
);
export const fcntlNumber: Call<[number, number, number]> = bind(
  "int fcntl(int fd, int command, long argument)",
);
export const flock: Call<[number, number]> = bind("int flock(int fd, int operation)");
export const lseek: Call<[number, number, number]> = bind(
  "long lseek(int fd, long at, int whence)",
);
export const fallocate: Call<[number, number, number, number]> = bind(
  "int fallocate(int fd, int mode, long at, long n)",
);
export const copyFileRange: Call<
  [number, Uint8Array | null, number, Uint8Array | null, number, number]
> = bind("long copy_file_range(int in, void *inAt, int out, void *outAt, ulong n, uint flags)");
export const syncfs: Call<[number]> = bind("int syncfs(int fd)");

export const memfdCreate: Call<[Uint8Array, number]> = bind(
  "int memfd_create(const void *name, uint flags)",
);
export const mmap: Call<[bigint | null, number, number, number, number, number], bigint> = bind(
  "void *mmap(void *address, ulong n, int protection, int flags, int fd, long at)",
);
export const eventfd: Call<[number, number]> = bind("int eventfd(uint initial, int flags)");

export const prctl: Call<[number, Pointer | number, number, number, number]> = bind(
  "int prctl(int option, ulong a, ulong b, ulong c, ulong d)",
);
export const schedGetaffinity: Call<[number, number, Uint8Array]> = bind(
  "int sched_getaffinity(int pid, ulong n, void *mask)",
);

export const socketpair: Call<[number, number, number, Uint8Array]> = bind(
  "int socketpair(int domain, int type, int protocol, void *fds)",
);
export const recvmsg: Call<[number, Uint8Array, number]> = bind(
  "long recvmsg(int fd, void *message, int flags)",
);
export const sendmsg: Call<[number, Uint8Array, number]> = bind(
  "long sendmsg(int fd, const void *message, int flags)",
);

export const mount: Call<[Uint8Array, Uint8Array, Uint8Array, number, Uint8Array | null]> = bind(
  "int mount(const void *source, const void *target, const void *type, ulong flags, const void *data)",
);
export const umount2: Call<[Uint8Array, number]> = bind(
  "int umount2(const void *target, int flags)",
);
export const statfs: Call<[Uint8Array, Uint8Array]> = bind(
  "int statfs(const void *path, void *into)",
);

export const renameat2: Call<[number, Uint8Array, number, Uint8Array, number]> | undefined =
  bindOptional(
    "int renameat2(int oldDir, const void *old, int newDir, const void *new, uint flags)",
  );
export const linkat: Call<[number, Uint8Array, number, Uint8Array, number]> = bind(
  "int linkat(int oldDir, const void *old, int newDir, const void *new, int flags)",
);
export const mknodat: Call<[number, Uint8Array, number, number]> = bind(
  "int mknodat(int dir, const void *path, uint mode, ulong device)",
);
export const utimensat: Call<[number, Uint8Array | null, Uint8Array, number]> = bind(
  "int utimensat(int dir, const void *path, const void *times, int flags)",
);
export const statx: Call<[number, Uint8Array, number, number, Uint8Array]> | undefined =
  bindOptional("int statx(int dir, const void *path, int flags, uint mask, void *into)");

export const lgetxattr: Call<[Uint8Array, Uint8Array, Uint8Array, number]> = bind(
  "long lgetxattr(const void *path, const void *name, void *value, ulong n)",
);
export const lsetxattr: Call<[Uint8Array, Uint8Array, Uint8Array, number, number]> = bind(
  "int lsetxattr(const void *path, const void *name, const void *value, ulong n, int flags)",
);
export const llistxattr: Call<[Uint8Array, Uint8Array, number]> = bind(
  "long llistxattr(const void *path, void *list, ulong n)",
);
export const lremovexattr: Call<[Uint8Array, Uint8Array]> = bind(
  "int lremovexattr(const void *path, const void *name)",
);

export const nameToHandleAt:
  | Call<[number, Uint8Array, Uint8Array, Uint8Array, number]>
  | undefined = bindOptional(
  "int name_to_handle_at(int dir, const void *path, void *handle, void *mountId, int flags)",
);
export const openByHandleAt: Call<[number, Uint8Array, number]> | undefined = bindOptional(
  "int open_by_handle_at(int mount, void *handle, int flags)",
);
