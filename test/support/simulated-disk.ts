/**
 * A disk in memory that forgets what was not synced: for crash tests of the journal (PROTOCOLS.md, checker 4).
 *
 * What it models: a write reaches the page cache, `datasync` makes content and size durable, `syncDirectory` the names. A
 * power cut keeps any subset of unsynced sectors (512 bytes each, each old or new as a whole), either size, and for every
 * name that differs either state, so a rename may lose a file or leave it under both names. A killed process loses no
 * write, but its last one may be cut anywhere. A failed datasync marks the pages clean without having written them, and
 * tells each open file once: the next one on the same descriptor succeeds, the data are gone at the next power cut.
 * Source: Documentation/filesystems/vfs.rst, "Handling errors during writeback".
 */
import { dirname } from "node:path";
import { FsError } from "../../src/core/fs-error.ts";
import type { Prng } from "../../src/core/prng.ts";
import type { Disk, OpenMode } from "../../src/journal/disk.ts";

export const SECTOR_SIZE = 512;

/** Thrown by the call in which the machine or the process stopped, and by every later one until `restart`. */
export class Stopped extends Error {}

export interface SimulatedDiskOptions {
  readonly prng: Prng;
  /** Bytes of all files together; beyond it ENOSPC. */
  readonly capacity?: number;
}

interface Inode {
  readonly number: number;
  cached: Uint8Array;
  durable: Uint8Array;
  /** Sectors of `cached` that a datasync would write. */
  readonly unsynced: Set<number>;
}

interface OpenFile {
  readonly inode: Inode;
  hasError: boolean;
}

export class SimulatedDisk implements Disk {
  readonly #prng: Prng;
  #capacity: number;
  readonly #files = new Map<number, OpenFile>();
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #nextInode = 1;
  #nextFd = 3;
  #callsLeft = Number.POSITIVE_INFINITY;
  #syncsUntilFailure = Number.POSITIVE_INFINITY;
  #isStopped = false;
  /** Changing calls made so far. */
  callCount = 0;

  constructor(options: SimulatedDiskOptions) {
    this.#prng = options.prng;
    this.#capacity = options.capacity ?? Number.POSITIVE_INFINITY;
  }

  /** Stops in the `count`-th changing call from now: it may take effect in part, nothing after it does. */
  stopAfter(count: number): void {
    this.#callsLeft = count;
  }

  /** The `count`-th datasync from now fails with EIO. */
  failDatasync(count: number): void {
    this.#syncsUntilFailure = count;
  }

  /** From now on files may not grow beyond this many bytes together. */
  setCapacity(capacity: number): void {
    this.#capacity = capacity;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** How many descriptors are open: a test for leaks. */
  get openCount(): number {
    return this.#files.size;
  }

  /** The machine lost its power: what was not synced is kept or lost by chance. */
  cutPower(): void {
    const names = new Map<string, Inode>();
    for (const path of new Set([...this.#names.keys(), ...this.#durableNames.keys()])) {
      const inode = this.#coin() ? this.#names.get(path) : this.#durableNames.get(path);
      if (inode) names.set(path, inode);
    }
    for (const inode of new Set(names.values())) this.#settle(inode);
    this.#names = names;
    this.#durableNames = new Map(names);
    this.restart();
  }

  /** The process is gone (or comes back): its descriptors are closed, the page cache stays. */
  restart(): void {
    this.#files.clear();
    this.#callsLeft = Number.POSITIVE_INFINITY;
    this.#syncsUntilFailure = Number.POSITIVE_INFINITY;
    this.#isStopped = false;
  }

  /** The bytes of a file as a reader sees them: shared, so a test may damage them. */
  contentOf(path: string): Uint8Array {
    return this.#inode(path).cached;
  }

  /** A copy of everything, as it would be read after a clean shutdown. */
  fork(prng: Prng): SimulatedDisk {
    const copy = new SimulatedDisk({ prng, capacity: this.#capacity });
    for (const [path, inode] of this.#names) {
      const forked = {
        number: copy.#nextInode++,
        cached: inode.cached.slice(),
        durable: inode.cached.slice(),
        unsynced: new Set<number>(),
      };
      copy.#names.set(path, forked);
      copy.#durableNames.set(path, forked);
    }
    return copy;
  }

  open(path: string, mode: OpenMode): number {
    if (mode === "create") {
      if (this.#names.has(path)) throw new FsError("EEXIST", `open ${path}`);
      this.#change(() => {
        const empty = {
          number: this.#nextInode++,
          cached: new Uint8Array(0),
          durable: new Uint8Array(0),
          unsynced: new Set<number>(),
        };
        this.#names.set(path, empty);
      });
    }
    this.#checkRunning();
    this.#files.set(this.#nextFd, { inode: this.#inode(path), hasError: false });
    return this.#nextFd++;
  }

  /** Once stopped it does nothing: a process that is gone unwinds no stack. */
  close(fd: number): void {
    if (this.#isStopped) return;
    this.#file(fd);
    this.#files.delete(fd);
  }

  read(fd: number, into: Uint8Array, at: number, length: number, position: number): number {
    this.#checkRunning();
    if (at + length > into.length) throw new RangeError("read beyond the buffer");
    const bytes = this.#file(fd).inode.cached.subarray(position, position + length);
    into.set(bytes, at);
    return bytes.length;
  }

  write(fd: number, from: Uint8Array, at: number, length: number, position: number): void {
    if (at + length > from.length) throw new RangeError("write beyond the buffer");
    const { inode } = this.#file(fd);
    this.#checkRoom(inode, position + length);
    this.#change((isLast) => {
      const count = isLast ? this.#prng.below(length + 1) : length;
      this.#store(inode, from.subarray(at, at + count), position);
    });
  }

  size(fd: number): number {
    this.#checkRunning();
    return this.#file(fd).inode.cached.length;
  }

  inode(fd: number): number {
    this.#checkRunning();
    return this.#file(fd).inode.number;
  }

  datasync(fd: number): void {
    const file = this.#file(fd);
    this.#change((isLast) => {
      if (file.hasError) {
        file.hasError = false;
        throw new FsError("EIO", "a write-back failed before");
      }
      if (--this.#syncsUntilFailure === 0) this.#failSync(file);
      if (!isLast) this.#writeBack(file.inode);
    });
  }

  syncDirectory(path: string): void {
    this.#change((isLast) => {
      if (isLast) return;
      for (const name of this.#durableNames.keys())
        if (dirname(name) === path && !this.#names.has(name)) this.#durableNames.delete(name);
      for (const [name, inode] of this.#names)
        if (dirname(name) === path) this.#durableNames.set(name, inode);
    });
  }

  rename(from: string, to: string): void {
    const inode = this.#inode(from);
    this.#change((isLast) => {
      if (isLast && this.#coin()) return;
      this.#names.delete(from);
      this.#names.set(to, inode);
    });
  }

  unlink(path: string): void {
    this.#inode(path);
    this.#change((isLast) => {
      if (isLast && this.#coin()) return;
      this.#names.delete(path);
    });
  }

  list(path: string): string[] {
    this.#checkRunning();
    return [...this.#names.keys()]
      .filter((name) => dirname(name) === path)
      .map((name) => name.slice(path.length + 1));
  }

  makeDirectory(): void {
    this.#checkRunning();
  }

  /** Runs a changing call, the last one before the stop in part. */
  #change(work: (isLast: boolean) => void): void {
    this.#checkRunning();
    this.callCount++;
    const isLast = --this.#callsLeft <= 0;
    work(isLast);
    if (!isLast) return;
    this.#isStopped = true;
    this.#checkRunning();
  }

  #checkRunning(): void {
    if (this.#isStopped) throw new Stopped("the simulated machine stopped");
  }

  #checkRoom(inode: Inode, size: number): void {
    const growth = size - inode.cached.length;
    if (growth <= 0) return;
    let used = growth;
    for (const other of new Set(this.#names.values())) used += other.cached.length;
    if (used > this.#capacity) throw new FsError("ENOSPC", "the simulated disk is full");
  }

  #store(inode: Inode, bytes: Uint8Array, position: number): void {
    const end = position + bytes.length;
    if (end > inode.cached.length) {
      const grown = new Uint8Array(end);
      grown.set(inode.cached);
      inode.cached = grown;
    }
    inode.cached.set(bytes, position);
    for (let at = position - (position % SECTOR_SIZE); at < end; at += SECTOR_SIZE)
      inode.unsynced.add(at / SECTOR_SIZE);
  }

  #writeBack(inode: Inode): void {
    const durable = new Uint8Array(inode.cached.length);
    durable.set(inode.durable.subarray(0, durable.length));
    for (const sector of inode.unsynced) copySector(inode.cached, durable, sector);
    inode.durable = durable;
    inode.unsynced.clear();
  }

  /** The kernel's answer to a failed write-back: the pages are clean now, each open file is told once. */
  #failSync(file: OpenFile): never {
    file.inode.unsynced.clear();
    for (const other of this.#files.values()) if (other.inode === file.inode) other.hasError = true;
    file.hasError = false;
    throw new FsError("EIO", "the simulated disk failed to write");
  }

  #settle(inode: Inode): void {
    const size = this.#coin() ? inode.cached.length : inode.durable.length;
    const settled = new Uint8Array(size);
    settled.set(inode.durable.subarray(0, size));
    for (const sector of inode.unsynced)
      if (this.#coin()) copySector(inode.cached, settled, sector);
    inode.cached = settled;
    inode.durable = settled.slice();
    inode.unsynced.clear();
  }

  #coin(): boolean {
    return this.#prng.below(2) === 0;
  }

  #inode(path: string): Inode {
    const inode = this.#names.get(path);
    if (!inode) throw new FsError("ENOENT", `no file ${path}`);
    return inode;
  }

  #file(fd: number): OpenFile {
    this.#checkRunning();
    const file = this.#files.get(fd);
    if (!file) throw new FsError("EBADF", `descriptor ${fd} is not open`);
    return file;
  }
}

function copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
  const at = sector * SECTOR_SIZE;
  const end = Math.min(at + SECTOR_SIZE, from.length, to.length);
  if (at < end) to.set(from.subarray(at, end), at);
}
