/** fsck of one volume: read-only, of its last committed instant. What the journal holds beyond it is replayed at the next mount. */
import { CorruptError } from "../../core/fs-error.ts";
import { readPosition } from "../../cut/position.ts";
import { databasePath } from "../create-volume.ts";
import { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import { checkMetadata } from "./check-metadata.ts";
import { checkPacks } from "./check-packs.ts";
import { ProblemList, type FsckProblem } from "./problem.ts";

export interface CheckVolumeOptions {
  /** The volume's directory. */
  readonly root: string;
  readonly uuid: string;
  readonly timeline: string;
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
}

/** Throws what opening the database throws; everything else is a problem in the result. */
export function checkVolume(options: CheckVolumeOptions): CheckResult {
  const tables = SqliteTables.open(databasePath(options.root), { readOnly: true });
  try {
    const problems = new ProblemList();
    // One transaction: the whole check sees one instant, whatever a mount commits meanwhile.
    tables.database.exec("BEGIN");
    options.onProgress("metadata");
    checkPosition(tables, options.timeline, problems);
    const inodeCount = checkMetadata(tables, problems, options.signal);
    options.onProgress("packs");
    const totals = checkPacks(tables, problems, { ...options, contents: !options.metadataOnly });
    tables.database.exec("COMMIT");
    return { problems: problems.listed, problemCount: problems.count, inodeCount, ...totals };
  } finally {
    tables.close();
  }
}

/** Without it nothing opens the volume. */
function checkPosition(tables: SqliteTables, timeline: string, problems: ProblemList): void {
  try {
    readPosition(tables, timeline);
  } catch (error) {
    if (!(error instanceof CorruptError)) throw error;
    problems.add("position", error.message);
  }
}
