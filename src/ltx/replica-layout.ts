/**
 * Where Litestream keeps the LTX files of a database, below the replica's path.
 *
 *   s3, oss                               <level as 4 hex digits>/<name>, e.g. 0000/…, snapshots in 0009/
 *   file, gs, abs, sftp, nats, webdav     ltx/<level>/<name>, e.g. ltx/0/…, snapshots in ltx/9/
 *
 * Level 0 is what was shipped, 1 to 8 are compactions, 9 are snapshots. Any other name is not one of its files.
 * Source: benbjohnson/litestream ltx.go, s3/replica_client.go, file/replica_client.go.
 */
import { formatLtxFileName, parseLtxFileName, type TxidRange } from "./file-name.ts";

/** `flat` is that of s3 and oss, `nested` that of every other kind of store. */
export type ReplicaLayout = "flat" | "nested";

export const LEVEL_COUNT = 10;
export const SNAPSHOT_LEVEL = 9;

export interface LeveledRange extends TxidRange {
  readonly level: number;
}

/** What every key of a level begins with, the slash behind it included. */
export function levelPrefix(layout: ReplicaLayout, level: number): string {
  return layout === "flat" ? `${level.toString(16).padStart(4, "0")}/` : `ltx/${level}/`;
}

/** The key below the replica's path. */
export function ltxKey(layout: ReplicaLayout, file: LeveledRange): string {
  return levelPrefix(layout, file.level) + formatLtxFileName(file);
}

/** undefined when `key` (below the replica's path) is no LTX file's in this layout. */
export function parseLtxKey(layout: ReplicaLayout, key: string): LeveledRange | undefined {
  for (let level = 0; level < LEVEL_COUNT; level++) {
    const prefix = levelPrefix(layout, level);
    if (!key.startsWith(prefix)) continue;
    const range = parseLtxFileName(key.slice(prefix.length));
    return range === undefined ? undefined : { level, ...range };
  }
  return undefined;
}
