/**
 * From the number in a journal record to the operation that replays it. Other layers add theirs; a number has one
 * operation. A kind or version that is not known is refused: it was written by a later program (rule J3).
 */
import type { ByteReader } from "../core/byte-reader.ts";
import { assert } from "../core/assert.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import type { MetaState } from "./meta-state.ts";
import type { Operation } from "./operation.ts";
import { atime } from "./ops/atime.ts";
import { create } from "./ops/create.ts";
import { link } from "./ops/link.ts";
import { removexattr } from "./ops/removexattr.ts";
import { rename } from "./ops/rename.ts";
import { rmdir } from "./ops/rmdir.ts";
import { setInodeFlags } from "./ops/set-inode-flags.ts";
import { setxattr } from "./ops/setxattr.ts";
import { unlink } from "./ops/unlink.ts";

/** An operation as replay sees it, whatever its arguments are. */
export interface Replayable<State> {
  readonly kind: number;
  readonly version: number;
  readonly name: string;
  /** Decodes all of `from` and applies it. Throws CorruptError. */
  replay(state: State, from: ByteReader, version: number): void;
}

export function replayable<State, Args, Result>(
  operation: Operation<State, Args, Result>,
): Replayable<State> {
  return {
    kind: operation.kind,
    version: operation.version,
    name: operation.name,
    replay(state, from, version) {
      const { args, result } = operation.decode(from, version);
      from.finish();
      operation.apply(state, args, result);
    },
  };
}

export class OpRegistry<State> {
  readonly #operations = new Map<number, Replayable<State>>();

  constructor(operations: Iterable<Replayable<State>>) {
    for (const operation of operations) {
      assert(!this.#operations.has(operation.kind), `two operations of kind ${operation.kind}`);
      this.#operations.set(operation.kind, operation);
    }
  }

  /** Throws EPROTO for a kind or version that only a later program knows. */
  get(kind: number, version: number): Replayable<State> {
    const operation = this.#operations.get(kind);
    if (operation === undefined) {
      throw new FsError("EPROTO", `the journal has an operation of kind ${kind}, unknown here`);
    }
    if (version > operation.version) {
      throw new FsError(
        "EPROTO",
        `the journal has ${operation.name} in version ${version}; known is ${operation.version}`,
      );
    }
    if (version < 1) throw new CorruptError(`${operation.name} in version ${version}`);
    return operation;
  }
}

/** The operations of this layer. */
export const META_OPERATIONS: readonly Replayable<MetaState>[] = [
  replayable(create),
  replayable(unlink),
  replayable(rmdir),
  replayable(rename),
  replayable(link),
  replayable(setxattr),
  replayable(removexattr),
  replayable(setInodeFlags),
  replayable(atime),
];
