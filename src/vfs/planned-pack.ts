/**
 * A pack's plan (rule K2): which journal bytes become which block. Frozen by the COMMIT that holds it; from then on
 * the pack is built from the plan only, also after a crash, never from what the file has become.
 *
 * Stored form (varints of ByteWriter):
 *
 *    u8 format (1) · count of sources, then each source: u8 0, segment, dataAt, dataLength, u32 dataCrc (a WRITE record)
 *    or u8 1, pack, index, length (a block that is rewritten: compaction, repacking)
 *    · count of blocks, then each block's ino, pos, count of pieces, then each piece's source index, skip, length
 *
 * The journal's uuid stands in the position row: a plan is only valid beside that journal.
 */
import { ByteReader } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { CorruptError } from "../core/fs-error.ts";
import { toIno, toPackId, type Ino, type PackId } from "../core/ids.ts";
import { BLOCK_SIZE_MAX, PACK_BLOCK_COUNT_MAX } from "../core/limits.ts";
import type { RecordData } from "./dirty-data.ts";

const FORMAT = 1;
const SourceKind = { RECORD: 0, BLOCK: 1 } as const;
/** The cut bounds the pieces of a pack to 8 MiB of plan; everyday plans stay under 1 MB. */
const PLAN_SIZE_MAX: number = 64 * 1024 * 1024;

/** A stored block whose bytes go into a new one. */
export interface BlockSource {
  readonly pack: PackId;
  readonly index: number;
  /** Plain bytes of the block that may be referred to. */
  readonly dataLength: number;
}

export type PieceSource = RecordData | BlockSource;

export function isBlockSource(source: PieceSource): source is BlockSource {
  return "pack" in source;
}

export interface PlannedPiece {
  readonly source: PieceSource;
  /** First byte in the source's data. */
  readonly skip: number;
  readonly length: number;
}

export interface PlannedBlock {
  /** The file and position it was written for: a hint for repacking and fsck. */
  readonly ino: Ino;
  readonly pos: number;
  readonly length: number;
  readonly pieces: readonly PlannedPiece[];
}

export interface PlannedPack {
  readonly id: PackId;
  readonly blocks: readonly PlannedBlock[];
  readonly plainSize: number;
}

export function encodePlan(pack: PlannedPack): Uint8Array {
  const into = new ByteWriter({ size: 4096, start: 0, sizeMax: PLAN_SIZE_MAX });
  const sources = new Map<PieceSource, number>();
  for (const block of pack.blocks) {
    for (const piece of block.pieces) {
      if (!sources.has(piece.source)) sources.set(piece.source, sources.size);
    }
  }
  into.u8(FORMAT);
  into.uvarint(sources.size);
  for (const source of sources.keys()) encodeSource(into, source);
  into.uvarint(pack.blocks.length);
  for (const block of pack.blocks) {
    into.uvarint(block.ino);
    into.uvarint(block.pos);
    into.uvarint(block.pieces.length);
    for (const piece of block.pieces) {
      into.uvarint(sources.get(piece.source)!);
      into.uvarint(piece.skip);
      into.uvarint(piece.length);
    }
  }
  return into.buffer.subarray(0, into.at);
}

/** Throws CorruptError for anything that is not a whole, sane plan. */
export function decodePlan(id: PackId, bytes: Uint8Array): PlannedPack {
  const from = new ByteReader().open(bytes, 0, bytes.length);
  const format = from.u8();
  if (format !== FORMAT) throw new CorruptError(`the plan of pack ${id} has format ${format}`);
  const sources = decodeSources(from);
  const blockCount = from.uvarint();
  if (blockCount > PACK_BLOCK_COUNT_MAX) {
    throw new CorruptError(`the plan of pack ${id} has ${blockCount} blocks`);
  }
  const blocks: PlannedBlock[] = [];
  let plainSize = 0;
  for (let i = 0; i < blockCount; i++) {
    const block = decodeBlock(from, sources);
    plainSize += block.length;
    blocks.push(block);
  }
  from.finish();
  return { id, blocks, plainSize };
}

/** Journal segments a plan reads from. */
export function segmentsOf(pack: PlannedPack): Set<number> {
  const segments = new Set<number>();
  for (const block of pack.blocks) {
    for (const { source } of block.pieces) {
      if (!isBlockSource(source)) segments.add(source.segment);
    }
  }
  return segments;
}

/** Stored packs a plan reads from; none of them may be deleted before the pack is stored. */
export function packsReadBy(pack: PlannedPack): Set<PackId> {
  const packs = new Set<PackId>();
  for (const block of pack.blocks) {
    for (const { source } of block.pieces) {
      if (isBlockSource(source)) packs.add(source.pack);
    }
  }
  return packs;
}

function encodeSource(into: ByteWriter, source: PieceSource): void {
  if (isBlockSource(source)) {
    into.u8(SourceKind.BLOCK);
    into.uvarint(source.pack);
    into.uvarint(source.index);
    into.uvarint(source.dataLength);
    return;
  }
  into.u8(SourceKind.RECORD);
  into.uvarint(source.segment);
  into.uvarint(source.dataAt);
  into.uvarint(source.dataLength);
  into.u32(source.dataCrc);
}

function decodeSources(from: ByteReader): PieceSource[] {
  const count = from.uvarint();
  if (count > from.remaining) throw new CorruptError("a plan has more sources than bytes");
  const sources: PieceSource[] = [];
  for (let i = 0; i < count; i++) sources.push(decodeSource(from));
  return sources;
}

function decodeSource(from: ByteReader): PieceSource {
  const kind = from.u8();
  if (kind === SourceKind.BLOCK) {
    return {
      pack: toPackId(from.uvarint()),
      index: from.uvarint(),
      dataLength: from.uvarint(),
    };
  }
  if (kind !== SourceKind.RECORD) throw new CorruptError(`a plan has a source of kind ${kind}`);
  return {
    segment: from.uvarint(),
    dataAt: from.uvarint(),
    dataLength: from.uvarint(),
    dataCrc: from.u32(),
  };
}

function decodeBlock(from: ByteReader, sources: readonly PieceSource[]): PlannedBlock {
  const ino = toIno(from.uvarint());
  const pos = from.uvarint();
  const count = from.uvarint();
  if (count > from.remaining) throw new CorruptError("a plan has more pieces than bytes");
  const pieces: PlannedPiece[] = [];
  let length = 0;
  for (let i = 0; i < count; i++) {
    const source = sources[from.uvarint()];
    const skip = from.uvarint();
    const size = from.uvarint();
    if (source === undefined || size === 0 || skip + size > source.dataLength) {
      throw new CorruptError("a piece of a plan lies outside its source");
    }
    pieces.push({ source, skip, length: size });
    length += size;
  }
  if (length === 0 || length > BLOCK_SIZE_MAX) {
    throw new CorruptError(`a planned block has ${length} bytes`);
  }
  return { ino, pos, length, pieces };
}
