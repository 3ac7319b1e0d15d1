/**
 * Where a volume keeps its history in the store (DESIGN.md section 9). Each key is a function of what it names, so that
 * nothing on the hot path lists.
 *
 *   branches/<name>.json                 a head
 *   checkpoints/<name>.json              a name for an instant
 *   timelines/<id>/timeline.json         a timeline's parent, or void
 *   timelines/<id>/<level>/<min>-<max>.ltx   its batches; the level is written as Litestream does on that kind of store
 *   pins/<random>.json                   a root in the making
 *   gc.json                              published floors
 */
import { FsError } from "../core/fs-error.ts";
import { NAME_SIZE_MAX } from "../core/limits.ts";
import { formatLtxFileName, parseLtxFileName } from "../ltx/file-name.ts";

export const BRANCH_PREFIX = "branches/";
export const CHECKPOINT_PREFIX = "checkpoints/";
export const TIMELINE_PREFIX = "timelines/";
export const PIN_PREFIX = "pins/";
export const FLOORS_KEY = "gc.json";
const SUFFIX = ".json";

/** How levels are written: `s3` as four hex digits, `plain` (files and all other stores) as `ltx/` and a decimal. */
export type ReplicaLayout = "s3" | "plain";

/** The level that batches are shipped to. */
const BATCH_LEVEL = 0;

export function branchKey(name: string): string {
  return `${BRANCH_PREFIX}${checkRootName(name)}${SUFFIX}`;
}

export function checkpointKey(name: string): string {
  return `${CHECKPOINT_PREFIX}${checkRootName(name)}${SUFFIX}`;
}

export function pinKey(id: string): string {
  return `${PIN_PREFIX}${id}${SUFFIX}`;
}

export function timelineKey(timeline: string): string {
  return `${TIMELINE_PREFIX}${timeline}/timeline${SUFFIX}`;
}

/** Everything that a timeline's batches of level 0 begin with. */
export function batchPrefix(layout: ReplicaLayout, timeline: string): string {
  const level = layout === "s3" ? BATCH_LEVEL.toString(16).padStart(4, "0") : `ltx/${BATCH_LEVEL}`;
  return `${TIMELINE_PREFIX}${timeline}/${level}/`;
}

/** The key of batch `txid`: the one that a single writer can create (invariant 7). */
export function batchKey(layout: ReplicaLayout, timeline: string, txid: number): string {
  return batchPrefix(layout, timeline) + formatLtxFileName({ minTxid: txid, maxTxid: txid });
}

/** The TXID of a batch's key; undefined for anything else that lies beside them, which readers pass over. */
export function batchTxid(key: string): number | undefined {
  const range = parseLtxFileName(key.slice(key.lastIndexOf("/") + 1));
  return range?.minTxid === range?.maxTxid ? range?.minTxid : undefined;
}

/** The name in a key of branches/ or checkpoints/; undefined when the key has another form. */
export function rootNameOf(key: string, prefix: string): string | undefined {
  if (!key.startsWith(prefix) || !key.endsWith(SUFFIX)) return undefined;
  const name = key.slice(prefix.length, -SUFFIX.length);
  return faultOfName(name) === undefined ? name : undefined;
}

/** Names of branches and checkpoints. Throws EINVAL that says what is wrong with this one. */
export function checkRootName(name: string): string {
  const fault = faultOfName(name);
  if (fault !== undefined) throw new FsError("EINVAL", `the name ${JSON.stringify(name)} ${fault}`);
  return name;
}

/** What a URL, a shell and every store can carry unquoted; "#" and "@" divide a volume from its branch and instant. */
function faultOfName(name: string): string | undefined {
  if (name === "") return "is empty";
  if (!/^[A-Za-z0-9._-]+$/.test(name))
    return "may hold letters, digits, dots, dashes and underscores only";
  if (name.startsWith(".") || name.startsWith("-")) return "may not begin with a dot or a dash";
  const size = name.length + SUFFIX.length;
  return size > NAME_SIZE_MAX ? `has ${name.length} characters; 250 are the limit` : undefined;
}
