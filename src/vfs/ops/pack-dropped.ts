/** A dead pack's object is gone: its row goes too (rule G4a). */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { toPackId, type PackId } from "../../core/ids.ts";
import { OpKind, type Operation } from "../../meta/operation.ts";
import type { FileState } from "../file-state.ts";

export interface PackDroppedArgs {
  readonly pack: PackId;
}

/** Nothing is decided: the arguments say it all. */
export type PackDroppedResult = undefined;

export const packDropped: Operation<FileState, PackDroppedArgs, PackDroppedResult> = {
  kind: OpKind.PACK_DROPPED,
  version: 1,
  name: "pack_dropped",
  prepare: () => undefined,
  apply,
  encode: (into: ByteWriter, args: PackDroppedArgs) => into.uvarint(args.pack),
  decode: (from: ByteReader) => ({ args: { pack: toPackId(from.uvarint()) }, result: undefined }),
};

function apply(state: FileState, args: PackDroppedArgs): void {
  const row = state.packs.require(args.pack);
  if (row.refCount !== 0) {
    throw new CorruptError(`pack ${args.pack} was dropped but ${row.refCount} slices refer to it`);
  }
  state.packs.drop(args.pack);
  state.pending.delete(args.pack);
  state.meta.tables.plans.remove(args.pack);
}
