/**
 * SETATTR: attributes (meta/attribute-change.ts) and the size. Truncating forgets what lies behind the new end, dirty
 * or stored, so that a file that grows again reads zeros there.
 */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { FILE_SIZE_MAX } from "../../core/limits.ts";
import {
  applyAttributeChange,
  decodeAttributeChange,
  encodeAttributeChange,
  prepareAttributeChange,
  type AttributeChange,
  type AttributeRequest,
} from "../../meta/attribute-change.ts";
import type { Inode } from "../../meta/inode.ts";
import { OpKind, type Caller, type Operation } from "../../meta/operation.ts";
import type { FileState } from "../file-state.ts";
import { cutSlices } from "../slice-map.ts";

export interface SetattrArgs extends Omit<AttributeRequest, "resizes"> {
  readonly ino: Ino;
  /** New size in bytes; undefined leaves it. */
  readonly size?: number | undefined;
}

export interface SetattrResult {
  readonly change: AttributeChange;
}

export const setattr: Operation<FileState, SetattrArgs, SetattrResult> = {
  kind: OpKind.SETATTR,
  version: 1,
  name: "setattr",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: FileState, caller: Caller, args: SetattrArgs): SetattrResult {
  const inode = state.meta.requireInode(args.ino);
  if (args.size !== undefined) checkSize(inode, args.size);
  const request: AttributeRequest = { ...args, resizes: args.size !== undefined };
  return { change: prepareAttributeChange(state.meta, caller, inode, request) };
}

function checkSize(inode: Inode, size: number): void {
  if (inode.isDirectory()) throw new FsError("EISDIR", `inode ${inode.ino} is a directory`);
  if (!inode.isRegular()) throw new FsError("EINVAL", `inode ${inode.ino} is not a file`);
  if (size > FILE_SIZE_MAX)
    throw new FsError("EFBIG", `a file of more than ${FILE_SIZE_MAX} bytes`);
}

function apply(state: FileState, args: SetattrArgs, result: SetattrResult): void {
  const inode = state.meta.getInode(args.ino);
  if (inode === undefined) throw new CorruptError(`setattr: inode ${args.ino} is missing`);
  if (args.size !== undefined) resize(state, inode, args.size);
  applyAttributeChange(state.meta, inode, result.change);
}

function resize(state: FileState, inode: Inode, size: number): void {
  // Space that was allocated beyond the end goes too, as ext4 does, so a truncate to the same size is not idle.
  state.dirty.cut(inode.ino, size, Number.MAX_SAFE_INTEGER);
  if (inode.allocated > 0) cutSlices(state, inode, size, Number.MAX_SAFE_INTEGER);
  inode.size = size;
}

const NO_SIZE = 0;

function encode(into: ByteWriter, args: SetattrArgs, result: SetattrResult): void {
  into.uvarint(args.ino);
  into.uvarint(args.size === undefined ? NO_SIZE : 1);
  if (args.size !== undefined) into.uvarint(args.size);
  encodeAttributeChange(into, result.change);
}

function decode(from: ByteReader): { args: SetattrArgs; result: SetattrResult } {
  const ino = toIno(from.uvarint());
  const size = from.uvarint() === NO_SIZE ? undefined : from.uvarint();
  return { args: { ino, size }, result: { change: decodeAttributeChange(from) } };
}
