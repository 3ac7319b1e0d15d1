/** A pending pack's object is in the store, whole and flushed: from now on it is read there, and its plan goes. */
import type { ByteReader } from "../../core/byte-reader.ts";
import type { ByteWriter } from "../../core/byte-writer.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { toPackId, type PackId } from "../../core/ids.ts";
import { OpKind, type Operation } from "../../meta/operation.ts";
import type { FileState } from "../file-state.ts";

export interface PackStoredArgs {
  readonly pack: PackId;
  /** Bytes of the object. */
  readonly storedSize: number;
}

/** Nothing is decided: the arguments say it all. */
export type PackStoredResult = undefined;

export const packStored: Operation<FileState, PackStoredArgs, PackStoredResult> = {
  kind: OpKind.PACK_STORED,
  version: 1,
  name: "pack_stored",
  prepare: () => undefined,
  apply,
  encode,
  decode,
};

function apply(state: FileState, args: PackStoredArgs): void {
  if (!state.packs.isPending(args.pack)) {
    throw new CorruptError(`pack ${args.pack} is stored already`);
  }
  state.packs.markStored(args.pack, args.storedSize);
  state.pending.delete(args.pack);
  state.meta.tables.plans.remove(args.pack);
}

function encode(into: ByteWriter, args: PackStoredArgs): void {
  into.uvarint(args.pack);
  into.uvarint(args.storedSize);
}

function decode(from: ByteReader): { args: PackStoredArgs; result: PackStoredResult } {
  return {
    args: { pack: toPackId(from.uvarint()), storedSize: from.uvarint() },
    result: undefined,
  };
}
