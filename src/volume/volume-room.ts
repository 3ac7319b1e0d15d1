/** How much room the volume's disk has, asked at most every few milliseconds, and when to refuse with ENOSPC (K6). */
import { statfsSync } from "node:fs";
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import type { FileState } from "../vfs/file-state.ts";

/** An answer is good for this long: a statfs costs as much as a small operation. */
const SAMPLE_MS = 50;
/** Kept for the cut and for recovery: two packs, a WAL and a journal segment. */
const RESERVE_SIZE: number = 160 * 1024 * 1024;
/** Small disks would never have that much: at most this share of the disk is kept. */
const RESERVE_SHARE = 0.05;
/** What statfs says of inodes: their numbers do not run out. */
const INODES_FREE = 1_000_000_000;

/** What opening a volume writes before anything can be refused: SQLite's index of its log, and a first cut. */
const OPEN_SIZE: number = 16 * 1024 * 1024;

/** Throws ENOSPC: on a disk that is wholly full SQLite can only die (SIGBUS in the index that it maps). */
export function refuseFullDisk(root: string, sizeMin: number = OPEN_SIZE): void {
  const stat = statfsSync(root);
  const free = stat.bavail * stat.bsize;
  if (free >= sizeMin) return;
  throw new FsError(
    "ENOSPC",
    `the disk of the volume ${root} has ${Math.floor(free / 1024)} KiB free and at least ` +
      `${sizeMin / 1024} are needed to open it: make some room there first`,
  );
}

export interface VolumeSpace {
  /** Bytes that can still be written, and inodes that can still be made. */
  free(): { readonly bytes: number; readonly inodes: number };
  /**
   * Throws ENOSPC when an operation that needs room must be refused, EROFS when nothing may be written. `size`: bytes
   * that are to be kept room for.
   */
  check(size?: number): void;
}

export class VolumeRoom implements VolumeSpace {
  readonly #root: string;
  readonly #state: FileState;
  readonly #clock: Clock;
  /** Changes at a remount; the kernel's own flag stops most writers before us. */
  readOnly: boolean;
  #freeSize = 0;
  #reserveSize = 0;
  #sampledMs: number = -SAMPLE_MS;

  constructor(options: {
    readonly root: string;
    readonly state: FileState;
    readonly clock: Clock;
    readonly readOnly: boolean;
  }) {
    this.#root = options.root;
    this.#state = options.state;
    this.#clock = options.clock;
    this.readOnly = options.readOnly;
  }

  free(): { readonly bytes: number; readonly inodes: number } {
    this.#sample(true);
    const owed = this.#owedSize();
    return {
      bytes: Math.max(0, this.#freeSize - this.#reserveSize - owed),
      inodes: INODES_FREE,
    };
  }

  check(size = 0): void {
    if (this.readOnly) throw new FsError("EROFS", "the volume is open for reading only");
    this.#sample(false);
    if (this.#freeSize - this.#owedSize() - size < this.#reserveSize) {
      const what = size === 0 ? "is full" : `has no room for ${size} bytes`;
      throw new FsError("ENOSPC", `the disk under ${this.#root} ${what}`);
    }
  }

  #sample(now: boolean): void {
    const nowMs = this.#clock.monotonicMs();
    if (!now && nowMs - this.#sampledMs < SAMPLE_MS) return;
    this.#sampledMs = nowMs;
    const stat = statfsSync(this.#root);
    this.#freeSize = stat.bavail * stat.bsize;
    this.#reserveSize = Math.min(RESERVE_SIZE, stat.blocks * stat.bsize * RESERVE_SHARE);
  }

  /** What is acknowledged and will still be written, as packs. */
  #owedSize(): number {
    return this.#state.dirty.byteCount + this.#state.pendingSize;
  }
}
