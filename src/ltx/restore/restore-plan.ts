/**
 * Which files of a replica to restore from. The choice is Litestream's (restore plan of v0.5.16): the newest snapshot that
 * is not too new, then always the file that goes on from there and reaches furthest.
 *
 * What always holds: the files of a plan follow each other without a gap, and reach what was asked for; otherwise there
 * is an error that names the files between which something is missing. With no target, a file past a gap is such an
 * error too: the newest state cannot be restored, an older one only by saying which.
 */
import { FsError } from "../../core/fs-error.ts";
import { formatLtxFileName } from "../file-name.ts";
import { type LeveledRange, SNAPSHOT_LEVEL } from "../replica-layout.ts";
import { formatTxid } from "../txid.ts";

export interface ReplicaFile extends LeveledRange {
  /** When its last transaction was made; only looked at for a point in time. */
  readonly timestampMs: number;
}

/** `latest`, the state right after a TXID, or the last one before a time. */
export type RestoreTarget =
  | { readonly kind: "latest" }
  | { readonly kind: "txid"; readonly txid: number }
  | { readonly kind: "before"; readonly timestampMs: number };

/** Oldest first, never empty. ENOENT when there is nothing to restore from or the target is not there, EINVAL at a gap. */
export function planRestore<File extends ReplicaFile>(
  files: readonly File[],
  target: RestoreTarget,
): File[] {
  if (files.length === 0) throw new FsError("ENOENT", "there is no LTX file");
  if (target.kind === "before") checkTime(files, target.timestampMs);
  const allowed = files.filter((file) => isAllowed(file, target));
  const plan: File[] = [];
  const snapshot = lastOf(
    allowed.filter(({ level, minTxid }) => level === SNAPSHOT_LEVEL && minTxid === 1),
  );
  if (snapshot !== undefined) plan.push(snapshot);
  const others = allowed.filter(({ level }) => level !== SNAPSHOT_LEVEL).toSorted(byName);
  let reached = snapshot?.maxTxid ?? 0;
  for (let next = 0; target.kind !== "txid" || reached < target.txid;) {
    let best: File | undefined;
    for (; next < others.length && others[next]!.minTxid <= reached + 1; next++) {
      best = better(best, others[next]!, reached);
    }
    if (best === undefined) break;
    // Files that lost to this one reach no further than it.
    plan.push(best);
    reached = best.maxTxid;
  }
  checkReached(files, plan, target);
  return plan;
}

function isAllowed(file: ReplicaFile, target: RestoreTarget): boolean {
  if (target.kind === "txid") return file.maxTxid <= target.txid;
  return target.kind === "latest" || file.timestampMs < target.timestampMs;
}

/** Of two files that go on from `reached`: further, then from earlier on, then of a higher level, then older. */
function better<File extends ReplicaFile>(
  best: File | undefined,
  file: File,
  reached: number,
): File | undefined {
  if (file.maxTxid <= reached) return best;
  if (best === undefined) return file;
  const order =
    file.maxTxid - best.maxTxid ||
    best.minTxid - file.minTxid ||
    file.level - best.level ||
    best.timestampMs - file.timestampMs;
  return order > 0 ? file : best;
}

function checkTime(files: readonly ReplicaFile[], timestampMs: number): void {
  const times = files.map((file) => file.timestampMs);
  const earliest = times.reduce((a, b) => Math.min(a, b));
  const latest = times.reduce((a, b) => Math.max(a, b));
  if (timestampMs > earliest && timestampMs <= latest) return;
  const range = `after ${timeText(earliest)} and up to ${timeText(latest)}`;
  throw new FsError("ENOENT", `${timeText(timestampMs)} is outside of what there is: ${range}`);
}

function checkReached(
  files: readonly ReplicaFile[],
  plan: readonly ReplicaFile[],
  target: RestoreTarget,
): void {
  const last = plan.at(-1);
  const reached = last?.maxTxid ?? 0;
  const wanted = target.kind === "txid" ? target.txid : undefined;
  const isReached = last !== undefined && (wanted === undefined || reached === wanted);
  const beyond = target.kind === "latest" || !isReached ? firstBeyond(files, reached) : undefined;
  if (isReached && beyond === undefined) return;
  const what = wanted === undefined ? "" : `TXID ${formatTxid(wanted)} cannot be restored: `;
  if (beyond === undefined || (wanted !== undefined && beyond.minTxid > wanted)) {
    const end =
      last === undefined
        ? "no file begins at TXID 1"
        : `no file ends there, ${fileText(last)} is the last before`;
    throw new FsError("ENOENT", what + end);
  }
  const from =
    last === undefined ? "no file begins at TXID 1" : `${fileText(last)} is the last before a gap`;
  throw new FsError("EINVAL", `${what}${from}, ${fileText(beyond)} the first behind it`);
}

/** The first file that cannot be reached from `reached`. */
function firstBeyond(files: readonly ReplicaFile[], reached: number): ReplicaFile | undefined {
  return files.filter(({ minTxid }) => minTxid > reached + 1).toSorted(byName)[0];
}

function lastOf<File extends ReplicaFile>(files: readonly File[]): File | undefined {
  return files.toSorted(byName).at(-1);
}

function byName(a: ReplicaFile, b: ReplicaFile): number {
  return a.minTxid - b.minTxid || a.maxTxid - b.maxTxid || a.level - b.level;
}

function fileText(file: ReplicaFile): string {
  return `${formatLtxFileName(file)} of level ${file.level}`;
}

function timeText(timestampMs: number): string {
  const date = new Date(timestampMs);
  return Number.isNaN(date.getTime()) ? `${timestampMs} ms` : date.toISOString();
}
