/**
 * Walks the records of one segment file from its first on, as recovery and fsck do: each is checked against the chain,
 * the tag and the JSN that must follow (rule J6). Changes nothing.
 *
 * What always holds: after `next` said true, `header` is the record's and its covered bytes (payload, or a WRITE's 80)
 * lie at `at` in `bytes`; after false, `problem` says why and `offset` where. The first false ends the walk.
 */
import type { Disk } from "./disk.ts";
import {
  decodeRecordHeader,
  decodeWriteArgs,
  emptyRecordHeader,
  emptyWriteArgs,
  isRecordSealed,
  RECORD_HEADER_SIZE,
  RECORD_KIND_WRITE,
  RECORD_SIZE_MAX,
  type RecordHeader,
  WRITE_HEADER_SIZE,
  WRITE_VERSION,
  type WriteArgs,
} from "./record.ts";
import { crc32Range } from "./crc-range.ts";
import { chainSeed, recordTag, SEGMENT_HEADER_SIZE, type SegmentHeader } from "./segment.ts";
import { FsError } from "../core/fs-error.ts";

/** Small records are read this many bytes at a time. */
const READ_SIZE: number = 256 * 1024;

export interface SegmentReaderOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly header: SegmentHeader;
}

/** Whether a WRITE's data are read and checked, or skipped. */
export type DataCheck = "check" | "skip";

export class SegmentReader implements Disposable {
  readonly #disk: Disk;
  readonly #fd: number;
  readonly #size: number;
  readonly #path: string;
  readonly #tag: number;
  #chain: number;
  #windowAt = 0;
  #windowEnd = 0;

  /** Borrowed by the caller between two calls of `next`, who may overwrite the record lying there. */
  readonly bytes: Uint8Array = new Uint8Array(RECORD_SIZE_MAX);
  readonly view: DataView = new DataView(this.bytes.buffer);
  readonly header: RecordHeader = emptyRecordHeader();
  /** Of the record, when it is a WRITE. */
  readonly args: WriteArgs = emptyWriteArgs();
  /** Where the record begins in the file; after false, where the next one should. */
  offset: number = SEGMENT_HEADER_SIZE;
  /** Where the record begins in `bytes`. */
  at = 0;
  /** The JSN that the next record must have. */
  nextJsn: number;
  /** Where the next record begins in the file. */
  end: number = SEGMENT_HEADER_SIZE;
  problem = "";

  constructor(options: SegmentReaderOptions) {
    this.#disk = options.disk;
    this.#path = options.path;
    this.#chain = chainSeed(options.header.salt);
    this.#tag = recordTag(options.header.salt);
    this.nextJsn = options.header.firstJsn;
    this.#fd = this.#disk.open(options.path, "read");
    this.#size = Math.min(this.#disk.size(this.#fd), options.header.size);
  }

  /** Moves to the next record. Throws FsError EPROTO for a WRITE whose version this program does not know. */
  next(data: DataCheck): boolean {
    this.offset = this.end;
    this.problem = this.#load(data);
    if (this.problem !== "") return false;
    this.#chain = this.header.crc;
    this.nextJsn++;
    this.end = this.offset + this.header.length;
    return true;
  }

  [Symbol.dispose](): void {
    this.#disk.close(this.#fd);
  }

  /** Reads and checks the record at `offset`; an empty string when it is good. */
  #load(data: DataCheck): string {
    const header = this.header;
    if (!this.#read(RECORD_HEADER_SIZE)) return "the file ends here";
    if (!decodeRecordHeader(this.view, this.at, header)) return "no record header";
    if (header.tag !== this.#tag) return "a record of an earlier life of the file";
    if (header.jsn !== this.nextJsn) return `record ${header.jsn} in the place of ${this.nextJsn}`;
    const isWrite = header.kind === RECORD_KIND_WRITE;
    if (!this.#read(isWrite && data === "skip" ? WRITE_HEADER_SIZE : header.length))
      return "the file ends inside the record";
    // The bytes were read again when the record reached beyond the window: the check is made on what is used.
    if (!isRecordSealed(this.view, this.bytes, this.at, this.#chain)) return "the CRC does not fit";
    return isWrite ? this.#loadWrite(data) : "";
  }

  #loadWrite(data: DataCheck): string {
    const { header, args } = this;
    if (header.version !== WRITE_VERSION)
      throw new FsError(
        "EPROTO",
        `${this.#path} holds a WRITE of version ${header.version} at offset ${this.offset}`,
      );
    if (!decodeWriteArgs(this.view, this.at, header.length, args)) return "impossible WRITE fields";
    if (this.offset + header.length > this.#size) return "the file ends inside the data";
    if (data === "skip") return "";
    const from = this.at + WRITE_HEADER_SIZE;
    const crc = crc32Range(this.bytes, from, from + args.dataLength, 0);
    return crc === args.dataCrc ? "" : "the CRC of the data does not fit";
  }

  /** Brings `length` bytes from `offset` on into the window and sets `at`; false when the file has not so many. */
  #read(length: number): boolean {
    if (this.offset + length > this.#size) return false;
    if (this.offset < this.#windowAt || this.offset + length > this.#windowEnd) {
      const wanted = Math.min(Math.max(length, READ_SIZE), this.#size - this.offset);
      const count = this.#disk.read(this.#fd, this.bytes, 0, wanted, this.offset);
      this.#windowAt = this.offset;
      this.#windowEnd = this.offset + count;
      if (count < length) return false;
    }
    this.at = this.offset - this.#windowAt;
    return true;
  }
}
