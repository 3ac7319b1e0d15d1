/**
 * gc.json: below which TXID of each timeline collectors may delete what no root reaches (G2). Raised by compare-and-swap
 * before anything is deleted; never lowered.
 */
import { ObjectStoreError } from "../object/object-store.ts";
import { decodeJsonObject, encodeJsonObject, FieldReader } from "./json-object.ts";
import { FLOORS_KEY } from "./object-keys.ts";
import type { TimelineContext } from "./timeline-context.ts";

const FORMAT = 1;

/** A timeline that is not in it has no floor: nothing of it may go. */
export type Floors = ReadonlyMap<string, number>;

export interface SeenFloors {
  readonly floors: Floors;
  /** undefined: gc.json is not there yet. */
  readonly tag?: string;
}

export function encodeFloors(floors: Floors): Uint8Array {
  const entries = [...floors].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return encodeJsonObject({
    format: FORMAT,
    floors: entries.map(([timeline, txid]) => ({ timeline, txid })),
  });
}

/** `where` names the object. Throws CorruptError, or EPROTO for what a later program wrote. */
export function decodeFloors(bytes: Uint8Array, where: string): Floors {
  const reader = new FieldReader(decodeJsonObject(bytes, where, FORMAT), where);
  const entries = reader.list("floors", (entry) => ({
    timeline: entry.id("timeline"),
    txid: entry.count("txid", 1),
  }));
  reader.end();
  return new Map(entries.map(({ timeline, txid }) => [timeline, txid]));
}

export async function readFloors({
  store,
  signal,
}: Pick<TimelineContext, "store" | "signal">): Promise<SeenFloors> {
  const found = await store.get(FLOORS_KEY, signal === undefined ? {} : { signal });
  if (found === undefined) return { floors: new Map() };
  return { floors: decodeFloors(found.body, `${store.url}/${FLOORS_KEY}`), tag: found.tag };
}

/**
 * Publishes `raised` over `seen`; floors only go up. False: gc.json is not what was seen, and nothing may be deleted on
 * the ground of these.
 */
export async function raiseFloors(
  { store, signal }: Pick<TimelineContext, "store" | "signal">,
  seen: SeenFloors,
  raised: Floors,
): Promise<boolean> {
  const call = signal === undefined ? {} : { signal };
  const next = new Map(seen.floors);
  for (const [timeline, txid] of raised)
    next.set(timeline, Math.max(txid, next.get(timeline) ?? 0));
  const body = encodeFloors(next);
  try {
    if (seen.tag === undefined) return (await store.create(FLOORS_KEY, body, call)).created;
    return (await store.swap(FLOORS_KEY, seen.tag, body, call)).swapped;
  } catch (error) {
    // It may have come through, and may yet: higher floors than anybody acts upon are harmless.
    if (error instanceof ObjectStoreError && error.retryable) return false;
    throw error;
  }
}
