/**
 * A journal segment: a file of fixed size, its first 4,096 bytes a header, records from there on. Files that were
 * zero-filled or used before wait as spares; a segment comes to be by writing a header into a spare and renaming it.
 *
 * Little-endian; offsets in bytes:
 *    0 8 "SHOALJNL"     8 u32 version (1)    12 u32 header size (4096)
 *   16 16 journal uuid 32 u64 segment number 40 u64 firstJsn, that of the first record
 *   48 u64 flushedJsn   every record up to it was durable before this file got its name
 *   56 16 salt          random in each life of the file: seed and tag of the records (rule J6)
 *   72 u64 file size   80 u32 CRC-32 of bytes [0, 80)   84 zeros
 *   2048 the same again: one lost sector must not hide a segment and the flushed mark in it
 *
 * What always holds: the number in the header is the number in the name, so a recycled file whose new header never
 * reached the disk is seen not to be the segment its name says. Names: `<number, 16 hex digits>.seg`,
 * `spare-<number, 16 hex digits>.seg`, and `.tmp` in place of `.seg` while a spare is being filled.
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import { crc32 } from "../core/crc.ts";
import { getSaturatedU64Le, setU64Le } from "../core/u64.ts";
import type { Disk } from "./disk.ts";
import { RECORD_SIZE_MAX } from "./record.ts";

export const SEGMENT_HEADER_SIZE = 4096;
export const SEGMENT_VERSION = 1;
export const UUID_SIZE = 16;
export const SALT_SIZE = 16;
/** 64 MiB: recycling is rare, a recovery scan of one takes well under 100 ms, and 16 make the default journal. */
export const SEGMENT_SIZE_DEFAULT: number = 64 * 1024 * 1024;
/** Room for a header and small records: tests fill such segments quickly. */
export const SEGMENT_SIZE_MIN: number = 2 * SEGMENT_HEADER_SIZE;
/** From here on the largest record fits; a volume's segments are at least this. */
export const SEGMENT_SIZE_VOLUME_MIN: number = SEGMENT_HEADER_SIZE + RECORD_SIZE_MAX;
/** Keeps every offset in a segment a 32-bit number. */
export const SEGMENT_SIZE_MAX: number = 1024 * 1024 * 1024;

const MAGIC = Uint8Array.from("SHOALJNL", (c) => c.charCodeAt(0));
const CRC_AT = 80;
const COPY_SIZE = 84;
const COPY_AT = 2048;
const SEGMENT_NAME = /^([0-9a-f]{16})\.seg$/;
const SPARE_NAME = /^spare-([0-9a-f]{16})\.(seg|tmp)$/;

export interface SegmentHeader {
  readonly uuid: Uint8Array;
  readonly number: number;
  readonly firstJsn: number;
  /** Every record up to it was durable before this file got its name. */
  readonly flushedJsn: number;
  readonly salt: Uint8Array;
  /** Of the whole file, in bytes. */
  readonly size: number;
}

export interface SpareName {
  readonly number: number;
  /** Still being filled, or left over from a crash while it was. */
  readonly isPartial: boolean;
}

/** Encodes both copies of the header into the 4,096 bytes at `at`, which must be zero before. */
export function encodeSegmentHeader(bytes: Uint8Array, at: number, header: SegmentHeader): void {
  encodeCopy(bytes, at, header);
  encodeCopy(bytes, at + COPY_AT, header);
}

/**
 * The header of segment `number`, from whichever copy is whole and names it; undefined when neither does, as in a file
 * that a crash left without one. Throws FsError EPROTO for a header that is whole but of a version this program does not
 * know. Owns its copies of uuid and salt.
 */
export function decodeSegmentHeader(
  bytes: Uint8Array,
  at: number,
  number: number,
): SegmentHeader | undefined {
  if (bytes.length - at < SEGMENT_HEADER_SIZE) return undefined;
  const first = decodeCopy(bytes, at);
  if (first?.number === number) return first;
  const second = decodeCopy(bytes, at + COPY_AT);
  return second?.number === number ? second : undefined;
}

/** Reads the header of a segment file; undefined as in decodeSegmentHeader. */
export function readSegmentHeader(
  disk: Disk,
  fd: number,
  number: number,
): SegmentHeader | undefined {
  const bytes = new Uint8Array(SEGMENT_HEADER_SIZE);
  if (disk.read(fd, bytes, 0, bytes.length, 0) < bytes.length) return undefined;
  return decodeSegmentHeader(bytes, 0, number);
}

/** The crc that the first record of a segment is seeded with. */
export function chainSeed(salt: Uint8Array): number {
  return crc32(salt);
}

/** The word every record of a segment carries. */
export function recordTag(salt: Uint8Array): number {
  return new DataView(salt.buffer, salt.byteOffset).getUint32(0, true);
}

export function segmentName(number: number): string {
  return `${hex16(number)}.seg`;
}

/** undefined for a name that is no segment's. */
export function parseSegmentName(name: string): number | undefined {
  const match = SEGMENT_NAME.exec(name);
  return match ? Number.parseInt(match[1]!, 16) : undefined;
}

export function spareName(number: number): string {
  return `spare-${hex16(number)}.seg`;
}

export function partialSpareName(number: number): string {
  return `spare-${hex16(number)}.tmp`;
}

export function parseSpareName(name: string): SpareName | undefined {
  const match = SPARE_NAME.exec(name);
  if (!match) return undefined;
  return { number: Number.parseInt(match[1]!, 16), isPartial: match[2] === "tmp" };
}

function encodeCopy(bytes: Uint8Array, at: number, header: SegmentHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, COPY_SIZE);
  bytes.set(MAGIC, at);
  view.setUint32(8, SEGMENT_VERSION, true);
  view.setUint32(12, SEGMENT_HEADER_SIZE, true);
  bytes.set(header.uuid, at + 16);
  setU64Le(view, 32, header.number);
  setU64Le(view, 40, header.firstJsn);
  setU64Le(view, 48, header.flushedJsn);
  bytes.set(header.salt, at + 56);
  setU64Le(view, 72, header.size);
  view.setUint32(CRC_AT, crc32(bytes.subarray(at, at + CRC_AT)), true);
}

function decodeCopy(bytes: Uint8Array, at: number): SegmentHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, COPY_SIZE);
  for (let i = 0; i < MAGIC.length; i++) if (bytes[at + i] !== MAGIC[i]) return undefined;
  if (view.getUint32(CRC_AT, true) !== crc32(bytes.subarray(at, at + CRC_AT))) return undefined;
  const version = view.getUint32(8, true);
  if (version !== SEGMENT_VERSION || view.getUint32(12, true) !== SEGMENT_HEADER_SIZE)
    throw new FsError("EPROTO", `a journal segment is of version ${version}, this program knows 1`);
  const header: SegmentHeader = {
    uuid: bytes.slice(at + 16, at + 16 + UUID_SIZE),
    number: getSaturatedU64Le(view, 32),
    firstJsn: getSaturatedU64Le(view, 40),
    flushedJsn: getSaturatedU64Le(view, 48),
    salt: bytes.slice(at + 56, at + 56 + SALT_SIZE),
    size: getSaturatedU64Le(view, 72),
  };
  if (
    header.firstJsn < 1 ||
    header.size < SEGMENT_SIZE_MIN ||
    header.size > SEGMENT_SIZE_MAX ||
    header.flushedJsn >= Number.MAX_SAFE_INTEGER
  )
    throw new CorruptError(
      `the header of journal segment ${header.number} holds impossible numbers (JSN ${header.firstJsn}, ${header.size} bytes)`,
    );
  return header;
}

function hex16(value: number): string {
  return value.toString(16).padStart(16, "0");
}
