/**
 * The write-ahead log of SQLite. Big-endian, but for the checksums' words, whose order the magic number tells.
 * Source: https://www.sqlite.org/walformat.html, sqlite3 wal.c (walChecksumBytes, walDecodeFrame).
 *
 * Header, 32 bytes:
 *    0 u32 magic 0x377f0682 | words are big-endian   4 u32 version 3007000   8 u32 page size   12 u32 checkpoint sequence
 *   16 u32, 20 u32 salts      24 u32, 28 u32 checksum of the 24 bytes before
 *
 * Frame header, 24 bytes; the page follows:
 *    0 u32 page number         4 u32 pages of the database when this frame ends a commit, else 0
 *    8 u32, 12 u32 salts      16 u32, 20 u32 checksum of all before it: the header's, then 8 bytes and the page of each frame
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import { isPageSize } from "../ltx/header.ts";

export const WAL_HEADER_SIZE = 32;
export const FRAME_HEADER_SIZE = 24;
const MAGIC = 0x377f_0682;
const VERSION = 3_007_000;
/** Bytes of a header that its checksum covers. */
const HEADER_SUMMED_SIZE = 24;
/** Bytes of a frame's header that the running checksum covers. */
const FRAME_SUMMED_SIZE = 8;

export interface WalHeader {
  readonly pageSize: number;
  readonly salt1: number;
  readonly salt2: number;
  /** Of the checksums' words. */
  readonly isBigEndian: boolean;
}

export interface WalFrame {
  readonly pgno: number;
  /** Pages of the database after the commit that this frame ends; 0 inside of one. */
  readonly commit: number;
}

/** The running checksum: two words, and the order in which they read bytes. */
export class WalChecksum {
  first: number;
  second: number;
  readonly #isBigEndian: boolean;

  constructor(isBigEndian: boolean, first: number = 0, second: number = 0) {
    this.#isBigEndian = isBigEndian;
    this.first = first;
    this.second = second;
  }

  /** `size` is a multiple of 8. */
  add(view: DataView, at: number, size: number): void {
    const isLittleEndian = !this.#isBigEndian;
    let { first, second } = this;
    for (let end = at + size; at < end; at += 8) {
      first = (first + view.getUint32(at, isLittleEndian) + second) >>> 0;
      second = (second + view.getUint32(at + 4, isLittleEndian) + first) >>> 0;
    }
    this.first = first;
    this.second = second;
  }
}

/** undefined when there is no WAL yet: the file is empty. Throws CorruptError when it is damaged; `name` names it. */
export function decodeWalHeader(view: DataView, name: string): WalHeader | undefined {
  if (view.byteLength === 0) return undefined;
  if (view.byteLength < WAL_HEADER_SIZE)
    throw new CorruptError(`${name} has ${view.byteLength} bytes and no whole header`);
  const magic = view.getUint32(0);
  const isBigEndian = (magic & 1) === 1;
  if ((magic & ~1) !== MAGIC) throw new CorruptError(`${name} is no write-ahead log of SQLite`);
  const version = view.getUint32(4);
  if (version !== VERSION)
    throw new FsError("EPROTO", `${name} has version ${version} of the WAL format, not ${VERSION}`);
  const checksum = new WalChecksum(isBigEndian);
  checksum.add(view, 0, HEADER_SUMMED_SIZE);
  const isWhole = view.getUint32(24) === checksum.first && view.getUint32(28) === checksum.second;
  const pageSize = view.getUint32(8);
  if (!isWhole || !isPageSize(pageSize)) throw new CorruptError(`${name} has a damaged header`);
  return { pageSize, salt1: view.getUint32(16), salt2: view.getUint32(20), isBigEndian };
}

/** What the checksum of the first frame goes on from. */
export function headerChecksum(view: DataView, header: WalHeader): WalChecksum {
  return new WalChecksum(header.isBigEndian, view.getUint32(24), view.getUint32(28));
}

/** What the checksum of the next frame goes on from, as the frame at `at` carries it. */
export function frameChecksum(view: DataView, at: number, header: WalHeader): WalChecksum {
  return new WalChecksum(header.isBigEndian, view.getUint32(at + 16), view.getUint32(at + 20));
}

/**
 * The frame at `at` of `view`, its page behind it. Moves `checksum` over it. undefined when it is no frame of this log: it
 * was left by an earlier one, or was never whole.
 */
export function decodeFrame(
  view: DataView,
  at: number,
  header: WalHeader,
  checksum: WalChecksum,
): WalFrame | undefined {
  const { pageSize, salt1, salt2 } = header;
  if (view.getUint32(at + 8) !== salt1 || view.getUint32(at + 12) !== salt2) return undefined;
  checksum.add(view, at, FRAME_SUMMED_SIZE);
  checksum.add(view, at + FRAME_HEADER_SIZE, pageSize);
  const isWhole =
    view.getUint32(at + 16) === checksum.first && view.getUint32(at + 20) === checksum.second;
  const pgno = view.getUint32(at);
  return isWhole && pgno > 0 ? { pgno, commit: view.getUint32(at + 4) } : undefined;
}
