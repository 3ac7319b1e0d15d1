/**
 * Bytes that arrived and are not decoded yet, in one piece, as a span whose cursor the decoder moves.
 *
 * Memory is the most that was ever waiting: a caller that feeds small chunks and takes all it can in between holds little.
 */
import type { Span } from "./lz4-block.ts";

const CAPACITY_FIRST = 4096;

export class ByteQueue implements Span {
  bytes: Uint8Array = new Uint8Array(CAPACITY_FIRST);
  view: DataView = new DataView(this.bytes.buffer);
  at = 0;
  end = 0;

  get length(): number {
    return this.end - this.at;
  }

  /** Copies `chunk` behind what waits. */
  append(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.bytes.length) this.#makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  #makeRoom(more: number): void {
    const { at, end, bytes } = this;
    if (end - at + more > bytes.length) {
      const capacity = Math.max(end - at + more, bytes.length * 2);
      this.bytes = new Uint8Array(capacity);
      this.view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(bytes.subarray(at, end), 0);
    this.at = 0;
    this.end = end - at;
  }
}
