/**
 * The spares of one journal directory: taken for new segments, refilled by recycled ones, by a worker, or at need here.
 *
 * What always holds: a file in the pool has the full size and both descriptors open; every number is given out once, so a
 * worker and the engine never make the same file. Rule K6: the engine leaves one spare for the cut and for recovery.
 */
import { join } from "node:path";
import { FsError } from "../core/fs-error.ts";
import type { Disk } from "./disk.ts";
import { fillSpare, type SpareOrder } from "./spare.ts";
import { parseSegmentName, parseSpareName, spareName } from "./segment.ts";
import { openSpare, type SegmentFile, type SpareFile } from "./segment-file.ts";

/** Recycled files beyond this are unlinked: a burst goes on without filling, an idle volume gives the space back. */
export const SPARE_COUNT_MAX = 4;

export interface SparePoolOptions {
  readonly disk: Disk;
  readonly dir: string;
  readonly segmentSize: number;
}

export class SparePool {
  readonly #disk: Disk;
  readonly #dir: string;
  readonly #segmentSize: number;
  readonly #spares: SpareFile[] = [];
  #orderCount = 0;
  #nextNumber = 1;

  /**
   * Adopts the whole spares of the directory. Unlinks partial ones, those of another size, and second names of a segment or
   * of another spare: a rename that a crash left half done must not let a live segment be overwritten as a spare.
   */
  constructor(options: SparePoolOptions) {
    this.#disk = options.disk;
    this.#dir = options.dir;
    this.#segmentSize = options.segmentSize;
    const names = this.#disk.list(this.#dir);
    const inodes = new Set<number>();
    for (const name of names)
      if (parseSegmentName(name) !== undefined) inodes.add(this.#inodeOf(join(this.#dir, name)));
    for (const name of names) {
      const spare = parseSpareName(name);
      if (!spare) continue;
      this.#nextNumber = Math.max(this.#nextNumber, spare.number + 1);
      const path = join(this.#dir, name);
      const inode = this.#inodeOf(path);
      if (spare.isPartial || inodes.has(inode)) this.#disk.unlink(path);
      else this.#adopt(path);
      inodes.add(inode);
    }
  }

  /** Spares that can be taken now. */
  get count(): number {
    return this.#spares.length;
  }

  /** Spares a worker is making. */
  get orderCount(): number {
    return this.#orderCount;
  }

  take(): SpareFile | undefined {
    return this.#spares.pop();
  }

  /** For a worker to make; ends with `ready` or `failed`. */
  order(): SpareOrder {
    this.#orderCount++;
    return { dir: this.#dir, number: this.#nextNumber++, size: this.#segmentSize };
  }

  ready(order: SpareOrder): void {
    this.#orderCount--;
    this.#adopt(join(this.#dir, spareName(order.number)));
  }

  failed(): void {
    this.#orderCount--;
  }

  /** Makes a spare here and now; false when the disk or the quota is full. */
  tryMake(): boolean {
    try {
      this.#adopt(this.#fill(this.#segmentSize));
    } catch (error) {
      if (error instanceof FsError && (error.code === "ENOSPC" || error.code === "EDQUOT"))
        return false;
      throw error;
    }
    return true;
  }

  /** A spare of at least `size` bytes, out of the pool or made now; for recovery. Throws ENOSPC when there is no room. */
  takeOfSize(size: number): SpareFile {
    const spare = size <= this.#segmentSize ? this.take() : undefined;
    return spare ?? openSpare(this.#disk, this.#fill(Math.max(size, this.#segmentSize)));
  }

  /** Takes a segment that nobody needs; `segment` is not used after this. */
  recycle(segment: SegmentFile): void {
    if (this.#spares.length >= SPARE_COUNT_MAX || segment.header.size !== this.#segmentSize) {
      this.#disk.close(segment.fd);
      this.#disk.close(segment.flushFd);
      this.#disk.unlink(segment.path);
      return;
    }
    const path = join(this.#dir, spareName(this.#nextNumber++));
    this.#disk.rename(segment.path, path);
    this.#spares.unshift({ path, fd: segment.fd, flushFd: segment.flushFd });
  }

  close(): void {
    for (const spare of this.#spares) {
      this.#disk.close(spare.fd);
      this.#disk.close(spare.flushFd);
    }
    this.#spares.length = 0;
  }

  #fill(size: number): string {
    const order = { dir: this.#dir, number: this.#nextNumber++, size };
    fillSpare(this.#disk, order, { sync: false });
    return join(this.#dir, spareName(order.number));
  }

  #inodeOf(path: string): number {
    const fd = this.#disk.open(path, "read");
    const inode = this.#disk.inode(fd);
    this.#disk.close(fd);
    return inode;
  }

  #adopt(path: string): void {
    const spare = openSpare(this.#disk, path);
    if (this.#disk.size(spare.fd) === this.#segmentSize) {
      this.#spares.push(spare);
      return;
    }
    this.#disk.close(spare.fd);
    this.#disk.close(spare.flushFd);
    this.#disk.unlink(path);
  }
}
