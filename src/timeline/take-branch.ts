/**
 * Asking before taking (DESIGN.md section 9): a live holder refuses, unless it is us come back (C7), it has not renewed for
 * a full TTL as watched by our own monotonic clock, or somebody forces it. Politeness, never proof: the claim is made all
 * the same, and fences whoever was there.
 */
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import type { Holder } from "./branch-head.ts";
import { type Claimed, claimBranch } from "./claim.ts";
import type { Instant } from "./instant.ts";
import { readLiveHead, type SeenHead } from "./read-head.ts";
import type { TimelineContext } from "./timeline-context.ts";

/** How long a holder that is silent is waited for: three renewals of 10 s. */
export const HOLDER_TTL_MS = 30_000;
/** Looks at the head within a TTL. */
const LOOKS_PER_TTL = 6;
/** Heads that change between being read and being swapped: others are taking the branch as well. */
const CLAIM_TRIES_MAX = 8;

export interface TakeOptions {
  readonly branch: string;
  readonly holder: Holder;
  readonly clock: Clock;
  readonly force?: boolean;
  /** Whether a recorded holder is this host's own process, dead, whose state directory we hold (C7). */
  readonly isOurs?: (holder: Holder) => boolean;
  readonly ttlMs?: number;
  readonly base?: Instant;
  /** Told once, before the wait for a holder that may be dead. */
  readonly onWait?: (holder: Holder, ttlMs: number) => void;
}

/** Throws EBUSY, naming the holder, when it is alive or others take the branch; ENOENT when there is no such branch. */
export async function takeBranch(context: TimelineContext, options: TakeOptions): Promise<Claimed> {
  const { branch, holder, base } = options;
  for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
    const seen = await readLiveHead(context, branch);
    if (!mayTakeNow(seen, options)) await waitForSilence(context, seen, options);
    const claimed = await claimBranch(context, { branch, seen, holder, base });
    if (claimed !== undefined) return claimed;
  }
  throw new FsError(
    "EBUSY",
    `branch ${branch} of ${context.store.url} changes hands: it was taken by others ${CLAIM_TRIES_MAX} times while we tried`,
  );
}

function mayTakeNow({ head }: SeenHead, { force, isOurs }: TakeOptions): boolean {
  return head.holder === undefined || force === true || isOurs?.(head.holder) === true;
}

/** Returns when the head has stood still for a full TTL. Throws EBUSY at its first change. */
async function waitForSilence(
  context: TimelineContext,
  seen: SeenHead,
  options: TakeOptions,
): Promise<void> {
  const { branch, clock } = options;
  const ttlMs = options.ttlMs ?? HOLDER_TTL_MS;
  const holder = seen.head.holder!;
  options.onWait?.(holder, ttlMs);
  const endMs = clock.monotonicMs() + ttlMs;
  while (clock.monotonicMs() < endMs) {
    await clock.sleep(Math.ceil(ttlMs / LOOKS_PER_TTL), context.signal);
    const now = await readLiveHead(context, branch);
    if (now.head.nonce === seen.head.nonce) continue;
    // Let go of while we watched: nobody is in the way.
    if (now.head.holder === undefined) return;
    throw new FsError("EBUSY", describeHolder(context.store.url, branch, now.head.holder));
  }
}

function describeHolder(url: string, branch: string, holder: Holder): string {
  const since = new Date(holder.sinceMs).toISOString();
  return (
    `branch ${branch} of ${url} is held by ${holder.host}, process ${holder.pid}, since ${since}, and was renewed just now; ` +
    `stop it there, or take the branch with --force, which fences that writer: what it has not shipped stays with it`
  );
}
