/**
 * Checks the journal of a volume: its records from the last commit on, their chain, what is known to have been flushed
 * (rule J6), and the bytes that packs are still to be built from (rule K2). Changes nothing, and finds what recovery
 * would refuse.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { REQUEST_DATA_SIZE_MAX } from "../../core/limits.ts";
import { FsError } from "../../core/fs-error.ts";
import { toHex } from "../../core/hex.ts";
import { NO_JOURNAL, type Position } from "../../cut/position.ts";
import type { AppendedEnd } from "../../journal/appended-end.ts";
import type { Disk } from "../../journal/disk.ts";
import { inspect } from "../../journal/inspect.ts";
import { JournalRangeReader } from "../../journal/range-reader.ts";
import type { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import { decodePlan, isBlockSource, type PlannedPack } from "../../vfs/planned-pack.ts";
import { ProblemList } from "./problem.ts";

/** A journal that is written meanwhile: what looks damaged may only have changed, so it is looked at again. */
const LIVE_ATTEMPT_COUNT = 3;

export interface JournalCheckOptions {
  readonly disk: Disk;
  /** Holds one directory a journal uuid. */
  readonly journalRoot: string;
  readonly signal: AbortSignal;
}

/** Of a volume that nobody has open. Returns how many records are not in the tables yet. */
export function checkJournal(
  tables: SqliteTables,
  position: Position,
  problems: ProblemList,
  options: JournalCheckOptions,
): number {
  const dir = join(options.journalRoot, position.journal);
  const plans = tables.plans.list();
  if (position.journal === NO_JOURNAL || !existsSync(dir)) {
    if (!position.clean || plans.length > 0) problems.add("journal", missingJournal(dir, position));
    return 0;
  }
  const count = inspectRecords(dir, position, problems, { disk: options.disk, end: undefined });
  // Beyond that the plans say what is needed.
  using ranges = new JournalRangeReader({
    disk: options.disk,
    dir,
    uuid: Buffer.from(position.journal, "hex"),
  });
  for (const { pack, plan } of plans) {
    options.signal.throwIfAborted();
    try {
      readPlanned(decodePlan(pack, plan), ranges);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      problems.add(`pack ${pack}`, `is not stored yet and cannot be built: ${error.message}`);
    }
  }
  return count;
}

export interface LiveJournal {
  readonly disk: Disk;
  readonly journalRoot: string;
  /** What the engine has acknowledged by now. */
  readonly appendedEnd: () => JournalEnd | undefined;
  /** The position that is committed now. */
  readonly position: () => Position;
}

/** What memory says of a journal's end. */
export interface JournalEnd extends AppendedEnd {
  readonly journalUuid: Uint8Array;
}

/** Of a mounted volume; packs that are still to be built are the engine's care. Returns as `checkJournal`. */
export function checkLiveJournal(problems: ProblemList, live: LiveJournal): number {
  for (let attempt = 1; ; attempt++) {
    const found = new ProblemList();
    // In this order: what was acknowledged by then is in the tables of that position or behind it in the journal.
    const end = live.appendedEnd();
    const position = live.position();
    const dir = join(live.journalRoot, position.journal);
    const count = inspectRecords(dir, position, found, { disk: live.disk, end });
    if (found.count > 0 && attempt < LIVE_ATTEMPT_COUNT) continue;
    problems.addAll(found);
    return count;
  }
}

function inspectRecords(
  dir: string,
  position: Position,
  problems: ProblemList,
  options: { readonly disk: Disk; readonly end: JournalEnd | undefined },
): number {
  const { disk, end } = options;
  const isOurs = end !== undefined && toHex(end.journalUuid) === position.journal;
  try {
    const found = inspect({
      disk,
      dir,
      uuid: Buffer.from(position.journal, "hex"),
      fromJsn: position.jsn + 1,
      flushedJsnKnown: position.flushedJsn,
      ...(isOurs ? { appendedEndKnown: end } : {}),
    });
    for (const text of found.problems) problems.add("journal", text);
    return Math.max(0, found.lastJsn - position.jsn);
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    problems.add("journal", `${dir} cannot be read: ${error.message}`);
    return 0;
  }
}

function readPlanned(pack: PlannedPack, ranges: JournalRangeReader): void {
  const into = new Uint8Array(REQUEST_DATA_SIZE_MAX);
  for (const block of pack.blocks) {
    for (const { source, skip, length } of block.pieces) {
      if (isBlockSource(source)) continue;
      const { segment, dataAt, dataLength, dataCrc } = source;
      const part = { subOffset: skip, subLength: length };
      ranges.read({ segment, dataOffset: dataAt, dataLength, dataCrc, ...part }, into, 0);
    }
  }
}

function missingJournal(dir: string, position: Position): string {
  return (
    `${dir} is missing, but the volume was not stopped cleanly: what was written after ` +
    `${new Date(position.timeMs).toISOString()} is only there. Say --state-dir if it lies elsewhere`
  );
}
