/**
 * copy_file_range(2): the target shares what the source has, dirty data by its journal record and stored data by its
 * block; no byte is copied. Holes stay holes.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import { InodeFlag, type Inode } from "../../meta/inode.ts";
import { OpKind, type Caller, type Operation } from "../../meta/operation.ts";
import type { SliceRow } from "../../meta/tables.ts";
import { DirtyPiece } from "../dirty-data.ts";
import type { FileState } from "../file-state.ts";
import { ZERO_PACK } from "../pack-book.ts";
import { cutSlices, placeSlice } from "../slice-map.ts";
import { killPrivileges } from "./write.ts";

export interface CopyRangeArgs {
  readonly source: Ino;
  readonly sourceOffset: number;
  readonly target: Ino;
  readonly targetOffset: number;
  /** As asked; the result says what there was before the source's end. */
  readonly length: number;
}

export interface CopyRangeResult {
  readonly length: number;
  readonly killSuidgid: boolean;
  readonly sec: number;
  readonly nsec: number;
}

export const copyRange: Operation<FileState, CopyRangeArgs, CopyRangeResult> = {
  kind: OpKind.COPY_RANGE,
  version: 1,
  name: "copy_range",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: FileState, caller: Caller, args: CopyRangeArgs): CopyRangeResult {
  const source = requireFile(state, args.source);
  const target = requireFile(state, args.target);
  if (target.has(InodeFlag.IMMUTABLE)) throw new FsError("EPERM", "the target is immutable");
  if (target.has(InodeFlag.APPEND)) throw new FsError("EPERM", "the target is append-only");
  const length = Math.max(0, Math.min(args.length, source.size - args.sourceOffset));
  if (args.targetOffset + length > FILE_SIZE_MAX) {
    throw new FsError("EFBIG", `a copy past ${FILE_SIZE_MAX} bytes`);
  }
  if (args.source === args.target && Math.abs(args.sourceOffset - args.targetOffset) < length) {
    throw new FsError("EINVAL", "source and target overlap in one file");
  }
  return {
    length,
    killSuidgid: !caller.privileged,
    sec: caller.now.sec,
    nsec: caller.now.nsec,
  };
}

function requireFile(state: FileState, ino: Ino): Inode {
  const inode = state.meta.requireInode(ino);
  if (inode.isDirectory()) throw new FsError("EISDIR", `inode ${ino} is a directory`);
  if (!inode.isRegular()) throw new FsError("EINVAL", `inode ${ino} is not a file`);
  return inode;
}

function apply(state: FileState, args: CopyRangeArgs, result: CopyRangeResult): void {
  const target = state.meta.getInode(args.target);
  if (target === undefined) throw new CorruptError(`copy: inode ${args.target} is missing`);
  if (result.length === 0) return;
  const { source, sourceOffset, targetOffset } = args;
  const sourceEnd = sourceOffset + result.length;
  const shift = targetOffset - sourceOffset;
  const rows = state.meta.tables.slices.overlapping(source, sourceOffset, sourceEnd);
  const pieces = copyOfPieces(state, source, sourceOffset, sourceEnd);
  state.dirty.cut(target.ino, targetOffset, targetOffset + result.length);
  cutSlices(state, target, targetOffset, targetOffset + result.length);
  for (const row of rows)
    shareRow(state, target, row, { start: sourceOffset, end: sourceEnd, shift });
  for (const { start, end, record, skip } of pieces) {
    state.dirty.put(target.ino, start + shift, end - start, record, skip);
  }
  target.size = Math.max(target.size, targetOffset + result.length);
  target.setMtimeAndCtime(result);
  killPrivileges(state, target, result.killSuidgid);
  state.meta.markDirty(target);
}

/** The dirty pieces of [start, end), clipped to it. Copies: in one file, clearing the target may split a piece of the source. */
function copyOfPieces(state: FileState, ino: Ino, start: number, end: number): DirtyPiece[] {
  const pieces: DirtyPiece[] = [];
  state.dirty.overlapping(ino, start, end, pieces);
  return pieces.map((piece) => {
    const from = Math.max(piece.start, start);
    const skip = piece.skip + (from - piece.start);
    return new DirtyPiece(from, Math.min(piece.end, end), piece.record, skip);
  });
}

function shareRow(
  state: FileState,
  target: Inode,
  row: SliceRow,
  range: { readonly start: number; readonly end: number; readonly shift: number },
): void {
  if (row.pack === ZERO_PACK) return;
  const start = Math.max(row.pos, range.start);
  const end = Math.min(row.pos + row.length, range.end);
  placeSlice(state, target, {
    pos: start + range.shift,
    length: end - start,
    pack: row.pack,
    index: row.index,
    offset: row.offset + (start - row.pos),
  });
}

function encode(into: ByteWriter, args: CopyRangeArgs, result: CopyRangeResult): void {
  into.uvarint(args.source);
  into.uvarint(args.sourceOffset);
  into.uvarint(args.target);
  into.uvarint(args.targetOffset);
  into.uvarint(args.length);
  into.uvarint(result.length);
  into.u8(result.killSuidgid ? 1 : 0);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: CopyRangeArgs; result: CopyRangeResult } {
  return {
    args: {
      source: toIno(from.uvarint()),
      sourceOffset: from.uvarint(),
      target: toIno(from.uvarint()),
      targetOffset: from.uvarint(),
      length: from.uvarint(),
    },
    result: {
      length: from.uvarint(),
      killSuidgid: from.u8() === 1,
      sec: from.svarint(),
      nsec: from.u32(),
    },
  };
}
