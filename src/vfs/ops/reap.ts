/** Frees inodes that have no name and that nobody holds any more (rule J8): rows, slices, dirty data, usage. */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { toIno, type Ino } from "../../core/ids.ts";
import { OpKind, type Caller, type Operation } from "../../meta/operation.ts";
import type { FileState } from "../file-state.ts";
import { cutSlices } from "../slice-map.ts";

export interface ReapArgs {
  /** Asked for; those that got a name again meanwhile stay. */
  readonly inos: readonly Ino[];
}

export interface ReapResult {
  readonly inos: readonly Ino[];
}

/** Inodes freed by one record, so that no record and no step grows without bound. */
export const REAP_COUNT_MAX = 256;

export const reap: Operation<FileState, ReapArgs, ReapResult> = {
  kind: OpKind.REAP,
  version: 1,
  name: "reap",
  prepare,
  apply,
  encode,
  decode,
};

function prepare(state: FileState, _caller: Caller, args: ReapArgs): ReapResult {
  return { inos: [...new Set(args.inos)].filter((ino) => state.meta.orphans.has(ino)) };
}

function apply(state: FileState, _args: ReapArgs, result: ReapResult): void {
  for (const ino of result.inos) {
    const inode = state.meta.getInode(ino);
    if (inode === undefined || inode.nlink !== 0) {
      throw new CorruptError(`reap: inode ${ino} is missing or has a name`);
    }
    state.dirty.drop(ino);
    if (inode.allocated > 0) cutSlices(state, inode, 0, Number.MAX_SAFE_INTEGER);
    state.meta.removeInode(inode);
    state.meta.removeOrphan(ino);
  }
}

function encode(into: ByteWriter, _args: ReapArgs, result: ReapResult): void {
  into.uvarint(result.inos.length);
  for (const ino of result.inos) into.uvarint(ino);
}

function decode(from: ByteReader): { args: ReapArgs; result: ReapResult } {
  const count = from.uvarint();
  const inos: Ino[] = [];
  for (let i = 0; i < count; i++) inos.push(toIno(from.uvarint()));
  return { args: { inos }, result: { inos } };
}
