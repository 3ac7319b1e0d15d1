/**
 * All roots of a volume as two listings of a collector see them (G1, G2).
 *
 * What always holds: pins are listed before names, so that a root that is on its way from the one to the other is seen at
 * least once; an error ends the collection. An object that is new or has changed since the first listing counts in the
 * second with what it stood for before, too: a name made and deleted between both would else take along what was made
 * from it meanwhile.
 */
import { FsError } from "../core/fs-error.ts";
import type { ObjectStore } from "../object/object-store.ts";
import { decodeBranchHead } from "../timeline/branch-head.ts";
import { decodeCheckpoint } from "../timeline/checkpoint.ts";
import type { Instant } from "../timeline/instant.ts";
import { BRANCH_PREFIX, CHECKPOINT_PREFIX, PIN_PREFIX } from "../timeline/object-keys.ts";
import { decodePin } from "../timeline/pin.ts";

export interface Root {
  readonly tag: string;
  /** What it stands for now. */
  readonly now: readonly Instant[];
  /** What it stood for before. */
  readonly was: readonly Instant[];
  /** Timelines that a head holds, whole: of those everything above their floor stays anyway. */
  readonly timelines: readonly string[];
}

/** By object key. */
export type RootListing = ReadonlyMap<string, Root>;

export interface ListingOptions {
  readonly signal?: AbortSignal;
}

export async function listRoots(
  store: ObjectStore,
  options: ListingOptions = {},
): Promise<RootListing> {
  const roots = new Map<string, Root>();
  for (const prefix of [PIN_PREFIX, CHECKPOINT_PREFIX, BRANCH_PREFIX]) {
    for await (const key of keysOf(store, prefix, options)) {
      const found = await store.get(key, options);
      // A pin that has gone since: its name is listed later, or nothing was made of it.
      if (found !== undefined) roots.set(key, decodeRoot(key, found, store.url));
      else if (!key.startsWith(PIN_PREFIX))
        throw new FsError(
          "EIO",
          `${store.url}/${key} was listed and is gone: names are never deleted`,
        );
    }
  }
  return roots;
}

/** Instants that stay, whatever lies below a floor. `first` was begun before the floors were published, `second` after. */
export function keptInstants(first: RootListing, second: RootListing): Instant[] {
  const kept: Instant[] = [];
  for (const { now } of first.values()) kept.push(...now);
  for (const [key, { now, was, tag }] of second) {
    kept.push(...now);
    if (first.get(key)?.tag !== tag) kept.push(...was);
  }
  return kept;
}

async function* keysOf(
  store: ObjectStore,
  prefix: string,
  options: ListingOptions,
): AsyncGenerator<string> {
  for (let startAfter: string | undefined; ;) {
    const after = startAfter === undefined ? {} : { startAfter };
    const { objects, truncated } = await store.list({ ...options, ...after, prefix });
    for (const { key } of objects) yield key;
    startAfter = objects.at(-1)?.key;
    if (!truncated) return;
  }
}

function decodeRoot(
  key: string,
  { body, tag }: { readonly body: Uint8Array; readonly tag: string },
  url: string,
): Root {
  const where = `${url}/${key}`;
  if (key.startsWith(PIN_PREFIX))
    return { tag, now: [decodePin(body, where).instant], was: [], timelines: [] };
  if (key.startsWith(CHECKPOINT_PREFIX)) {
    const { instant, was } = decodeCheckpoint(body, where);
    return { tag, now: instant === undefined ? [] : [instant], was, timelines: [] };
  }
  const { origin, base, lineage, was, timeline, previous, isDeleted } = decodeBranchHead(
    body,
    where,
  );
  if (isDeleted) return { tag, now: [], was, timelines: [] };
  const now = [origin, base, ...lineage].filter((instant) => instant !== undefined);
  return { tag, now, was, timelines: [timeline, ...previous.map((old) => old.timeline)] };
}
