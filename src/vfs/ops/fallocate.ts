/**
 * fallocate(2): allocate, punch a hole, zero, collapse or insert a range. Errors as ext4 gives them.
 *
 * Collapse and insert must be multiples of the block size that statfs reports (4 KiB) and stay inside the file.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import { InodeFlag, type Inode } from "../../meta/inode.ts";
import { OpKind, type Caller, type Operation } from "../../meta/operation.ts";
import { DirtyPiece } from "../dirty-data.ts";
import { uncoveredBytes } from "../extent-walk.ts";
import type { FileState } from "../file-state.ts";
import { allocateHoles, cutSlices, shiftSlices } from "../slice-map.ts";
import { killPrivileges } from "./write.ts";

/** Source: include/uapi/linux/falloc.h. */
export const FallocateMode = {
  KEEP_SIZE: 1,
  PUNCH_HOLE: 2,
  COLLAPSE_RANGE: 8,
  ZERO_RANGE: 16,
  INSERT_RANGE: 32,
} as const;

const SHIFT_ALIGNMENT = 4096;
/** All files together: half of what a number can count, the rest is for what is written. */
const ALLOCATED_SIZE_MAX: number = 2 ** 52;

export interface FallocateArgs {
  readonly ino: Ino;
  /** `FallocateMode` bits. */
  readonly mode: number;
  readonly offset: number;
  readonly length: number;
}

export interface FallocateResult {
  readonly killSuidgid: boolean;
  readonly sec: number;
  readonly nsec: number;
}

export const fallocate: Operation<FileState, FallocateArgs, FallocateResult> = {
  kind: OpKind.FALLOCATE,
  version: 1,
  name: "fallocate",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: FileState, caller: Caller, args: FallocateArgs): FallocateResult {
  const inode = state.meta.requireInode(args.ino);
  if (inode.isDirectory()) throw new FsError("EISDIR", `inode ${args.ino} is a directory`);
  if (!inode.isRegular()) throw new FsError("ENODEV", `inode ${args.ino} is not a file`);
  if (args.length <= 0 || args.offset < 0) throw new FsError("EINVAL", "an empty range");
  checkFlags(inode, args.mode);
  const takesAway = args.mode & (FallocateMode.PUNCH_HOLE | FallocateMode.COLLAPSE_RANGE);
  if (!takesAway) {
    if (args.offset + args.length > FILE_SIZE_MAX) {
      throw new FsError("EFBIG", `a range past ${FILE_SIZE_MAX} bytes`);
    }
    // The volume's usage is one number, and has to stay exact. Inserting moves what is there and allocates nothing.
    const allocates = (args.mode & FallocateMode.INSERT_RANGE) === 0;
    if (allocates && state.meta.byteCount + args.length > ALLOCATED_SIZE_MAX) {
      throw new FsError("ENOSPC", `no room to allocate ${args.length} bytes`);
    }
  }
  if (args.mode & (FallocateMode.COLLAPSE_RANGE | FallocateMode.INSERT_RANGE)) {
    checkShift(inode, args);
  }
  return { killSuidgid: !caller.privileged, sec: caller.now.sec, nsec: caller.now.nsec };
}

/** Bytes that the call asks to keep room for and that nothing covers yet; 0 for what is refused whatever the room. */
export function roomToAllocate(state: FileState, args: FallocateArgs): number {
  const kinds = args.mode & ~FallocateMode.KEEP_SIZE;
  if (kinds !== 0 && kinds !== FallocateMode.ZERO_RANGE) return 0;
  const inode = state.meta.getInode(args.ino);
  if (inode === undefined || !inode.isRegular()) return 0;
  if (args.offset + args.length > FILE_SIZE_MAX) return 0;
  return uncoveredBytes(state, inode, args.offset, args.offset + args.length);
}

function checkFlags(inode: Inode, mode: number): void {
  const kinds = mode & ~FallocateMode.KEEP_SIZE;
  const known =
    kinds === 0 ||
    kinds === FallocateMode.PUNCH_HOLE ||
    kinds === FallocateMode.ZERO_RANGE ||
    kinds === FallocateMode.COLLAPSE_RANGE ||
    kinds === FallocateMode.INSERT_RANGE;
  if (!known) throw new FsError("EOPNOTSUPP", `fallocate mode ${mode}`);
  if (kinds === FallocateMode.PUNCH_HOLE && !(mode & FallocateMode.KEEP_SIZE)) {
    throw new FsError("EOPNOTSUPP", "punching a hole keeps the size");
  }
  if (
    kinds >= FallocateMode.COLLAPSE_RANGE &&
    kinds !== FallocateMode.ZERO_RANGE &&
    kinds !== mode
  ) {
    throw new FsError("EOPNOTSUPP", "collapse and insert stand alone");
  }
  if (inode.has(InodeFlag.IMMUTABLE)) throw new FsError("EPERM", "the file is immutable");
  if (inode.has(InodeFlag.APPEND) && kinds !== 0) {
    throw new FsError("EPERM", "the file is append-only");
  }
}

function checkShift(inode: Inode, args: FallocateArgs): void {
  if (args.offset % SHIFT_ALIGNMENT !== 0 || args.length % SHIFT_ALIGNMENT !== 0) {
    throw new FsError("EINVAL", `the range is not a multiple of ${SHIFT_ALIGNMENT} bytes`);
  }
  if (args.mode & FallocateMode.COLLAPSE_RANGE) {
    if (args.offset + args.length >= inode.size) {
      throw new FsError("EINVAL", "the range reaches the end of the file");
    }
    return;
  }
  if (args.offset >= inode.size) throw new FsError("EINVAL", "the range begins past the end");
  if (inode.size + args.length > FILE_SIZE_MAX) {
    throw new FsError("EFBIG", `the file would grow past ${FILE_SIZE_MAX} bytes`);
  }
}

function apply(state: FileState, args: FallocateArgs, result: FallocateResult): void {
  const inode = state.meta.getInode(args.ino);
  if (inode === undefined) throw new CorruptError(`fallocate: inode ${args.ino} is missing`);
  const { mode, offset, length } = args;
  const end = Math.min(FILE_SIZE_MAX, offset + length);
  if (mode & FallocateMode.COLLAPSE_RANGE) {
    removeRange(state, inode, offset, end);
    shift(state, inode, end, -length);
    inode.size -= length;
  } else if (mode & FallocateMode.INSERT_RANGE) {
    splitAt(state, inode, offset);
    shift(state, inode, offset, length);
    inode.size += length;
  } else {
    const clears = mode & (FallocateMode.PUNCH_HOLE | FallocateMode.ZERO_RANGE);
    if (clears) removeRange(state, inode, offset, end);
    if (!(mode & FallocateMode.PUNCH_HOLE)) allocateHoles(state, inode, offset, end);
    if (!(mode & FallocateMode.KEEP_SIZE)) inode.size = Math.max(inode.size, end);
  }
  inode.setMtimeAndCtime(result);
  killPrivileges(state, inode, result.killSuidgid);
  state.meta.markDirty(inode);
}

function removeRange(state: FileState, inode: Inode, start: number, end: number): void {
  state.dirty.cut(inode.ino, start, end);
  cutSlices(state, inode, start, end);
}

/** Splits the slice that reaches over `position`, so that rows can be moved from there on. */
function splitAt(state: FileState, inode: Inode, position: number): void {
  const { slices } = state.meta.tables;
  for (const row of slices.overlapping(inode.ino, position, position + 1)) {
    if (row.pos === position) continue;
    const head = position - row.pos;
    slices.remove(inode.ino, row.pos);
    slices.insert(inode.ino, { ...row, length: head });
    slices.insert(inode.ino, {
      ...row,
      pos: position,
      length: row.length - head,
      offset: row.pack === 0 ? 0 : row.offset + head,
    });
    // One row became two: the pack is referred to once more, by as many bytes as before.
    state.packs.addReference(row.pack, 0);
  }
}

/** Moves what lies at or behind `from` by `distance`, dirty pieces and slices. */
function shift(state: FileState, inode: Inode, from: number, distance: number): void {
  const pieces: DirtyPiece[] = [];
  state.dirty.overlapping(inode.ino, from, Number.MAX_SAFE_INTEGER, pieces);
  const moved = pieces.map((piece) => {
    const start = Math.max(piece.start, from);
    return new DirtyPiece(start, piece.end, piece.record, piece.skip + (start - piece.start));
  });
  state.dirty.cut(inode.ino, from, Number.MAX_SAFE_INTEGER);
  shiftSlices(state, inode, from, distance);
  for (const piece of moved) {
    const { start, end, record, skip } = piece;
    state.dirty.put(inode.ino, start + distance, end - start, record, skip);
  }
}

function encode(into: ByteWriter, args: FallocateArgs, result: FallocateResult): void {
  into.uvarint(args.ino);
  into.uvarint(args.mode);
  into.uvarint(args.offset);
  into.uvarint(args.length);
  into.u8(result.killSuidgid ? 1 : 0);
  into.svarint(result.sec);
  into.u32(result.nsec);
}

function decode(from: ByteReader): { args: FallocateArgs; result: FallocateResult } {
  return {
    args: {
      ino: toIno(from.uvarint()),
      mode: from.uvarint(),
      offset: from.uvarint(),
      length: from.uvarint(),
    },
    result: { killSuidgid: from.u8() === 1, sec: from.svarint(), nsec: from.u32() },
  };
}
