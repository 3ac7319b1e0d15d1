/**
 * Ending a timeline for good (C6): the taker creates the key that its old writer would need next.
 *
 * What always holds: the first seal is the end; who finds one adopts it and makes no second. Batches are contiguous up
 * to it (C1 has one in flight), so a gap before it is damage and refused (invariant 9).
 */
import { CorruptError } from "../core/fs-error.ts";
import type { ListOptions } from "../object/object-store.ts";
import { createOnce } from "./create-once.ts";
import type { Instant } from "./instant.ts";
import { batchKey, batchPrefix, batchTxid } from "./object-keys.ts";
import type { TimelineContext } from "./timeline-context.ts";

/** A frozen writer can get in one batch ahead of the seal, and each of its clones one more; past this it is no race. */
const TRIES_MAX = 64;

export interface SealTarget {
  readonly timeline: string;
  readonly parent?: Instant | undefined;
  /** A batch of the timeline that is known to be shipped, 0 for none: nothing before it is looked at. */
  readonly shippedTxid: number;
}

/** The instant of the seal: made now, or found. May be called again after any error, by anybody. */
export async function sealTimeline(context: TimelineContext, target: SealTarget): Promise<Instant> {
  const { timeline, parent } = target;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const end = await findEnd(context, target);
    if (end.isSealed) return { timeline, txid: end.txid };
    const at = { timeline, txid: end.txid + 1 };
    const last = end.txid === (parent?.txid ?? 0) ? parent : { timeline, txid: end.txid };
    const body = await context.seals.make(at, last);
    const key = batchKey(context.layout, timeline, at.txid);
    if ((await createOnce(context, key, body)).isOurs) return at;
    // Another's seal counts as ours, a batch moves the end: looked at again.
  }
  throw new CorruptError(
    `${context.store.url}: timeline ${timeline} got new batches ${TRIES_MAX} times while it was being sealed`,
  );
}

export interface TimelineEnd {
  /** The last batch before strays; the parent's TXID when there is none. */
  readonly txid: number;
  readonly isSealed: boolean;
}

/** How far a timeline goes: up to its first seal, or its last batch. Throws CorruptError for a gap. */
export async function findEnd(
  context: Pick<TimelineContext, "store" | "signal" | "layout" | "seals">,
  { timeline, parent, shippedTxid }: SealTarget,
): Promise<TimelineEnd> {
  const { store, layout, seals, signal } = context;
  const call = signal === undefined ? {} : { signal };
  const known = Math.max(shippedTxid, parent?.txid ?? 0);
  const prefix = batchPrefix(layout, timeline);
  let txid = known;
  let startAfter = batchKey(layout, timeline, known);
  for (;;) {
    const options: ListOptions = { ...call, prefix, startAfter };
    const { objects, truncated } = await store.list(options);
    for (const { key } of objects) {
      const found = batchTxid(key);
      if (found === undefined) continue;
      if (found !== txid + 1)
        throw new CorruptError(
          `${store.url}: batch ${found} of timeline ${timeline} is there (${key}), but none from ${txid + 1} on`,
        );
      const header = await store.getRange(key, { ...call, offset: 0, length: seals.headerSize });
      if (header === undefined)
        throw new CorruptError(`${store.url}/${key} was listed and is gone`);
      txid = found;
      if (seals.isSeal(header, `${store.url}/${key}`)) return { txid, isSealed: true };
    }
    const last = objects.at(-1);
    if (!truncated || last === undefined) return { txid, isSealed: false };
    startAfter = last.key;
  }
}
