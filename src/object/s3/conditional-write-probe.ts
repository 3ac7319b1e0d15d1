/**
 * Shows whether a store's conditional writes hold when they race: the rules C4 to C6 rest on them.
 *
 * 16 creates of one key are sent but for their last byte, and that byte follows when all are there; so a store that looks
 * at the condition when the head of a request comes, and not when it writes, is found out. Then, four times over, 16
 * swaps from one tag in the same way: some stores are exact on create and wrong on update. Exactly one of each 16 must
 * win, and its bytes must be what is read. What cannot be told (an error, no answer) is no verdict: it is thrown, and
 * can be tried again. A race can show that a store is wrong, never that it is right: a store whose window is narrow
 * may pass. The documents of the store have the last word.
 *
 * Cost: 80 writes, 5 reads and a delete, of some bytes each; about 11 round trips and five times HOLD_MS. A process that
 * dies meanwhile leaves one small object under `probe/`.
 */
import type { Clock } from "../../core/clock.ts";
import { randomHex } from "../../core/hex.ts";
import { ObjectStoreError } from "../object-store.ts";

const RACER_COUNT = 16;
/** A window of microseconds is not met every time: two gateways without a common lock show in one race of six. */
const SWAP_ROUND_COUNT = 4;
/** After the last request's bytes are with the kernel: time for the server to have read them all. */
const HOLD_MS = 50;
/** A server may take fewer connections than racers; those that are there then race alone. */
const GATHER_MS = 4000;
/** Races without a winner, all having met a conflict, are run again. */
const ATTEMPT_COUNT_MAX = 3;

export type ProbeVerdict =
  | { readonly isExact: true }
  | { readonly isExact: false; readonly reason: string };

/** One conditional PUT as the store answered it. */
export type PutOutcome =
  | { readonly isWritten: true; readonly tag: string }
  | { readonly isWritten: false };

export interface ProbeTarget {
  /** `tag` undefined means create-if-absent. The body's last byte is sent when `hold`'s promise is kept. */
  put(
    key: string,
    put: {
      readonly tag: string | undefined;
      readonly body: Uint8Array;
      readonly hold?: () => Promise<void>;
    },
  ): Promise<PutOutcome>;
  get(key: string): Promise<{ readonly body: Uint8Array; readonly tag: string } | undefined>;
  delete(key: string): Promise<void>;
}

/** Throws what a request throws that had no answer. */
export async function probeConditionalWrites(
  target: ProbeTarget,
  clock: Clock,
): Promise<ProbeVerdict> {
  const key = `probe/${randomHex(16)}`;
  try {
    let verdict = await race({ target, clock, key, tag: undefined });
    for (let round = 0; round < SWAP_ROUND_COUNT && verdict.isExact; round++) {
      verdict = await race({ target, clock, key, tag: verdict.tag });
    }
    return verdict.isExact ? { isExact: true } : verdict;
  } finally {
    await forget(target, key);
  }
}

type RaceVerdict =
  | { readonly isExact: true; readonly tag: string }
  | { readonly isExact: false; readonly reason: string };

async function race(options: {
  readonly target: ProbeTarget;
  readonly clock: Clock;
  readonly key: string;
  readonly tag: string | undefined;
}): Promise<RaceVerdict> {
  const { target, clock, key, tag } = options;
  const kind = tag === undefined ? "creates of one key" : "swaps from one tag";
  for (let attempt = 0; attempt < ATTEMPT_COUNT_MAX; attempt++) {
    const bodies = Array.from({ length: RACER_COUNT }, () => racer());
    const gate = new Gate(clock);
    const outcomes = await Promise.allSettled(
      bodies.map(async (body) => {
        try {
          return await target.put(key, { tag, body, hold: () => gate.pass() });
        } finally {
          gate.leave();
        }
      }),
    );
    const answers = outcomes.map((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
    const winners = answers.flatMap((answer, index) =>
      answer.isWritten ? [{ tag: answer.tag, body: bodies[index]! }] : [],
    );
    if (winners.length > 1) {
      return inexact(`${winners.length} of ${RACER_COUNT} racing ${kind} were all told they won`);
    }
    const [winner] = winners;
    if (winner === undefined) continue;
    const present = await target.get(key);
    if (present === undefined || Buffer.compare(present.body, winner.body) !== 0) {
      return inexact(`of racing ${kind}, one was told it won, and the bytes of another are there`);
    }
    if (present.tag !== winner.tag) {
      return inexact(`it gives one content two tags: ${winner.tag} and ${present.tag}`);
    }
    return { isExact: true, tag: present.tag };
  }
  return inexact(`none of ${RACER_COUNT} racing ${kind} won, ${ATTEMPT_COUNT_MAX} times over`);
}

/** Lets all racers through at once, when the last is there, has given up, or is not to be waited for any longer. */
class Gate {
  readonly #clock: Clock;
  readonly #opened = Promise.withResolvers<void>();
  readonly #ended = new AbortController();
  #expectedCount = RACER_COUNT;
  #waitingCount = 0;
  #leaving = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    void this.#openLate();
  }

  async pass(): Promise<void> {
    this.#waitingCount++;
    await this.#openWhenAllAreHere();
    await this.#opened.promise;
  }

  /** One of the racers is answered, or failed. */
  leave(): void {
    this.#leaving++;
    if (this.#leaving > this.#waitingCount) {
      this.#expectedCount--;
      void this.#openWhenAllAreHere();
    }
  }

  async #openWhenAllAreHere(): Promise<void> {
    if (this.#waitingCount < this.#expectedCount) return;
    await this.#clock.sleep(HOLD_MS);
    this.#open();
  }

  async #openLate(): Promise<void> {
    try {
      await this.#clock.sleep(GATHER_MS, this.#ended.signal);
    } catch {
      return;
    }
    this.#open();
  }

  #open(): void {
    this.#ended.abort();
    this.#opened.resolve();
  }
}

function racer(): Uint8Array {
  return new TextEncoder().encode(`racer ${randomHex(16)}`);
}

function inexact(reason: string): { readonly isExact: false; readonly reason: string } {
  return { isExact: false, reason };
}

/** Some keys may not delete: then a small object stays, which is no reason against writing. */
async function forget(target: ProbeTarget, key: string): Promise<void> {
  try {
    await target.delete(key);
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error;
  }
}
