/**
 * Gives ranges of files a new block each, made from the blocks they have now: the compaction of fragmented files and
 * the repacking of packs with little live data. The new pack is planned like a cut's, with blocks as its sources.
 *
 * Dirty data is not touched: it stays newer than every slice.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, toPackId, type Ino, type PackId } from "../../core/ids.ts";
import { BLOCK_SIZE_MAX, PACK_BLOCK_COUNT_MAX, PACK_SIZE_TARGET } from "../../core/limits.ts";
import { OpKind, type Caller, type Operation } from "../../meta/operation.ts";
import type { FileState } from "../file-state.ts";
import { ZERO_PACK } from "../pack-book.ts";
import {
  encodePlan,
  type BlockSource,
  type PlannedBlock,
  type PlannedPiece,
} from "../planned-pack.ts";
import { placeSlice } from "../slice-map.ts";

export interface RewriteRange {
  readonly ino: Ino;
  readonly pos: number;
  /** At most BLOCK_SIZE_MAX; stored slices must cover all of it. */
  readonly length: number;
}

export interface RewriteArgs {
  readonly ranges: readonly RewriteRange[];
}

export interface RewriteResult {
  readonly pack: PackId;
}

export const rewrite: Operation<FileState, RewriteArgs, RewriteResult> = {
  kind: OpKind.REPACK,
  version: 1,
  name: "rewrite",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: FileState, _caller: Caller, args: RewriteArgs): RewriteResult {
  if (args.ranges.length === 0) throw new FsError("EINVAL", "nothing to rewrite");
  if (args.ranges.length > PACK_BLOCK_COUNT_MAX) {
    throw new FsError("EINVAL", `${args.ranges.length} ranges do not fit one pack`);
  }
  let plainSize = 0;
  for (const range of args.ranges) {
    if (range.length <= 0 || range.length > BLOCK_SIZE_MAX) {
      throw new FsError("EINVAL", `a range of ${range.length} bytes`);
    }
    plainSize += range.length;
    if (plainSize > PACK_SIZE_TARGET) {
      throw new FsError("EINVAL", `more than ${PACK_SIZE_TARGET} bytes do not fit one pack`);
    }
    if (collectPieces(state, range) === undefined) {
      throw new FsError("EINVAL", `inode ${range.ino} has a hole in what was to be rewritten`);
    }
  }
  return { pack: toPackId(state.meta.nextPack) };
}

function apply(state: FileState, args: RewriteArgs, result: RewriteResult): void {
  const id = result.pack;
  // A cut whose commit was lost gave out numbers that no record tells of: after it the recorded one is further on.
  if (id < state.meta.nextPack) throw new CorruptError(`rewrite: pack ${id} was used before`);
  state.meta.nextPack = id + 1;
  const blocks: PlannedBlock[] = [];
  let plainSize = 0;
  for (const range of args.ranges) {
    const pieces = collectPieces(state, range);
    if (pieces === undefined) throw new CorruptError(`rewrite: inode ${range.ino} has a hole`);
    blocks.push({ ...range, pieces });
    plainSize += range.length;
  }
  const planned = { id, blocks, plainSize };
  state.packs.add(id, { plainSize, bornCut: state.cut });
  state.pending.set(id, planned);
  state.meta.tables.plans.put(id, encodePlan(planned));
  for (const [index, range] of args.ranges.entries()) {
    const inode = state.meta.getInode(range.ino);
    if (inode === undefined) throw new CorruptError(`rewrite: inode ${range.ino} is missing`);
    placeSlice(state, inode, { pos: range.pos, length: range.length, pack: id, index, offset: 0 });
  }
}

/** The stored pieces of a range, or undefined when part of it is a hole, unwritten, or still pending. */
function collectPieces(state: FileState, range: RewriteRange): PlannedPiece[] | undefined {
  const pieces: PlannedPiece[] = [];
  const end = range.pos + range.length;
  let position = range.pos;
  for (const row of state.meta.tables.slices.overlapping(range.ino, range.pos, end)) {
    const start = Math.max(row.pos, range.pos);
    const stop = Math.min(row.pos + row.length, end);
    if (start !== position || row.pack === ZERO_PACK || state.packs.isPending(row.pack)) {
      return undefined;
    }
    const skip = row.offset + (start - row.pos);
    const source: BlockSource = {
      pack: row.pack,
      index: row.index,
      dataLength: skip + (stop - start),
    };
    pieces.push({ source, skip, length: stop - start });
    position = stop;
  }
  return position === end ? pieces : undefined;
}

function encode(into: ByteWriter, args: RewriteArgs, result: RewriteResult): void {
  into.uvarint(result.pack);
  into.uvarint(args.ranges.length);
  for (const range of args.ranges) {
    into.uvarint(range.ino);
    into.uvarint(range.pos);
    into.uvarint(range.length);
  }
}

function decode(from: ByteReader): { args: RewriteArgs; result: RewriteResult } {
  const pack = toPackId(from.uvarint());
  const count = from.uvarint();
  const ranges: RewriteRange[] = [];
  for (let i = 0; i < count; i++) {
    ranges.push({ ino: toIno(from.uvarint()), pos: from.uvarint(), length: from.uvarint() });
  }
  return { args: { ranges }, result: { pack } };
}
