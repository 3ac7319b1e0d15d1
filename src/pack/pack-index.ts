/**
 * A pack's index: where each frame of each block is stored, its checksum, and for whom the block was written.
 *
 * In memory it is columns in typed arrays: 25 bytes a block and 8 a frame. In the pack it is, for each block in order:
 *
 *   uvarint  plain length, 1 to BLOCK_SIZE_MAX
 *   svarint  inode less the inode of the block before (0 before the first)
 *   uvarint  position in the file
 *   u8       codec
 *   for each frame of FRAME_SIZE plain bytes (the last may be shorter):
 *     uvarint  stored length; 0 = raw, as long as it is plain
 *     u32      CRC-32 of the stored bytes
 *
 * Frames lie back to back from PACK_HEADER_SIZE on, so no offset is written. The footer (pack-format.ts) follows at once;
 * index and footer together are the pack's tail. The index's CRC-32 is in the footer. What always holds of a decoded index:
 * the frames fill exactly the bytes between header and index, and inode and position are hints that no read depends on.
 */
import { assert } from "../core/assert.ts";
import { ByteReader } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { crc32 } from "../core/crc.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import { BLOCK_SIZE_MAX, FRAME_SIZE, PACK_BLOCK_COUNT_MAX } from "../core/limits.ts";
import { Codec, isCodec } from "./codec.ts";
import {
  decodePackFooter,
  describePack,
  encodePackFooter,
  PACK_FOOTER_SIZE,
  PACK_HEADER_SIZE,
  PACK_INDEX_SIZE_MAX,
  PACK_PLAIN_SIZE_MAX,
  type PackFooter,
  type PackIdentity,
} from "./pack-format.ts";

/** What the cut decided about a pack before any of its bytes is read (rule K2). Columns of one length; not copied. */
export interface PackPlan {
  readonly identity: PackIdentity;
  /** Plain length of each block, 1 to BLOCK_SIZE_MAX bytes. */
  readonly plainLengths: ArrayLike<number>;
  /** The inode each block is written for. */
  readonly inos: ArrayLike<number>;
  /** Where in that file it begins, in bytes. */
  readonly filePositions: ArrayLike<number>;
}

/** Room for the columns' headers and the object itself, in `memorySize`. */
const OVERHEAD_SIZE = 1024;
/** Where `ByteWriter` starts; it grows to the limit. */
const ENCODE_SIZE_INITIAL = 16 * 1024;
/** `ByteWriter` reserves the longest varint before it writes a short one. */
const ENCODE_SLACK = 8;

export class PackIndex {
  readonly identity: PackIdentity;
  readonly blockCount: number;
  readonly frameCount: number;
  /** Sum of the blocks' plain lengths. */
  readonly plainSize: number;
  readonly plainLengths: Uint32Array;
  readonly inos: Float64Array;
  readonly filePositions: Float64Array;
  readonly codecs: Uint8Array;
  /** Number in the pack of each block's first frame; one more entry than blocks. */
  readonly firstFrames: Uint32Array;
  /** Where in the pack each frame is stored; one more entry than frames, the last is where the index begins. */
  readonly frameOffsets: Uint32Array;
  /** CRC-32 of each frame's stored bytes. */
  readonly frameCrcs: Uint32Array;

  /** An index whose frames are not known yet. Throws EINVAL when no pack can be made of the plan. */
  constructor(plan: PackPlan) {
    const count = plan.plainLengths.length;
    assert(plan.inos.length === count && plan.filePositions.length === count, "columns of a plan");
    if (count < 1 || count > PACK_BLOCK_COUNT_MAX) {
      throw new FsError("EINVAL", `a pack has 1 to ${PACK_BLOCK_COUNT_MAX} blocks, not ${count}`);
    }
    this.identity = plan.identity;
    this.blockCount = count;
    this.plainLengths = Uint32Array.from(plan.plainLengths);
    this.inos = Float64Array.from(plan.inos);
    this.filePositions = Float64Array.from(plan.filePositions);
    this.codecs = new Uint8Array(count);
    this.firstFrames = new Uint32Array(count + 1);
    let plainSize = 0;
    let frameCount = 0;
    for (let block = 0; block < count; block++) {
      const length = plan.plainLengths[block]!;
      if (!(length >= 1 && length <= BLOCK_SIZE_MAX)) {
        throw new FsError("EINVAL", `a block has 1 to ${BLOCK_SIZE_MAX} bytes, not ${length}`);
      }
      plainSize += length;
      frameCount += Math.ceil(length / FRAME_SIZE);
      this.firstFrames[block + 1] = frameCount;
    }
    if (plainSize > PACK_PLAIN_SIZE_MAX) {
      throw new FsError(
        "EINVAL",
        `a pack has at most ${PACK_PLAIN_SIZE_MAX} bytes, not ${plainSize}`,
      );
    }
    this.plainSize = plainSize;
    this.frameCount = frameCount;
    this.frameOffsets = new Uint32Array(frameCount + 1);
    this.frameOffsets[0] = PACK_HEADER_SIZE;
    this.frameCrcs = new Uint32Array(frameCount);
  }

  /** Where the index begins: the end of the last frame. */
  get indexOffset(): number {
    return this.frameOffsets[this.frameCount]!;
  }

  /** Bytes of memory it holds. */
  get memorySize(): number {
    return this.blockCount * 25 + this.frameCount * 8 + OVERHEAD_SIZE;
  }

  /** Plain bytes of frame `frame` of the pack, which is one of `block`. */
  framePlainLength(block: number, frame: number): number {
    const before = (frame - this.firstFrames[block]!) * FRAME_SIZE;
    return Math.min(FRAME_SIZE, this.plainLengths[block]! - before);
  }

  frameStoredLength(frame: number): number {
    return this.frameOffsets[frame + 1]! - this.frameOffsets[frame]!;
  }

  /** First stored byte of a block. */
  blockStoredOffset(block: number): number {
    return this.frameOffsets[this.firstFrames[block]!]!;
  }

  blockStoredLength(block: number): number {
    return this.frameOffsets[this.firstFrames[block + 1]!]! - this.blockStoredOffset(block);
  }
}

/** Index and footer, as they end the pack; owned by the caller. Every frame of `index` must be known. */
export function encodePackTail(index: PackIndex): Uint8Array {
  const writer = new ByteWriter({
    size: ENCODE_SIZE_INITIAL,
    start: 0,
    sizeMax: PACK_INDEX_SIZE_MAX + PACK_FOOTER_SIZE + ENCODE_SLACK,
  });
  let previousIno = 0;
  for (let block = 0; block < index.blockCount; block++) {
    const ino = index.inos[block]!;
    writer.uvarint(index.plainLengths[block]!);
    writer.svarint(ino - previousIno);
    writer.uvarint(index.filePositions[block]!);
    writer.u8(index.codecs[block]!);
    previousIno = ino;
    for (let frame = index.firstFrames[block]!; frame < index.firstFrames[block + 1]!; frame++) {
      const stored = index.frameStoredLength(frame);
      assert(stored > 0, `frame ${frame} is known when the index is written`);
      writer.uvarint(stored === index.framePlainLength(block, frame) ? 0 : stored);
      writer.u32(index.frameCrcs[frame]!);
    }
  }
  const indexLength = writer.length;
  const tail = new Uint8Array(indexLength + PACK_FOOTER_SIZE);
  tail.set(writer.buffer.subarray(0, indexLength));
  encodePackFooter(new DataView(tail.buffer), indexLength, {
    identity: index.identity,
    plainSize: index.plainSize,
    indexOffset: index.indexOffset,
    indexLength,
    indexCrc: crc32(tail.subarray(0, indexLength)),
    blockCount: index.blockCount,
  });
  return tail;
}

/**
 * Decodes the index from `tail`, which ends where the pack ends and holds at least index and footer (`packTailLength`
 * says how much that is). Nothing of `tail` is kept. CorruptError when it is damaged, is not of a pack of `packSize`
 * bytes, or not of the pack `expected`; EOPNOTSUPP when it is of a newer version.
 */
export function decodePackTail(
  tail: Uint8Array,
  packSize: number,
  expected: PackIdentity,
): PackIndex {
  const what = describePack(expected.timeline, expected.pack);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const footer = decodePackFooter(view, tail.length - PACK_FOOTER_SIZE, what);
  checkIdentity(footer.identity, expected, what);
  if (footer.indexOffset + footer.indexLength + PACK_FOOTER_SIZE !== packSize) {
    throw new CorruptError(`${what}: its footer does not fit its size of ${packSize} bytes`);
  }
  const at = tail.length - PACK_FOOTER_SIZE - footer.indexLength;
  if (at < 0) throw new CorruptError(`${what}: its index is cut short`);
  const bytes = tail.subarray(at, at + footer.indexLength);
  if (crc32(bytes) !== footer.indexCrc) {
    throw new CorruptError(`${what}: its index does not match its checksum`);
  }
  return decodeIndex(bytes, footer, what);
}

/** Bytes of index and footer together. `end` is the last part of a pack, at least PACK_FOOTER_SIZE bytes. */
export function packTailLength(end: Uint8Array, what: string): number {
  const view = new DataView(end.buffer, end.byteOffset, end.byteLength);
  return decodePackFooter(view, end.length - PACK_FOOTER_SIZE, what).indexLength + PACK_FOOTER_SIZE;
}

function checkIdentity(found: PackIdentity, expected: PackIdentity, what: string): void {
  if (
    found.volume !== expected.volume ||
    found.timeline !== expected.timeline ||
    found.pack !== expected.pack
  ) {
    throw new CorruptError(
      `${what} of volume ${expected.volume}: its bytes are ${describePack(found.timeline, found.pack)} of volume ${found.volume}`,
    );
  }
}

/** Two passes: the plan's columns first, since they say how many frames there are. */
function decodeIndex(bytes: Uint8Array, footer: PackFooter, what: string): PackIndex {
  const count = footer.blockCount;
  const plainLengths = new Uint32Array(count);
  const inos = new Float64Array(count);
  const filePositions = new Float64Array(count);
  scanPlan(bytes, { plainLengths, inos, filePositions, what });
  const index = new PackIndex({ identity: footer.identity, plainLengths, inos, filePositions });
  if (index.plainSize !== footer.plainSize) {
    throw new CorruptError(`${what}: index and footer differ in the number of plain bytes`);
  }
  fillFrames(bytes, index, what);
  if (index.indexOffset !== footer.indexOffset) {
    throw new CorruptError(`${what}: its frames do not end where its index begins`);
  }
  return index;
}

interface PlanColumns {
  readonly plainLengths: Uint32Array;
  readonly inos: Float64Array;
  readonly filePositions: Float64Array;
  readonly what: string;
}

function scanPlan(bytes: Uint8Array, columns: PlanColumns): void {
  const reader = new ByteReader().open(bytes, 0, bytes.length);
  let ino = 0;
  let plainSize = 0;
  for (let block = 0; block < columns.plainLengths.length; block++) {
    const length = reader.uvarint();
    ino += reader.svarint();
    plainSize += length;
    if (length < 1 || length > BLOCK_SIZE_MAX || plainSize > PACK_PLAIN_SIZE_MAX) {
      throw new CorruptError(`${columns.what}: block ${block} has an impossible length ${length}`);
    }
    if (!Number.isSafeInteger(ino) || ino < 0) {
      throw new CorruptError(`${columns.what}: block ${block} has an impossible inode`);
    }
    columns.plainLengths[block] = length;
    columns.inos[block] = ino;
    columns.filePositions[block] = reader.uvarint();
    if (!isCodec(reader.u8())) {
      throw new CorruptError(`${columns.what}: block ${block} has an unknown codec`);
    }
    for (let i = Math.ceil(length / FRAME_SIZE); i > 0; i--) {
      reader.uvarint();
      reader.u32();
    }
  }
  reader.finish();
}

/** `bytes` has passed `scanPlan`. */
function fillFrames(bytes: Uint8Array, index: PackIndex, what: string): void {
  const reader = new ByteReader().open(bytes, 0, bytes.length);
  for (let block = 0; block < index.blockCount; block++) {
    reader.uvarint();
    reader.svarint();
    reader.uvarint();
    const codec = reader.u8();
    index.codecs[block] = codec;
    for (let frame = index.firstFrames[block]!; frame < index.firstFrames[block + 1]!; frame++) {
      const plainLength = index.framePlainLength(block, frame);
      const stored = reader.uvarint();
      if (stored >= plainLength || (stored > 0 && codec === Codec.none)) {
        throw new CorruptError(
          `${what}: block ${block} has a frame of impossible length ${stored}`,
        );
      }
      index.frameOffsets[frame + 1] =
        index.frameOffsets[frame]! + (stored === 0 ? plainLength : stored);
      index.frameCrcs[frame] = reader.u32();
    }
  }
}
