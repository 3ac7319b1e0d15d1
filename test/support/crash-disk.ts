/**
 * A recorded log, played up to any place, and what a crash there may have left (PROTOCOLS.md, checker 4).
 *
 * A killed process leaves all that was written. A machine that lost its power leaves what was fsynced, and of the rest any
 * subset: of sectors of 512 bytes, each old or new as a whole; of a file's two sizes; of the two states of each name.
 */
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Prng } from "../../src/core/prng.ts";
import { isForgotten, type RecordedOperation } from "./recorded-operation.ts";

const SECTOR_SIZE = 512;
const ROOT = 1;

class CrashFile {
  cached: Buffer = Buffer.alloc(0);
  size = 0;
  durable: Buffer = Buffer.alloc(0);
  durableSize = 0;
  readonly unsynced: Set<number> = new Set();

  write(offset: number, data: Uint8Array): void {
    const end = offset + data.length;
    const start = Math.min(offset, this.size);
    this.#grow(end);
    if (end > this.size) this.size = end;
    this.cached.set(data, offset);
    this.#touch(start, end);
  }

  /**
   * What is cut off is not a change of its sectors: the disk has the old size with the old bytes, or the new size.
   * Only when the file grows there again its sectors may be old or new.
   */
  truncate(size: number): void {
    this.#grow(size);
    if (size > this.size) this.#touch(this.size, size);
    else {
      this.cached.fill(0, size, this.size);
      const first = Math.ceil(size / SECTOR_SIZE);
      for (const sector of this.unsynced) if (sector >= first) this.unsynced.delete(sector);
      if (size % SECTOR_SIZE !== 0) this.#touch(size, size + 1);
    }
    this.size = size;
  }

  sync(): void {
    if (this.durable.length < this.cached.length) {
      const grown = Buffer.alloc(this.cached.length);
      this.durable.copy(grown);
      this.durable = grown;
    }
    for (const sector of this.unsynced) copySector(this.cached, this.durable, sector);
    this.unsynced.clear();
    this.durableSize = this.size;
  }

  /** What is left of it; shared with this object unless something was chosen. */
  settled(keep: Keep): Buffer {
    const isChanged = this.unsynced.size > 0 || this.size !== this.durableSize;
    if (keep === "all" || !isChanged) return this.cached.subarray(0, this.size);
    if (keep === "none") return padded(this.durable, this.durableSize);
    const size = keep.below(2) === 0 ? this.size : this.durableSize;
    const bytes = Buffer.alloc(size);
    this.durable.copy(bytes, 0, 0, Math.min(size, this.durableSize));
    for (const sector of this.unsynced) {
      if (keep.below(2) === 0) copySector(this.cached, bytes, sector);
    }
    return bytes;
  }

  #grow(size: number): void {
    if (size <= this.cached.length) return;
    const grown = Buffer.alloc(Math.max(size, this.cached.length * 2));
    this.cached.copy(grown);
    this.cached = grown;
  }

  #touch(start: number, end: number): void {
    const last = Math.floor((end - 1) / SECTOR_SIZE);
    for (let i = Math.floor(start / SECTOR_SIZE); i <= last; i++) this.unsynced.add(i);
  }
}

class CrashDirectory {
  readonly cached: Map<string, number> = new Map();
  readonly durable: Map<string, number> = new Map();

  sync(): void {
    this.durable.clear();
    for (const [name, ino] of this.cached) this.durable.set(name, ino);
  }

  /** In an order of its own, so that one seed means one state. */
  settled(keep: Keep): Map<string, number> {
    if (keep === "all") return this.cached;
    if (keep === "none") return this.durable;
    const names = new Map<string, number>();
    for (const name of [...new Set([...this.durable.keys(), ...this.cached.keys()])].sort()) {
      const [old, now] = [this.durable.get(name), this.cached.get(name)];
      const ino = old === now || keep.below(2) === 0 ? now : old;
      if (ino !== undefined) names.set(name, ino);
    }
    return names;
  }
}

/** Which of the unsynced changes are on the disk: all (a killed process), none, or any. */
export type Keep = "all" | "none" | Prng;

export class CrashDisk {
  readonly #files = new Map<number, CrashFile>();
  readonly #directories = new Map<number, CrashDirectory>([[ROOT, new CrashDirectory()]]);
  /** Grows with every operation that changes what "none" leaves. */
  durableVersion = 0;
  /** As `durableVersion`, for what "all" leaves. */
  cachedVersion = 0;

  apply(operation: RecordedOperation): void {
    if (operation.kind === "mark") return;
    if (operation.kind === "sync") {
      this.#file(operation.ino).sync();
      this.durableVersion++;
      return;
    }
    if (operation.kind === "syncDirectory") {
      this.#directory(operation.ino).sync();
      this.durableVersion++;
      return;
    }
    this.#change(operation);
    this.cachedVersion++;
  }

  /** All that was done so far lies before what is tested: it is on the disk. */
  syncAll(): void {
    for (const file of this.#files.values()) file.sync();
    for (const directory of this.#directories.values()) directory.sync();
    this.durableVersion++;
  }

  /** Writes what is left to `target`, which must not be there. Two names of one file stay that. */
  materialize(keep: Keep, target: string): void {
    const firstPaths = new Map<number, string>();
    const visit = (ino: number, path: string): void => {
      mkdirSync(path);
      for (const [name, child] of this.#directory(ino).settled(keep)) {
        if (isForgotten(name)) continue;
        const childPath = join(path, name);
        if (this.#directories.has(child)) visit(child, childPath);
        else this.#materializeFile(child, { keep, path: childPath, firstPaths });
      }
    };
    visit(ROOT, target);
  }

  #materializeFile(
    ino: number,
    place: { readonly keep: Keep; readonly path: string; readonly firstPaths: Map<number, string> },
  ): void {
    const first = place.firstPaths.get(ino);
    if (first !== undefined) {
      linkSync(first, place.path);
      return;
    }
    place.firstPaths.set(ino, place.path);
    writeFileSync(place.path, this.#file(ino).settled(place.keep), { mode: 0o600 });
  }

  #change(
    operation: Exclude<RecordedOperation, { kind: "mark" | "sync" | "syncDirectory" }>,
  ): void {
    switch (operation.kind) {
      case "write":
        this.#file(operation.ino).write(operation.offset, operation.data);
        return;
      case "truncate":
        this.#file(operation.ino).truncate(operation.size);
        return;
      case "create":
        if (operation.isDirectory) this.#directories.set(operation.ino, new CrashDirectory());
        else this.#files.set(operation.ino, new CrashFile());
        this.#directory(operation.parent).cached.set(operation.name, operation.ino);
        return;
      case "link":
        this.#directory(operation.parent).cached.set(operation.name, operation.ino);
        return;
      case "unlink":
        this.#directory(operation.parent).cached.delete(operation.name);
        return;
      case "rename": {
        const from = this.#directory(operation.parent).cached;
        const ino = from.get(operation.name)!;
        from.delete(operation.name);
        this.#directory(operation.newParent).cached.set(operation.newName, ino);
      }
    }
  }

  #file(ino: number): CrashFile {
    const file = this.#files.get(ino);
    if (file === undefined) throw new Error(`the log has no file ${ino}`);
    return file;
  }

  #directory(ino: number): CrashDirectory {
    const directory = this.#directories.get(ino);
    if (directory === undefined) throw new Error(`the log has no directory ${ino}`);
    return directory;
  }
}

function copySector(from: Uint8Array, to: Uint8Array, sector: number): void {
  const at = sector * SECTOR_SIZE;
  const end = Math.min(at + SECTOR_SIZE, from.length, to.length);
  if (at < end) to.set(from.subarray(at, end), at);
}

function padded(bytes: Buffer, size: number): Buffer {
  if (bytes.length >= size) return bytes.subarray(0, size);
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]);
}
