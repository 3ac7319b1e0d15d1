/**
 * Creating an object whose name never has two contents (invariant 6), also when answers are lost: whoever finds the key
 * there compares bytes.
 */
import { ObjectStoreError } from "../object/object-store.ts";
import type { TimelineContext } from "./timeline-context.ts";

/** A store that says "exists" and then has nothing is asked again so often: it may lag, or be answering late (S2). */
const UNKNOWN_TRIES_MAX = 8;

export type CreatedOnce =
  | {
      /** Ours, now or by an earlier try whose answer was lost, or by another who wanted the very same. */
      readonly isOurs: true;
      /** The store's clock, when this very call created the object and the store told. */
      readonly storeMs?: number;
    }
  | { readonly isOurs: false; readonly found: Uint8Array };

/** May be called again with the same bytes after any error. */
export async function createOnce(
  { store, signal }: Pick<TimelineContext, "store" | "signal">,
  key: string,
  body: Uint8Array,
): Promise<CreatedOnce> {
  const options = signal === undefined ? {} : { signal };
  for (let tries = 0; tries < UNKNOWN_TRIES_MAX; tries++) {
    const outcome = await store.create(key, body, options);
    if (outcome.created) {
      const { storeMs } = outcome;
      return storeMs === undefined ? { isOurs: true } : { isOurs: true, storeMs };
    }
    const found = await store.get(key, options);
    if (found === undefined) continue;
    if (Buffer.compare(found.body, body) === 0) return { isOurs: true };
    return { isOurs: false, found: found.body };
  }
  throw new ObjectStoreError(
    "EIO",
    `${store.url} says that ${key} exists, and then that it does not, ${UNKNOWN_TRIES_MAX} times`,
    { retryable: true },
  );
}
