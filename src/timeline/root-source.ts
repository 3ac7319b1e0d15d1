/**
 * Making a root of an instant in the past (G3), without exception in these steps: pin → look at the source again → the
 * visible name → the pin goes. Whatever dies in between leaves a pin or nothing.
 *
 * What always holds: from the look on the instant is kept, by the pin until the name is seen and then by the name. Once the
 * name's creation was sent, the pin goes only after the name was seen: a request without an answer may be applied late.
 */
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import { readFloors } from "./floors.ts";
import type { Instant } from "./instant.ts";
import { pinKey } from "./object-keys.ts";
import { encodePin } from "./pin.ts";
import type { TimelineContext } from "./timeline-context.ts";

/** Where an instant was found: in the window, above its timeline's floor, or behind a name. */
export interface RootSource {
  readonly instant: Instant;
  /** The name's object as it was read; while it stands unchanged its instant is kept, whatever the floor. */
  readonly name?: { readonly key: string; readonly tag: string };
}

export interface RootContext extends TimelineContext {
  readonly clock: Clock;
}

/** "made": the visible name is there. "not made": it is not, and no request that was sent can make it. */
export type RootOutcome = "made" | "not made";

/**
 * Runs `make`, which creates the visible name of `source`, under a pin. An error of `make` leaves the pin: the name may
 * yet appear. Throws ESTALE when the instant expired before it was pinned.
 */
export async function makeRoot(
  context: RootContext,
  source: RootSource,
  make: () => Promise<RootOutcome>,
): Promise<RootOutcome> {
  const { store, entropy, clock, signal } = context;
  const call = signal === undefined ? {} : { signal };
  const pin = pinKey(entropy.freshId());
  await store.create(pin, encodePin({ instant: source.instant, createdMs: clock.nowMs() }), call);
  if (!(await isStillKept(context, source))) {
    await store.delete(pin, call);
    const { timeline, txid } = source.instant;
    throw new FsError(
      "ESTALE",
      `${store.url}: TXID ${txid} of timeline ${timeline} has expired: it is older than what is kept`,
    );
  }
  const outcome = await make();
  await store.delete(pin, call);
  return outcome;
}

async function isStillKept(context: RootContext, { instant, name }: RootSource): Promise<boolean> {
  const { floors } = await readFloors(context);
  if ((floors.get(instant.timeline) ?? 0) <= instant.txid) return true;
  if (name === undefined) return false;
  const { store, signal } = context;
  const now = await store.get(name.key, signal === undefined ? {} : { signal });
  return now?.tag === name.tag;
}
