/** An open volume in numbers, as `status`, `stats` and the metrics show it. */
import { JOURNAL_SIZE_DEFAULT } from "../../journal/journal.ts";
import type { VolumeCore } from "../../volume/volume-core.ts";

export function describeCore(core: VolumeCore): Record<string, unknown> {
  const { state, journal } = core;
  let liveBytes = 0;
  let plainBytes = 0;
  for (const row of state.packs.values()) {
    liveBytes += row.liveSize;
    plainBytes += row.plainSize;
  }
  const { operations, ageMs } = core.uncut;
  return {
    inodes: state.meta.inodeCount,
    bytes: state.meta.byteCount,
    orphans: state.meta.orphans.size,
    packs: state.packs.count,
    storedBytes: state.packs.storedSize,
    packedBytes: state.packs.storedSizeEver,
    liveBytes,
    plainBytes,
    cut: state.cut - 1,
    dirtyBytes: state.dirty.byteCount,
    pendingPacks: state.pending.size,
    pendingBytes: state.pendingSize,
    unsyncedCuts: core.unsyncedCutCount,
    journalBytes: journal.liveSize,
    journalLimit: JOURNAL_SIZE_DEFAULT,
    unflushedBytes: journal.unflushedSize,
    lastJsn: journal.lastJsn,
    flushedJsn: journal.flushedJsn,
    operations: core.executor.operationCount,
    uncutOperations: operations,
    uncutAgeMs: ageMs,
    problem: core.problem,
  };
}
