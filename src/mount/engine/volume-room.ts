/** How much room the volume's disk has, asked at most every few milliseconds, and when to refuse with ENOSPC (K6). */
import { statfsSync } from "node:fs";
import type { Clock } from "../../core/clock.ts";
import { FsError } from "../../core/fs-error.ts";
import type { FileState } from "../../vfs/file-state.ts";
import type { VolumeSpace } from "../front-end/front-end-context.ts";

/** An answer is good for this long: a statfs costs as much as a small operation. */
const SAMPLE_MS = 50;
/** Kept for the cut and for recovery: two packs, a WAL and a journal segment. */
const RESERVE_SIZE: number = 160 * 1024 * 1024;
/** Small disks would never have that much: at most this share of the disk is kept. */
const RESERVE_SHARE = 0.05;
/** Dirty bytes are written once more, as packs. */
const INODES_FREE = 1_000_000_000;

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
    const owed = this.#state.dirty.byteCount + this.#pendingSize();
    return {
      bytes: Math.max(0, this.#freeSize - this.#reserveSize - owed),
      inodes: INODES_FREE,
    };
  }

  check(): void {
    if (this.readOnly) throw new FsError("EROFS", "the volume is mounted read-only");
    this.#sample(false);
    if (this.#freeSize - this.#state.dirty.byteCount < this.#reserveSize) {
      throw new FsError("ENOSPC", `the disk under ${this.#root} is full`);
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

  #pendingSize(): number {
    let size = 0;
    for (const pack of this.#state.pending.values()) size += pack.plainSize;
    return size;
  }
}
