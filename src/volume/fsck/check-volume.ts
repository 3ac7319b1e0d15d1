/**
 * fsck of one volume: read-only, of its last committed instant, and of the journal, whose records beyond that the next mount
 * replays.
 */
import { existsSync } from "node:fs";
import { CorruptError } from "../../core/fs-error.ts";
import { readPosition, type Position } from "../../cut/position.ts";
import { NodeDisk } from "../../journal/disk.ts";
import { databasePath } from "../create-volume.ts";
import { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import { checkJournal, checkLiveJournal, type JournalEnd } from "./check-journal.ts";
import { checkMetadata } from "./check-metadata.ts";
import { checkPacks } from "./check-packs.ts";
import { ProblemList, type FsckProblem } from "./problem.ts";

export interface CheckVolumeOptions {
  /** The volume's directory. */
  readonly root: string;
  readonly uuid: string;
  readonly timeline: string;
  /** Holds one directory a journal uuid; need not be there. */
  readonly journalRoot: string;
  /** Of a mounted volume: what its engine has acknowledged by now. */
  readonly appendedEnd?: () => JournalEnd | undefined;
  /** Leaves out the packs' contents. */
  readonly metadataOnly: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}

export interface CheckResult {
  readonly problems: readonly FsckProblem[];
  readonly problemCount: number;
  readonly inodeCount: number;
  readonly packCount: number;
  readonly packSize: number;
  /** Records that are not in the metadata yet. */
  readonly journalRecordCount: number;
  /** What could not be looked at, and why. */
  readonly unchecked?: string;
}

/** Throws what opening the database throws; everything else is a problem in the result. */
export function checkVolume(options: CheckVolumeOptions): CheckResult {
  const tables = SqliteTables.open(databasePath(options.root), { readOnly: true });
  try {
    const problems = new ProblemList();
    options.onProgress("journal");
    const journal = checkRecords(tables, problems, options);
    // One transaction: the rest of the check sees one instant, whatever a mount commits meanwhile.
    tables.database.exec("BEGIN");
    options.onProgress("metadata");
    const inodeCount = checkMetadata(tables, problems, options.signal);
    options.onProgress("packs");
    const totals = checkPacks(tables, problems, { ...options, contents: !options.metadataOnly });
    tables.database.exec("COMMIT");
    const { listed, count } = problems;
    return { problems: listed, problemCount: count, inodeCount, ...totals, ...journal };
  } finally {
    tables.close();
  }
}

function checkRecords(
  tables: SqliteTables,
  problems: ProblemList,
  options: CheckVolumeOptions,
): Pick<CheckResult, "journalRecordCount" | "unchecked"> {
  const { appendedEnd, journalRoot, signal } = options;
  const position = checkPosition(tables, options.timeline, problems);
  if (position === undefined) return { journalRecordCount: 0 };
  const disk = new NodeDisk();
  if (appendedEnd !== undefined) {
    const live = {
      disk,
      journalRoot,
      appendedEnd,
      position: () => readPosition(tables, options.timeline),
    };
    return { journalRecordCount: checkLiveJournal(problems, live) };
  }
  if (!position.clean && !existsSync(journalRoot)) {
    const unchecked = `the journal, for ${journalRoot} is not there, and the volume was not stopped cleanly`;
    return { journalRecordCount: 0, unchecked: `${unchecked}: say where its state directory is` };
  }
  const journal = { disk, journalRoot, signal };
  return { journalRecordCount: checkJournal(tables, position, problems, journal) };
}

/** Without it nothing opens the volume. */
function checkPosition(
  tables: SqliteTables,
  timeline: string,
  problems: ProblemList,
): Position | undefined {
  try {
    return readPosition(tables, timeline);
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    problems.add("position", error.message);
    return undefined;
  }
}
