/** Every operation that a journal record may hold, for replay. WRITE is apart: its record is its own layout. */
import { META_OPERATIONS, OpRegistry, replayable, type Replayable } from "../meta/op-registry.ts";
import type { FileState } from "./file-state.ts";
import { copyRange } from "./ops/copy-range.ts";
import { fallocate } from "./ops/fallocate.ts";
import { packDropped } from "./ops/pack-dropped.ts";
import { packStored } from "./ops/pack-stored.ts";
import { reap } from "./ops/reap.ts";
import { rewrite } from "./ops/rewrite.ts";
import { setattr } from "./ops/setattr.ts";

const FILE_OPERATIONS: readonly Replayable<FileState>[] = [
  replayable(setattr),
  replayable(fallocate),
  replayable(copyRange),
  replayable(reap),
  replayable(packStored),
  replayable(packDropped),
  replayable(rewrite),
];

export function volumeOperations(): OpRegistry<FileState> {
  const onMeta = META_OPERATIONS.map((operation): Replayable<FileState> => ({
    kind: operation.kind,
    version: operation.version,
    name: operation.name,
    replay: (state, from, version) => operation.replay(state.meta, from, version),
  }));
  return new OpRegistry([...onMeta, ...FILE_OPERATIONS]);
}
