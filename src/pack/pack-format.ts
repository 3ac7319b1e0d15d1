/**
 * The fixed parts of a pack: its header and its footer. docs/format/pack.md has the whole layout.
 *
 * Little-endian. Header, 16 bytes:
 *    0 u8[8] "SHOALPAK"    8 u32 version    12 u32 flags
 *
 * Footer, the last 88 bytes:
 *    0 u8[16] volume       16 u8[16] timeline     32 u64 pack
 *   40 u64 plain size      48 u64 index offset    56 u32 index length    60 u32 CRC-32 of the index
 *   64 u32 block count     68 u32 version         72 u32 flags           76 u32 CRC-32 of the 76 bytes before
 *   80 u8[8] "SHOALEND"
 *
 * What always holds: an unknown version or flag is refused, in the header and in the footer; a reader that has the
 * footer alone (one ranged get) knows everything it needs.
 */
import { crc32 } from "../core/crc.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { toHex } from "../core/hex.ts";
import { toPackId, type PackId } from "../core/ids.ts";
import {
  BLOCK_SIZE_MAX,
  FRAME_SIZE,
  PACK_BLOCK_COUNT_MAX,
  PACK_SIZE_TARGET,
} from "../core/limits.ts";
import { getU64Le, setU64Le } from "../core/u64.ts";
import { PACK_ID_MAX } from "./pack-name.ts";

export const PACK_VERSION = 1;
/** Reserved for sealed (encrypted) packs. This version refuses it, as every other flag. */
export const PACK_FLAG_SEALED = 1;
export const PACK_HEADER_SIZE = 16;
export const PACK_FOOTER_SIZE = 88;
/** A pack is closed once it has its target, so its last block may cross it. */
export const PACK_PLAIN_SIZE_MAX: number = PACK_SIZE_TARGET + BLOCK_SIZE_MAX;
/** Every block has a last frame, and every other frame is full. */
export const PACK_FRAME_COUNT_MAX: number =
  PACK_BLOCK_COUNT_MAX + Math.ceil(PACK_PLAIN_SIZE_MAX / FRAME_SIZE);
/** Varints of 4, 8 and 8 bytes and a codec for a block; a varint of 3 bytes and a CRC for a frame. */
export const PACK_INDEX_SIZE_MAX: number = PACK_BLOCK_COUNT_MAX * 21 + PACK_FRAME_COUNT_MAX * 7;
/** Compression never makes a frame larger than it was. */
export const PACK_FILE_SIZE_MAX: number =
  PACK_HEADER_SIZE + PACK_PLAIN_SIZE_MAX + PACK_INDEX_SIZE_MAX + PACK_FOOTER_SIZE;

const HEADER_MAGIC = new TextEncoder().encode("SHOALPAK");
const FOOTER_MAGIC = new TextEncoder().encode("SHOALEND");
const HEX_16_BYTES = /^[0-9a-f]{32}$/;
const FOOTER_CRC_AT = 76;
const FOOTER_MAGIC_AT = 80;

/** Which pack of which volume this is; the footer says it, so that one pack never passes for another. */
export interface PackIdentity {
  /** The volume's uuid as 32 lower-case hex digits, without dashes. */
  readonly volume: string;
  /** 32 lower-case hex digits. */
  readonly timeline: string;
  readonly pack: PackId;
}

export interface PackFooter {
  readonly identity: PackIdentity;
  readonly plainSize: number;
  readonly indexOffset: number;
  readonly indexLength: number;
  readonly indexCrc: number;
  readonly blockCount: number;
}

export function encodePackHeader(): Uint8Array {
  const bytes = new Uint8Array(PACK_HEADER_SIZE);
  bytes.set(HEADER_MAGIC);
  new DataView(bytes.buffer).setUint32(8, PACK_VERSION, true);
  return bytes;
}

/** Throws CorruptError when `bytes` does not begin with the header of a pack, EOPNOTSUPP when it is a newer one. */
export function checkPackHeader(bytes: Uint8Array, what: string): void {
  if (bytes.length < PACK_HEADER_SIZE) throw new CorruptError(`${what}: its header is cut short`);
  for (let i = 0; i < HEADER_MAGIC.length; i++) {
    if (bytes[i] !== HEADER_MAGIC[i])
      throw new CorruptError(`${what}: it does not begin as a pack`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkVersion(view.getUint32(8, true), view.getUint32(12, true), what);
}

/** Writes PACK_FOOTER_SIZE bytes at `at`. */
export function encodePackFooter(view: DataView, at: number, footer: PackFooter): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, PACK_FOOTER_SIZE);
  bytes.set(fromHex(footer.identity.volume), 0);
  bytes.set(fromHex(footer.identity.timeline), 16);
  setU64Le(view, at + 32, footer.identity.pack);
  setU64Le(view, at + 40, footer.plainSize);
  setU64Le(view, at + 48, footer.indexOffset);
  view.setUint32(at + 56, footer.indexLength, true);
  view.setUint32(at + 60, footer.indexCrc, true);
  view.setUint32(at + 64, footer.blockCount, true);
  view.setUint32(at + 68, PACK_VERSION, true);
  view.setUint32(at + 72, 0, true);
  view.setUint32(at + FOOTER_CRC_AT, crc32(bytes.subarray(0, FOOTER_CRC_AT)), true);
  bytes.set(FOOTER_MAGIC, FOOTER_MAGIC_AT);
}

/** Throws CorruptError when the footer is cut short, damaged or impossible, EOPNOTSUPP when it is of a newer version. */
export function decodePackFooter(view: DataView, at: number, what: string): PackFooter {
  if (at < 0 || view.byteLength - at < PACK_FOOTER_SIZE) {
    throw new CorruptError(`${what}: its footer is cut short`);
  }
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, PACK_FOOTER_SIZE);
  for (let i = 0; i < FOOTER_MAGIC.length; i++) {
    if (bytes[FOOTER_MAGIC_AT + i] !== FOOTER_MAGIC[i]) {
      throw new CorruptError(`${what}: it does not end as a pack`);
    }
  }
  if (crc32(bytes.subarray(0, FOOTER_CRC_AT)) !== view.getUint32(at + FOOTER_CRC_AT, true)) {
    throw new CorruptError(`${what}: its footer does not match its checksum`);
  }
  checkVersion(view.getUint32(at + 68, true), view.getUint32(at + 72, true), what);
  const pack = getU64Le(view, at + 32);
  const footer: PackFooter = {
    identity: {
      volume: toHex(bytes.subarray(0, 16)),
      timeline: toHex(bytes.subarray(16, 32)),
      pack: toPackId(pack),
    },
    plainSize: getU64Le(view, at + 40),
    indexOffset: getU64Le(view, at + 48),
    indexLength: view.getUint32(at + 56, true),
    indexCrc: view.getUint32(at + 60, true),
    blockCount: view.getUint32(at + 64, true),
  };
  checkFooter(footer, what);
  return footer;
}

/** `pack 7 of timeline 0123…`: how messages name a pack. */
export function describePack(timeline: string, pack: PackId): string {
  return `pack ${pack} of timeline ${timeline}`;
}

function checkFooter(footer: PackFooter, what: string): void {
  const { blockCount, plainSize, indexOffset, indexLength } = footer;
  const possible =
    footer.identity.pack >= 1 &&
    footer.identity.pack <= PACK_ID_MAX &&
    blockCount >= 1 &&
    blockCount <= PACK_BLOCK_COUNT_MAX &&
    plainSize >= blockCount &&
    plainSize <= PACK_PLAIN_SIZE_MAX &&
    indexOffset > PACK_HEADER_SIZE &&
    indexOffset <= PACK_HEADER_SIZE + plainSize &&
    indexLength <= PACK_INDEX_SIZE_MAX;
  if (!possible) {
    throw new CorruptError(
      `${what}: impossible footer (${blockCount} blocks, ${plainSize} plain bytes, index of ${indexLength} at ${indexOffset})`,
    );
  }
}

function checkVersion(version: number, flags: number, what: string): void {
  if (version !== PACK_VERSION) {
    throw new FsError(
      "EOPNOTSUPP",
      `${what}: version ${version} is not known, only ${PACK_VERSION}`,
    );
  }
  if (flags !== 0) {
    throw new FsError("EOPNOTSUPP", `${what}: flags 0x${flags.toString(16)} are not known`);
  }
}

function fromHex(digits: string): Uint8Array {
  if (!HEX_16_BYTES.test(digits)) {
    throw new FsError("EINVAL", `an id in a pack is 32 hex digits, not ${digits}`);
  }
  return Buffer.from(digits, "hex");
}
