/**
 * A journal record: 44 bytes of header, then the payload. A WRITE's header and arguments are 80 bytes together, because
 * they are laid over the 80 bytes (fuse_in_header 40, fuse_write_in 40) that lie before the data in a FUSE request: one
 * contiguous write puts header and data into the journal.
 *
 * Little-endian, not aligned; offsets in bytes from the record's start:
 *
 *    0 u32 crc           CRC-32 of bytes [4, covered), seeded with the previous record's crc; the first record of a
 *                        segment is seeded with the CRC-32 of the segment's salt (rule J6)
 *    4 u32 length        of the whole record, header included
 *    8 u64 jsn          16 u64 unique      FUSE request id without its top bit, 0 = none
 *   24 u64 flushedJsn    highest JSN known flushed when this was written; below jsn
 *   32 u32 connection    FUSE connection id, 0 = none
 *   36 u32 tag           first word of the segment's salt: tells this life of a recycled file from the ones before
 *   40 u16 kind   42 u16 version    of the operation; kind 1 is WRITE, the others belong to who appends them
 *   44 payload           covered = length
 *
 * WRITE (version 1) continues; covered = 80, so the chain does not touch the data twice:
 *   44 u64 ino          52 u64 offset in the file     60 u32 dataLength   64 u32 dataCrc, CRC-32 of the data alone
 *   68 i48 timeSec      74 u16 flags (the appender's)  76 u32 timeNsec    80 the data
 *
 * What always holds: length fits RECORD_SIZE_MAX, jsn is 1 or more, a record of zeros is none. The tag stands behind
 * jsn and flushedJsn: when a torn header shows its new tag and an older first half, that half's jsn is an old one.
 */
import { getSaturatedU64Le, setU64Le } from "../core/u64.ts";
import { REQUEST_DATA_SIZE_MAX } from "../core/limits.ts";
import { crc32Range } from "./crc-range.ts";

export const RECORD_HEADER_SIZE = 44;
export const WRITE_HEADER_SIZE = 80;
/** The largest record is a WRITE of the largest request. */
export const RECORD_SIZE_MAX: number = WRITE_HEADER_SIZE + REQUEST_DATA_SIZE_MAX;
export const RECORD_KIND_WRITE = 1;
export const WRITE_VERSION = 1;

const TWO_32 = 0x1_0000_0000;
const NSEC_MAX = 999_999_999;

/** Who asked for an operation and what it is; the appender fills one object and reuses it. */
export interface RecordFields {
  kind: number;
  version: number;
  /** FUSE request id without its top bit; 0 when no request stands behind the record. */
  unique: number;
  /** FUSE connection id; 0 when none. */
  connection: number;
}

export interface RecordHeader extends RecordFields {
  crc: number;
  /** Of the whole record, in bytes. */
  length: number;
  jsn: number;
  /** Highest JSN known flushed when the record was written. */
  flushedJsn: number;
  tag: number;
}

export interface WriteArgs {
  ino: number;
  /** Where in the file the data goes, in bytes. */
  offset: number;
  /** In bytes, 0 to REQUEST_DATA_SIZE_MAX. */
  dataLength: number;
  /** CRC-32 of the data alone, unseeded. */
  dataCrc: number;
  /** Seconds since 1970 of the mtime to be set, 48 bits signed. */
  timeSec: number;
  timeNsec: number;
  /** 16 bits that the appender defines. */
  flags: number;
}

export function emptyRecordHeader(): RecordHeader {
  return {
    crc: 0,
    length: 0,
    jsn: 0,
    unique: 0,
    flushedJsn: 0,
    connection: 0,
    tag: 0,
    kind: 0,
    version: 0,
  };
}

export function emptyWriteArgs(): WriteArgs {
  return { ino: 0, offset: 0, dataLength: 0, dataCrc: 0, timeSec: 0, timeNsec: 0, flags: 0 };
}

/** Encodes all but the crc, which `sealRecord` adds when the rest is in place. */
export function encodeRecordHeader(view: DataView, at: number, header: RecordHeader): void {
  view.setUint32(at + 4, header.length, true);
  setU64Le(view, at + 8, header.jsn);
  setU64Le(view, at + 16, header.unique);
  setU64Le(view, at + 24, header.flushedJsn);
  view.setUint32(at + 32, header.connection, true);
  view.setUint32(at + 36, header.tag, true);
  view.setUint16(at + 40, header.kind, true);
  view.setUint16(at + 42, header.version, true);
}

/** `at` is the record's start: the arguments begin 44 bytes on. */
export function encodeWriteArgs(view: DataView, at: number, args: WriteArgs): void {
  setU64Le(view, at + 44, args.ino);
  setU64Le(view, at + 52, args.offset);
  view.setUint32(at + 60, args.dataLength, true);
  view.setUint32(at + 64, args.dataCrc, true);
  const high = Math.floor(args.timeSec / TWO_32);
  view.setUint32(at + 68, args.timeSec - high * TWO_32, true);
  view.setInt16(at + 72, high, true);
  view.setUint16(at + 74, args.flags, true);
  view.setUint32(at + 76, args.timeNsec, true);
}

/** Computes and stores the crc of the encoded record at `at`; returns it, the seed of the next. */
export function sealRecord(view: DataView, bytes: Uint8Array, at: number, seed: number): number {
  const crc = crc32Range(bytes, at + 4, at + coveredSize(view, at), seed);
  view.setUint32(at, crc, true);
  return crc;
}

/** Whether the stored crc of the record at `at` follows from `seed`; the covered bytes must be there. */
export function isRecordSealed(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  seed: number,
): boolean {
  const crc = crc32Range(bytes, at + 4, at + coveredSize(view, at), seed);
  return view.getUint32(at, true) === crc;
}

/**
 * Fills `into` from the 44 bytes at `at`. False when they cannot be a record's header, as behind the end of every log;
 * true says nothing of the crc. Never throws: the bytes may be anything.
 */
export function decodeRecordHeader(view: DataView, at: number, into: RecordHeader): boolean {
  into.crc = view.getUint32(at, true);
  into.length = view.getUint32(at + 4, true);
  into.jsn = getSaturatedU64Le(view, at + 8);
  into.unique = getSaturatedU64Le(view, at + 16);
  into.flushedJsn = getSaturatedU64Le(view, at + 24);
  into.connection = view.getUint32(at + 32, true);
  into.tag = view.getUint32(at + 36, true);
  into.kind = view.getUint16(at + 40, true);
  into.version = view.getUint16(at + 42, true);
  const smallest = into.kind === RECORD_KIND_WRITE ? WRITE_HEADER_SIZE : RECORD_HEADER_SIZE;
  return (
    into.length >= smallest &&
    into.length <= RECORD_SIZE_MAX &&
    into.kind !== 0 &&
    into.jsn > into.flushedJsn &&
    into.jsn < Number.MAX_SAFE_INTEGER &&
    into.unique < Number.MAX_SAFE_INTEGER
  );
}

/** Fills `into` from a WRITE's 80 bytes at `at`; false when the fields contradict each other or `length`. Never throws. */
export function decodeWriteArgs(
  view: DataView,
  at: number,
  length: number,
  into: WriteArgs,
): boolean {
  into.ino = getSaturatedU64Le(view, at + 44);
  into.offset = getSaturatedU64Le(view, at + 52);
  into.dataLength = view.getUint32(at + 60, true);
  into.dataCrc = view.getUint32(at + 64, true);
  into.timeSec = view.getInt16(at + 72, true) * TWO_32 + view.getUint32(at + 68, true);
  into.flags = view.getUint16(at + 74, true);
  into.timeNsec = view.getUint32(at + 76, true);
  return (
    into.dataLength === length - WRITE_HEADER_SIZE &&
    into.ino < Number.MAX_SAFE_INTEGER &&
    into.offset + into.dataLength <= Number.MAX_SAFE_INTEGER &&
    into.timeNsec <= NSEC_MAX
  );
}

/** Bytes from the record's start that its crc covers: all of it, but of a WRITE not the data. */
function coveredSize(view: DataView, at: number): number {
  if (view.getUint16(at + 40, true) === RECORD_KIND_WRITE) return WRITE_HEADER_SIZE;
  return view.getUint32(at + 4, true);
}
