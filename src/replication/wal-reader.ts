/**
 * Reads committed frames of a write-ahead log up to a position that SQLite itself gave (rule K4: never the file's size).
 *
 * What always holds: everything up to the position is there and whole, or a CorruptError says which frame is not: frames
 * that SQLite counts as committed cannot be missing. What lies behind the position is not looked at.
 */
import { CorruptError } from "../core/fs-error.ts";
import {
  decodeFrame,
  decodeWalHeader,
  FRAME_HEADER_SIZE,
  frameChecksum,
  headerChecksum,
  WAL_HEADER_SIZE,
  type WalChecksum,
  type WalHeader,
} from "./wal-format.ts";

/** Read at a time. */
const READ_SIZE: number = 1024 * 1024;

export interface WalSource {
  /** For messages. */
  readonly name: string;
  /** Fills `into` from `offset` on and returns how many bytes there were: fewer at the end of the file only. */
  read(into: Uint8Array, offset: number): number;
}

/** What `PRAGMA wal_checkpoint(NOOP)` and the log's header tell: so many frames of the log with these salts are committed. */
export interface WalPosition {
  readonly salt1: number;
  readonly salt2: number;
  readonly frameCount: number;
}

/** Pages that changed between two positions, each where its last version lies. */
export interface WalChange {
  readonly pageSize: number;
  /** Pages of the database afterwards. */
  readonly commit: number;
  /** Offset in the log of a page's bytes, by page number, ascending; none beyond `commit`. */
  readonly pages: ReadonlyMap<number, number>;
  /** The frames these came from, as LTX headers tell it. */
  readonly walOffset: number;
  readonly walSize: number;
  readonly position: WalPosition;
}

/** Salts of the log as it is now; undefined while there is none. */
export function readWalHeader(source: WalSource): WalHeader | undefined {
  const bytes = new Uint8Array(WAL_HEADER_SIZE);
  const count = source.read(bytes, 0);
  return decodeWalHeader(new DataView(bytes.buffer, 0, count), source.name);
}

/**
 * What changed after `from` (undefined: since the log began) up to `to`; undefined when nothing did. When the log began
 * anew since, all of it counts: whoever lets SQLite do that has read the old one to its end (K4).
 */
export function readWalChange(
  source: WalSource,
  from: WalPosition | undefined,
  to: WalPosition,
): WalChange | undefined {
  const header = readWalHeader(source);
  if (header === undefined || header.salt1 !== to.salt1 || header.salt2 !== to.salt2) {
    if (header === undefined && to.frameCount === 0) return undefined;
    throw new CorruptError(
      `${source.name} began anew before its ${to.frameCount} committed frames were read`,
    );
  }
  const isSameLog = from?.salt1 === to.salt1 && from.salt2 === to.salt2;
  const first = isSameLog ? from.frameCount : 0;
  if (first === to.frameCount) return undefined;
  return new WalScan(source, header).collect(first, to);
}

/** Reads the page at `offset` of the log into `into`. Throws CorruptError when it is cut short. */
export function readWalPage(source: WalSource, offset: number, into: Uint8Array): void {
  const count = source.read(into, offset);
  if (count !== into.length)
    throw new CorruptError(`${source.name} ends at ${offset + count}, inside of a page`);
}

class WalScan {
  readonly #source: WalSource;
  readonly #header: WalHeader;
  readonly #frameSize: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(source: WalSource, header: WalHeader) {
    this.#source = source;
    this.#header = header;
    this.#frameSize = FRAME_HEADER_SIZE + header.pageSize;
    const framesAtOnce = Math.max(1, Math.floor(READ_SIZE / this.#frameSize));
    this.#bytes = new Uint8Array(framesAtOnce * this.#frameSize);
    this.#view = new DataView(this.#bytes.buffer);
  }

  collect(first: number, to: WalPosition): WalChange {
    const { pageSize } = this.#header;
    const checksum = this.#checksumBefore(first);
    const latest = new Map<number, number>();
    let commit = 0;
    for (let frame = first; frame < to.frameCount;) {
      const offset = this.#offsetOf(frame);
      const wanted = Math.min(this.#bytes.length, (to.frameCount - frame) * this.#frameSize);
      const count = this.#source.read(this.#bytes.subarray(0, wanted), offset);
      if (count < this.#frameSize) throw this.#missing(frame, to);
      for (let at = 0; at + this.#frameSize <= count; at += this.#frameSize, frame++) {
        const found = decodeFrame(this.#view, at, this.#header, checksum);
        if (found === undefined) throw this.#missing(frame, to);
        latest.set(found.pgno, offset + at + FRAME_HEADER_SIZE);
        commit = found.commit;
      }
    }
    if (commit === 0)
      throw new CorruptError(
        `${this.#source.name}: frame ${to.frameCount} is said to end a commit, and does not`,
      );
    const kept = [...latest].filter(([pgno]) => pgno <= commit).toSorted(([a], [b]) => a - b);
    const walOffset = this.#offsetOf(first);
    const walSize = this.#offsetOf(to.frameCount) - walOffset;
    return { pageSize, commit, pages: new Map(kept), walOffset, walSize, position: to };
  }

  #checksumBefore(frame: number): WalChecksum {
    const offset = frame === 0 ? 0 : this.#offsetOf(frame - 1);
    const size = frame === 0 ? WAL_HEADER_SIZE : FRAME_HEADER_SIZE;
    const count = this.#source.read(this.#bytes.subarray(0, size), offset);
    if (count < size) throw new CorruptError(`${this.#source.name} ends before frame ${frame}`);
    return frame === 0
      ? headerChecksum(this.#view, this.#header)
      : frameChecksum(this.#view, 0, this.#header);
  }

  #offsetOf(frame: number): number {
    return WAL_HEADER_SIZE + frame * this.#frameSize;
  }

  #missing(frame: number, to: WalPosition): CorruptError {
    return new CorruptError(
      `${this.#source.name}: frame ${frame + 1} of ${to.frameCount} committed ones is missing or damaged`,
    );
  }
}
