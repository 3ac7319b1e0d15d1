/**
 * The last decoded frames, for reads smaller than a frame: 32 reads of 4 KiB decode one frame once. Shared by all packs of a
 * thread; bounded in bytes; least recently used goes first.
 *
 * A frame that was read as a whole is not kept: the kernel has it now, and a scan would only wash out what helps.
 * Buffers belong to the cache; a caller copies out of them before it calls again.
 */
import { FRAME_SIZE } from "../core/limits.ts";
import { FRAME_HEADROOM } from "./codec.ts";
import { PACK_FRAME_COUNT_MAX } from "./pack-format.ts";

/** 64 full frames: one for each of as many readers at once, and small beside the 300 MiB of the whole process. */
export const FRAME_CACHE_SIZE_DEFAULT: number = 8 * 1024 * 1024;
/** Keys of one reader: at least the frames of a pack, rounded up to a power of two. */
const KEYS_PER_READER = 16_384;

export class FrameCache {
  /** Where a frame's stored bytes are read to: FRAME_HEADROOM bytes, then the frame. */
  readonly scratch: Buffer = Buffer.allocUnsafeSlow(FRAME_HEADROOM + FRAME_SIZE);
  readonly #sizeMax: number;
  readonly #frames = new Map<number, Buffer>();
  #size = 0;
  #readerCount = 0;
  #latestKey = -1;
  #spare: Buffer | undefined;

  constructor(sizeMax: number = FRAME_CACHE_SIZE_DEFAULT) {
    this.#sizeMax = sizeMax;
  }

  /** Bytes held. */
  get size(): number {
    return this.#size;
  }

  /** First key of a new reader's frames; key = this + number of the frame in the pack. Never given twice. */
  newReaderKey(): number {
    return this.#readerCount++ * KEYS_PER_READER;
  }

  get(key: number): Buffer | undefined {
    const plain = this.#frames.get(key);
    if (plain !== undefined && key !== this.#latestKey) {
      this.#frames.delete(key);
      this.#frames.set(key, plain);
      this.#latestKey = key;
    }
    return plain;
  }

  /** Takes ownership of `plain`. */
  set(key: number, plain: Buffer): void {
    this.delete(key);
    if (plain.length > this.#sizeMax) return;
    for (const oldest of this.#frames.keys()) {
      if (this.#size + plain.length <= this.#sizeMax) break;
      this.delete(oldest);
    }
    this.#frames.set(key, plain);
    this.#size += plain.length;
    this.#latestKey = key;
  }

  delete(key: number): void {
    const plain = this.#frames.get(key);
    if (plain === undefined) return;
    this.#frames.delete(key);
    this.#size -= plain.length;
    if (plain.length === FRAME_SIZE) this.#spare = plain;
  }

  /** A buffer to fill and hand to `set`: one that was evicted, if it fits. */
  newBuffer(length: number): Buffer {
    const spare = this.#spare;
    if (spare === undefined || spare.length !== length) return Buffer.allocUnsafeSlow(length);
    this.#spare = undefined;
    return spare;
  }
}

/** Checked once, when the module loads. */
if (PACK_FRAME_COUNT_MAX > KEYS_PER_READER) throw new Error("a pack's frames fit a reader's keys");
