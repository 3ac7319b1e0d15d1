/**
 * The header and the trailer of an LTX file. Big-endian. Source: superfly/ltx ltx.go (Header, Trailer);
 * docs/format/ltx.md has the whole layout.
 *
 * Header, 100 bytes:
 *    0 u8[4] "LTX1"           4 u32 flags               8 u32 page size         12 u32 commit
 *   16 u64 min TXID          24 u64 max TXID           32 i64 timestamp, ms     40 u64 pre-apply checksum
 *   48 i64 WAL offset        56 i64 WAL size           64 u32, 68 u32 WAL salts 72 u64 node id   80 reserved
 *
 * Trailer, 16 bytes:
 *    0 u64 post-apply checksum      8 u64 file checksum
 *
 * What always holds: what is encoded here passes the checks of decoding, and the other way round. Nothing on disk says
 * which generation of the format a file is (encoding.ts).
 */
import { CorruptError, FsError } from "../core/fs-error.ts";
import { getI64Be, getU64Be, setI64Be, setU64Be } from "../core/u64.ts";
import { CHECKSUM_FLAG, EMPTY_DATABASE_CHECKSUM } from "./checksum.ts";
import type { LtxGeneration } from "./encoding.ts";

export const LTX_HEADER_SIZE = 100;
export const LTX_TRAILER_SIZE = 16;
export const LTX_MAGIC = 0x4c54_5831;
export const PAGE_SIZE_MIN = 512;
export const PAGE_SIZE_MAX = 65_536;
/** The byte of a database that SQLite locks; the page that holds it is in no file. */
const LOCK_BYTE = 0x4000_0000;

/** Bits of `flags`. The first exists in v1 alone, the second in v2 and v3 alone. */
export const LtxFlag = { compressed: 1, noChecksum: 2 } as const;

export interface LtxHeader {
  /** `LtxFlag` bits. */
  readonly flags: number;
  /** A power of two, 512 to 65536. */
  readonly pageSize: number;
  /** Pages of the database after this file; 0 when it is deleted. */
  readonly commit: number;
  readonly minTxid: number;
  readonly maxTxid: number;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  /** Of the database before this file; 0 when not tracked, and of a snapshot. */
  readonly preApplyChecksum: bigint;
  /** Where in the WAL this file's pages began; 0 when they came from elsewhere. */
  readonly walOffset: number;
  readonly walSize: number;
  readonly walSalt1: number;
  readonly walSalt2: number;
  /** Which node wrote it; 0 when that is not said. */
  readonly nodeId: bigint;
}

export interface LtxTrailer {
  /** Of the database after this file; 0 when not tracked. */
  readonly postApplyChecksum: bigint;
  readonly fileChecksum: bigint;
}

/** Whether the file begins a history: it holds every page. */
export function isSnapshot(header: LtxHeader): boolean {
  return header.minTxid === 1;
}

/** Whether the file carries the database's checksum before and after it. */
export function tracksChecksum(header: LtxHeader): boolean {
  return (header.flags & LtxFlag.noChecksum) === 0;
}

/** The page that holds SQLite's lock byte; it is in no file and in no checksum. */
export function lockPage(pageSize: number): number {
  return LOCK_BYTE / pageSize + 1;
}

export function isPageSize(value: number): boolean {
  return value >= PAGE_SIZE_MIN && value <= PAGE_SIZE_MAX && (value & (value - 1)) === 0;
}

/** The 100 bytes at `at`; throws CorruptError when they are no header of this generation. */
export function decodeLtxHeader(view: DataView, at: number, generation: LtxGeneration): LtxHeader {
  if (view.byteLength - at < LTX_HEADER_SIZE) throw new CorruptError("the header is cut short");
  if (view.getUint32(at) !== LTX_MAGIC)
    throw new CorruptError("not an LTX file (no LTX1 in front)");
  const header: LtxHeader = {
    flags: view.getUint32(at + 4),
    pageSize: view.getUint32(at + 8),
    commit: view.getUint32(at + 12),
    minTxid: getU64Be(view, at + 16),
    maxTxid: getU64Be(view, at + 24),
    timestampMs: getI64Be(view, at + 32),
    preApplyChecksum: view.getBigUint64(at + 40),
    walOffset: getI64Be(view, at + 48),
    walSize: getI64Be(view, at + 56),
    walSalt1: view.getUint32(at + 64),
    walSalt2: view.getUint32(at + 68),
    nodeId: view.getBigUint64(at + 72),
  };
  const problem = headerProblem(header, generation);
  if (problem !== undefined) throw new CorruptError(`the header is wrong: ${problem}`);
  return header;
}

/** 100 bytes, owned by the caller; throws EINVAL when `header` cannot be that of a v3 file. */
export function encodeLtxHeader(header: LtxHeader): Uint8Array {
  const problem = headerProblem(header, "v3");
  if (problem !== undefined) throw new FsError("EINVAL", `an LTX header is wrong: ${problem}`);
  const bytes = new Uint8Array(LTX_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, LTX_MAGIC);
  view.setUint32(4, header.flags);
  view.setUint32(8, header.pageSize);
  view.setUint32(12, header.commit);
  setU64Be(view, 16, header.minTxid);
  setU64Be(view, 24, header.maxTxid);
  setI64Be(view, 32, header.timestampMs);
  view.setBigUint64(40, header.preApplyChecksum);
  setI64Be(view, 48, header.walOffset);
  setI64Be(view, 56, header.walSize);
  view.setUint32(64, header.walSalt1);
  view.setUint32(68, header.walSalt2);
  view.setBigUint64(72, header.nodeId);
  return bytes;
}

/** Throws CorruptError when the trailer does not fit the header. Whether the file checksum is right is for others to say. */
export function decodeLtxTrailer(view: DataView, at: number, header: LtxHeader): LtxTrailer {
  if (view.byteLength - at < LTX_TRAILER_SIZE) throw new CorruptError("the trailer is cut short");
  const postApplyChecksum = view.getBigUint64(at);
  const fileChecksum = view.getBigUint64(at + 8);
  const problem = postApplyProblem(header, postApplyChecksum);
  if (problem !== undefined) throw new CorruptError(`the trailer is wrong: ${problem}`);
  if ((fileChecksum & CHECKSUM_FLAG) === 0n) {
    throw new CorruptError("the trailer is wrong: there is no file checksum");
  }
  return { postApplyChecksum, fileChecksum };
}

/** What is wrong with a post-apply checksum beside this header; undefined when nothing is. */
export function postApplyProblem(header: LtxHeader, postApply: bigint): string | undefined {
  if (!tracksChecksum(header)) {
    if (header.commit === 0) return "a deletion must track checksums";
    return postApply === 0n ? undefined : "a post-apply checksum in a file that tracks none";
  }
  if ((postApply & CHECKSUM_FLAG) === 0n) return "there is no post-apply checksum";
  if (header.commit === 0 && postApply !== EMPTY_DATABASE_CHECKSUM) {
    return "the post-apply checksum of a deletion is not that of an empty database";
  }
  return undefined;
}

function headerProblem(header: LtxHeader, generation: LtxGeneration): string | undefined {
  const known = generation === "v1" ? LtxFlag.compressed : LtxFlag.noChecksum;
  const { flags, pageSize, commit, minTxid, maxTxid } = header;
  if ((flags & ~known) !== 0) return `unknown flags 0x${flags.toString(16)}`;
  if (!isPageSize(pageSize)) return `${pageSize} is no page size`;
  if (!isU32(commit)) return `${commit} pages cannot be`;
  if (!Number.isSafeInteger(minTxid) || minTxid < 1) return "the min TXID is 0";
  if (!Number.isSafeInteger(maxTxid) || maxTxid < 1) return "the max TXID is 0";
  if (minTxid > maxTxid) return `the min TXID ${minTxid} is above the max TXID ${maxTxid}`;
  if (!Number.isSafeInteger(header.timestampMs)) return `${header.timestampMs} is no time`;
  return walProblem(header, generation) ?? preApplyProblem(header);
}

function walProblem(header: LtxHeader, generation: LtxGeneration): string | undefined {
  const { walOffset, walSize, walSalt1, walSalt2 } = header;
  if (!Number.isSafeInteger(walOffset) || walOffset < 0) return "the WAL offset is negative";
  if (!Number.isSafeInteger(walSize) || walSize < 0) return "the WAL size is negative";
  if (!isU32(walSalt1) || !isU32(walSalt2)) return "a WAL salt is no 32-bit number";
  const hasSalt = walSalt1 !== 0 || walSalt2 !== 0;
  if (walOffset === 0 && hasSalt) return "WAL salts without a WAL offset";
  if (walOffset === 0 && walSize !== 0) return "a WAL size without a WAL offset";
  if (generation === "v1" && walOffset !== 0 && walSize === 0) {
    return "a WAL offset without a WAL size";
  }
  return undefined;
}

function preApplyProblem(header: LtxHeader): string | undefined {
  const { preApplyChecksum } = header;
  if (isSnapshot(header)) {
    return preApplyChecksum === 0n ? undefined : "a snapshot with a pre-apply checksum";
  }
  if (!tracksChecksum(header)) {
    return preApplyChecksum === 0n ? undefined : "a pre-apply checksum in a file that tracks none";
  }
  return (preApplyChecksum & CHECKSUM_FLAG) === 0n ? "there is no pre-apply checksum" : undefined;
}

function isU32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}
