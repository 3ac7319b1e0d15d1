/**
 * The position row (rule J5): which instant the committed metadata are, and up to which journal record they go.
 *
 * Stored as JSON text in the setting table, written by every cut. Until timelines exist `timeline` is a random id of
 * the volume, `txid` counts cuts and `epoch` is 0.
 */
import { CorruptError } from "../core/fs-error.ts";
import { toJsn, type Jsn } from "../core/ids.ts";

export const POSITION_SETTING = "position";
/** The journal of a volume that nothing was ever written to. */
export const NO_JOURNAL: string = "0".repeat(32);
/** Source: ECMA-262, time values. */
const INSTANT_MS_MAX = 8.64e15;

export interface Position {
  /** 32 hex digits. */
  readonly timeline: string;
  readonly txid: number;
  readonly epoch: number;
  /** Uuid of the journal that `jsn` belongs to: 32 hex digits. */
  readonly journal: string;
  /** The last record whose effects are in the tables; 0 = none. */
  readonly jsn: Jsn;
  /** Every record up to this one was flushed when the cut was made. */
  readonly flushedJsn: Jsn;
  /** Wall clock of the cut, in milliseconds since 1970; a clock may be set to before that. */
  readonly timeMs: number;
  /** True in the last cut of a clean stop: the journal holds nothing that is needed. */
  readonly clean: boolean;
}

export function encodePosition(position: Position): string {
  return JSON.stringify(position);
}

export interface PositionSource {
  /** Of the database, for messages. */
  readonly path: string;
  readonly settings: { getText(name: string): string | undefined };
}

/** Throws CorruptError when there is none, a damaged one, or that of another volume's timeline. */
export function readPosition(source: PositionSource, timeline: string): Position {
  const text = source.settings.getText(POSITION_SETTING);
  if (text === undefined) throw new CorruptError(`${source.path} has no position row`);
  const position = decodePosition(text);
  if (position.timeline === timeline) return position;
  throw new CorruptError(
    `${source.path} belongs to timeline ${position.timeline}, the volume to ${timeline}`,
  );
}

/** Throws CorruptError for anything that is no position. */
export function decodePosition(text: string): Position {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CorruptError("the position row is not JSON", { cause: error });
  }
  if (!isPosition(value)) throw new CorruptError(`the position row is damaged: ${text}`);
  return { ...value, jsn: toJsn(value.jsn), flushedJsn: toJsn(value.flushedJsn) };
}

function isPosition(value: unknown): value is Position {
  if (typeof value !== "object" || value === null) return false;
  const row = value as Record<string, unknown>;
  return (
    isHex(row["timeline"]) &&
    isHex(row["journal"]) &&
    isCount(row["txid"]) &&
    isCount(row["epoch"]) &&
    isCount(row["jsn"]) &&
    isCount(row["flushedJsn"]) &&
    isInstant(row["timeMs"]) &&
    typeof row["clean"] === "boolean"
  );
}

function isHex(field: unknown): boolean {
  return typeof field === "string" && /^[0-9a-f]{32}$/.test(field);
}

/** What a Date can hold. */
function isInstant(field: unknown): boolean {
  return Number.isSafeInteger(field) && Math.abs(Number(field)) <= INSTANT_MS_MAX;
}

function isCount(field: unknown): boolean {
  return Number.isSafeInteger(field) && Number(field) >= 0;
}
