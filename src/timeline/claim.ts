/**
 * Taking a branch (C5): the head is swapped to a new epoch and a timeline of its own, every timeline that could still get
 * a batch is voided or sealed, then the new one begins.
 *
 * What always holds: no batch of the new timeline is sent before its timeline.json is confirmed; a crash between any two
 * requests leaves a state that the same steps finish, whoever takes them next. Whether one may take the branch at all is
 * asked before (take-branch.ts) and is politeness: nothing here rests on it.
 */
import { assert } from "../core/assert.ts";
import { FencedError, FsError } from "../core/fs-error.ts";
import { ObjectStoreError } from "../object/object-store.ts";
import {
  type BranchHead,
  encodeBranchHead,
  type Holder,
  type PreviousTimeline,
} from "./branch-head.ts";
import { createOnce } from "./create-once.ts";
import type { Instant } from "./instant.ts";
import { branchKey, timelineKey } from "./object-keys.ts";
import { readHead, type SeenHead } from "./read-head.ts";
import { sealTimeline } from "./seal.ts";
import type { TimelineContext } from "./timeline-context.ts";
import {
  decodeTimelineRecord,
  encodeTimelineRecord,
  type RealTimeline,
  VOID_TIMELINE,
} from "./timeline-record.ts";

/** Claims that died before they were born, in sequence; each costs the next taker two requests. */
const PREVIOUS_COUNT_MAX = 4096;
/** Parents that a head names: a snapshot an hour keeps them few, and whoever wants more reads on in timeline.json. */
const LINEAGE_COUNT_MAX = 64;

export interface ClaimOptions {
  readonly branch: string;
  readonly seen: SeenHead;
  readonly holder: Holder;
  /** Restore in place: the new timeline goes on from here instead of the seal (C9). The caller holds a pin on it. */
  readonly base?: Instant | undefined;
}

export interface Claimed {
  readonly branch: string;
  readonly head: BranchHead;
  readonly tag: string;
  readonly record: RealTimeline;
  /** The parents of the new timeline, nearest first, as far as they are known without reading. */
  readonly lineage: readonly Instant[];
  /** The store's clock when it created timeline.json, where it told. */
  readonly bornStoreMs?: number;
}

/**
 * undefined: the head is not any more what was seen. Throws FencedError when another took the branch meanwhile, and any
 * retryable ObjectStoreError: then the claim may stand half done, which the next one finishes.
 */
export async function claimBranch(
  context: TimelineContext,
  options: ClaimOptions,
): Promise<Claimed | undefined> {
  const head = nextHead(context, options);
  const tag = await swapHead(context, options, head);
  if (tag === undefined) return undefined;
  const sealed = await contest(context, head.previous);
  const parent = head.base ?? sealed ?? head.origin;
  const record: RealTimeline = {
    kind: "real",
    branch: options.branch,
    epoch: head.epoch,
    ...(parent === undefined ? {} : { parent }),
    ...(sealed === undefined ? {} : { sealed }),
  };
  const key = timelineKey(head.timeline);
  const begun = await createOnce(context, key, encodeTimelineRecord(record));
  if (!begun.isOurs) {
    const found = decodeTimelineRecord(begun.found, `${context.store.url}/${key}`);
    throw new FencedError(
      `branch ${options.branch} was taken again while it was being taken: timeline ${head.timeline} is ${found.kind}`,
    );
  }
  const lineage = lineageOf(parent, options.seen.head);
  const { storeMs } = begun;
  const born = storeMs === undefined ? {} : { bornStoreMs: storeMs };
  return { branch: options.branch, head, tag, record, lineage, ...born };
}

function lineageOf(parent: Instant | undefined, old: BranchHead): readonly Instant[] {
  if (parent === undefined) return [];
  const isKnown = old.isBorn && old.timeline === parent.timeline;
  return [parent, ...(isKnown ? old.lineage : [])].slice(0, LINEAGE_COUNT_MAX);
}

function nextHead(
  { entropy }: TimelineContext,
  { branch, seen, holder, base }: ClaimOptions,
): BranchHead {
  const old = seen.head;
  const previous = [
    { timeline: old.timeline, shippedTxid: old.shippedTxid },
    ...(old.isBorn ? [] : old.previous),
  ];
  if (previous.length > PREVIOUS_COUNT_MAX)
    throw new FsError(
      "EOVERFLOW",
      `branch ${branch} was taken ${PREVIOUS_COUNT_MAX} times in sequence without one renewal; see what keeps ending its writers`,
    );
  return {
    epoch: old.epoch + 1,
    timeline: entropy.freshId(),
    isBorn: false,
    previous,
    nonce: entropy.freshId(),
    shippedTxid: 0,
    ...(old.origin === undefined ? {} : { origin: old.origin }),
    ...(base === undefined ? {} : { base }),
    lineage: [],
    holder,
    isDeleted: false,
    was: old.was,
  };
}

/** The new tag; undefined when the head had changed. A lost answer is settled by the nonce (C4). */
async function swapHead(
  context: TimelineContext,
  { branch, seen }: ClaimOptions,
  head: BranchHead,
): Promise<string | undefined> {
  const { store, signal } = context;
  const call = signal === undefined ? {} : { signal };
  let failure: ObjectStoreError | undefined;
  try {
    const outcome = await store.swap(branchKey(branch), seen.tag, encodeBranchHead(head), call);
    if (outcome.swapped) return outcome.tag;
  } catch (error) {
    if (!(error instanceof ObjectStoreError) || !error.retryable) throw error;
    failure = error;
  }
  // A store that tries again by itself may refuse what its first try did.
  const now = await readHead(context, branch);
  if (now?.head.nonce === head.nonce) return now.tag;
  if (failure === undefined) return undefined;
  // It may yet be applied. Whoever claims then, we too, finishes it; but never under this nonce, which is given up.
  throw failure;
}

/**
 * Voids what was never born, newest first, and seals the newest that was: the instant of its seal. undefined when none was
 * born, and so none ever will be.
 */
async function contest(
  context: TimelineContext,
  previous: readonly PreviousTimeline[],
): Promise<Instant | undefined> {
  for (const { timeline, shippedTxid } of previous) {
    const key = timelineKey(timeline);
    const outcome = await createOnce(context, key, encodeTimelineRecord(VOID_TIMELINE));
    if (outcome.isOurs) continue;
    const record = decodeTimelineRecord(outcome.found, `${context.store.url}/${key}`);
    assert(record.kind === "real", `${key}: two ways to write void`);
    return sealTimeline(context, { timeline, parent: record.parent, shippedTxid });
  }
  return undefined;
}
