/**
 * One request's bytes in the hand-off area, and a copy of its first 80 bytes for when the journal overwrites them.
 *
 * What always holds (rule J7): from the moment the kernel has handed a request over until `beginRead`, `recover` finds
 * it whole. The buffer's length word is zeroed before each read; the header is copied, its valid flag stored last,
 * before the journal puts its own header there.
 *
 * Control block, 128 bytes, little-endian:
 *    0 u32 1 = the header counts in the copy, 0 = in the buffer (stored last)
 *   16 u8[80] copy of fuse_in_header (40) and what follows it (fuse_write_in, 40)
 *   96 zeros
 * Region, 1 MiB + 8 KiB: 4016 the request's bytes, 1 MiB + 4 KiB of them, so that a WRITE's data, 80 bytes in, begins on a page.
 */
import { REQUEST_DATA_SIZE_MAX } from "../core/limits.ts";

/** fuse_in_header and fuse_write_in: what a journal record's header may overwrite. */
export const SLOT_HEADER_SIZE = 80;
const PAGE_SIZE = 4096;
/** The largest WRITE with its headers, and room for a header to grow. */
export const SLOT_BYTES_SIZE: number = REQUEST_DATA_SIZE_MAX + PAGE_SIZE;
const BYTES_AT: number = PAGE_SIZE - SLOT_HEADER_SIZE;
export const SLOT_REGION_SIZE: number = REQUEST_DATA_SIZE_MAX + 2 * PAGE_SIZE;
const COPY_AT = 16;
/** fuse_in_header alone: nothing shorter is a request. */
const IN_HEADER_SIZE = 40;

const HEADER_SAVED = 0;

export class RequestSlot {
  /** Where /dev/fuse is read into. */
  readonly bytes: Uint8Array;
  readonly #control: Uint32Array;
  readonly #bufferWords: Uint32Array;
  readonly #copyWords: Uint32Array;

  constructor(buffer: ArrayBuffer, at: { readonly controlAt: number; readonly regionAt: number }) {
    this.bytes = new Uint8Array(buffer, at.regionAt + BYTES_AT, SLOT_BYTES_SIZE);
    this.#control = new Uint32Array(buffer, at.controlAt, 1);
    this.#bufferWords = new Uint32Array(buffer, at.regionAt + BYTES_AT, SLOT_HEADER_SIZE / 4);
    this.#copyWords = new Uint32Array(buffer, at.controlAt + COPY_AT, SLOT_HEADER_SIZE / 4);
  }

  /** Before each read of the device: the request before is answered, parked or in the deferred table. */
  beginRead(): void {
    // In this order: with the flag gone first, what the journal wrote there would pass for a request.
    Atomics.store(this.#bufferWords, 0, 0);
    Atomics.store(this.#control, HEADER_SAVED, 0);
  }

  /** Before the first 80 bytes are overwritten. */
  saveHeader(): void {
    const from = this.#bufferWords;
    const to = this.#copyWords;
    for (let i = 0; i < SLOT_HEADER_SIZE / 4; i++) to[i] = from[i]!;
    Atomics.store(this.#control, HEADER_SAVED, 1);
  }

  /** Length of the request that is here, 0 when there is none; its header is back in `bytes` then. */
  recover(): number {
    const saved = Atomics.load(this.#control, HEADER_SAVED) === 1;
    if (saved) this.#bufferWords.set(this.#copyWords);
    const size = Atomics.load(this.#bufferWords, 0);
    return size >= IN_HEADER_SIZE && size <= SLOT_BYTES_SIZE ? size : 0;
  }
}
