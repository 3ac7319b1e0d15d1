/**
 * The checksums of LTX: of a page, of a database, of a file. All are CRC-64 (crc64.ts) with bit 63 set, so that 0 can
 * mean that there is none.
 *
 * The checksum of a database is the XOR of those of its pages (the lock page left out), in any order: a page is exchanged by
 * XOR with its old checksum and its new one. Source: superfly/ltx checksum.go.
 */
import { Crc64 } from "./crc64.ts";

/** Set in every checksum that is there. */
export const CHECKSUM_FLAG: bigint = 1n << 63n;
/** Of a database without pages. */
export const EMPTY_DATABASE_CHECKSUM: bigint = CHECKSUM_FLAG;

const CHECKSUM_DIGIT_COUNT = 16;

/** Computes the checksums of pages, one after the other, without allocating for each. */
export class PageChecksum {
  readonly #crc = new Crc64();
  readonly #number = new DataView(new ArrayBuffer(4));

  /** Of page `pgno`, whose `pageSize` bytes are at `at` of `view`. */
  of(pgno: number, view: DataView, range: { readonly at: number; readonly size: number }): bigint {
    this.#number.setUint32(0, pgno);
    this.#crc.reset();
    this.#crc.update(this.#number, 0, 4);
    this.#crc.update(view, range.at, range.size);
    return this.#crc.digest() | CHECKSUM_FLAG;
  }
}

/** The database's checksum after a page with this checksum came or went. */
export function togglePage(database: bigint, page: bigint): bigint {
  return (database ^ page) | CHECKSUM_FLAG;
}

/** 16 lower-case hex digits. */
export function formatChecksum(checksum: bigint): string {
  return checksum.toString(16).padStart(CHECKSUM_DIGIT_COUNT, "0");
}
