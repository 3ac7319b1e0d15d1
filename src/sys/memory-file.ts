/**
 * Files of memory alone that several processes map: what one wrote before it was killed, the next one finds.
 * Source: memfd_create(2), mmap(2).
 */
import { ftruncateSync } from "node:fs";
import { FsError } from "../core/fs-error.ts";
import { checked, cString, errnoError } from "./errno.ts";
import * as libc from "./libc.ts";

const MFD_CLOEXEC = 1;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_POPULATE = 0x8000;

/** MAP_FAILED, (void *)-1, as koffi returns it. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** A descriptor of `size` zero bytes; closed on exec, so name it in a child's stdio to hand it on. `name` shows in /proc. */
export function createMemoryFile(name: string, size: number): number {
  const fd = checked(libc.memfdCreate(cString(name), MFD_CLOEXEC), `memfd_create ${name}`);
  ftruncateSync(fd, size);
  return fd;
}

export interface MapOptions {
  /** Multiple of the page size. */
  readonly offset?: number;
  readonly size: number;
  /** Touch every page now, so that none can fail later for want of memory. */
  readonly populate?: boolean;
}

/**
 * Maps a file's range shared, for reading and writing. The mapping lives as long as the process: there is no unmap, for a
 * view that outlived it would crash. The descriptor may be closed afterwards.
 */
export function mapShared(fd: number, options: MapOptions): ArrayBuffer {
  if (options.size <= 0) throw new FsError("EINVAL", `mmap of ${options.size} bytes`);
  const flags = options.populate === true ? MAP_SHARED | MAP_POPULATE : MAP_SHARED;
  const address = libc.mmap(
    null,
    options.size,
    PROT_READ | PROT_WRITE,
    flags,
    fd,
    options.offset ?? 0,
  );
  if (address === MAP_FAILED)
    throw errnoError(libc.lastErrno(), `mmap of ${options.size} bytes of descriptor ${fd}`);
  return libc.memoryAt(address, options.size);
}
