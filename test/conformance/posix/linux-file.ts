/** Open files and directory streams of the Linux driver: descriptors, and the system calls upon them. */
import { libc, cString } from "../../support/posix-libc.ts";
import {
  AT_SYMLINK_FOLLOW,
  encodeTimes,
  ID_UNCHANGED,
  type LinuxContext,
  relativePath,
  runAs,
  statFd,
} from "./linux-context.ts";
import type { Caller, Owner, PosixStat, TimeChanges } from "./posix-directory.ts";
import type { CopyRange, PosixDirectoryStream, PosixEntry, PosixFile } from "./posix-file.ts";

const SEEK_SET = 0;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const AT_FDCWD = -100;
/** Fixed part of struct linux_dirent64: u64 ino, s64 offset, u16 record size, u8 type. */
const DIRENT_NAME_OFFSET = 19;

export class LinuxFile implements PosixFile {
  readonly fd: number;
  readonly #context: LinuxContext;
  #isClosed = false;

  constructor(context: LinuxContext, fd: number) {
    this.#context = context;
    this.fd = fd;
  }

  /** Shares the descriptor: only one of the two is to be closed. */
  as(caller: Partial<Caller>): PosixFile {
    const context = { ...this.#context, caller: { ...this.#context.caller, ...caller } };
    return new LinuxFile(context, this.fd);
  }

  read(offset: number | bigint, size: number): Uint8Array {
    const buffer = new Uint8Array(size);
    const count = runAs(this.#context, () => libc.pread(this.fd, buffer, size, offset));
    return buffer.subarray(0, count);
  }

  write(offset: number | bigint, bytes: Uint8Array): number {
    return runAs(this.#context, () => libc.pwrite(this.fd, bytes, bytes.length, offset));
  }

  truncate(size: number | bigint): void {
    runAs(this.#context, () => libc.ftruncate(this.fd, size));
  }

  allocate(mode: number, offset: number | bigint, length: number | bigint): void {
    runAs(this.#context, () => libc.fallocate(this.fd, mode, offset, length));
  }

  seek(kind: "data" | "hole", offset: number | bigint): number {
    return libc.lseek(this.fd, offset, kind === "data" ? SEEK_DATA : SEEK_HOLE);
  }

  copyTo(target: PosixFile, { from, to, length }: CopyRange): number {
    if (!(target instanceof LinuxFile)) throw new TypeError("the target is of another driver");
    const source = new BigInt64Array([BigInt(from)]);
    const destination = new BigInt64Array([BigInt(to)]);
    return runAs(this.#context, () =>
      libc.copyFileRange(
        this.fd,
        new Uint8Array(source.buffer),
        target.fd,
        new Uint8Array(destination.buffer),
        length,
        0,
      ),
    );
  }

  sync(kind: "data" | "all"): void {
    if (kind === "data") libc.fdatasync(this.fd);
    else libc.fsync(this.fd);
  }

  stat(): PosixStat {
    return statFd(this.fd);
  }

  chmod(mode: number): void {
    runAs(this.#context, () => libc.fchmod(this.fd, mode));
  }

  chown({ uid = ID_UNCHANGED, gid = ID_UNCHANGED }: Owner): void {
    runAs(this.#context, () => libc.fchown(this.fd, uid, gid));
  }

  utimens(times: TimeChanges): void {
    runAs(this.#context, () => libc.futimens(this.fd, encodeTimes(times)));
  }

  linkAs(path: string): void {
    const source = cString(`/proc/self/fd/${this.fd}`);
    runAs(this.#context, () =>
      libc.linkAt(AT_FDCWD, source, this.#context.rootFd, relativePath(path), AT_SYMLINK_FOLLOW),
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    libc.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export class LinuxDirectoryStream implements PosixDirectoryStream {
  readonly #context: LinuxContext;
  readonly #fd: number;
  #isClosed = false;

  constructor(context: LinuxContext, fd: number) {
    this.#context = context;
    this.#fd = fd;
  }

  read(bufferSize: number): PosixEntry[] {
    const buffer = new Uint8Array(bufferSize);
    const size = runAs(this.#context, () => libc.getdents(this.#fd, buffer, bufferSize));
    return decodeEntries(buffer.subarray(0, size));
  }

  seek(cookie: bigint): void {
    libc.lseek(this.#fd, cookie, SEEK_SET);
  }

  sync(): void {
    libc.fsync(this.#fd);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    libc.close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function decodeEntries(bytes: Uint8Array): PosixEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: PosixEntry[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint16(at + 16, true)) {
    const nameStart = at + DIRENT_NAME_OFFSET;
    const name = bytes.subarray(nameStart, bytes.indexOf(0, nameStart));
    entries.push({
      ino: Number(view.getBigUint64(at, true)),
      cookie: view.getBigInt64(at + 8, true),
      type: view.getUint8(at + 18),
      name: Buffer.from(name).toString("latin1"),
    });
  }
  return entries;
}
