/**
 * The holder's side of a branch: ships batches one at a time, renews the head, lets go.
 *
 * What always holds:
 *   - a batch counts as shipped only when its key was created with our bytes and the head, read after that answer, was
 *     still ours (C1, C2; invariant 7). No clock of ours takes part;
 *   - that read is left out only when the store's own clock moved less than HEAD_READ_GAP_MS between the creations of the
 *     batch before and of this one: batches are kept longer than that, so no clone can have made again what was deleted,
 *     and a taker would have sealed the key;
 *   - a head is ours when its nonce is one that we made, whenever it was read: nonces are fresh in every attempt, so none
 *     but we (and a clone made later, which the batch's key tells apart) can have written it;
 *   - once fenced, always fenced: every later call throws, nothing is taken back (C6);
 *   - a batch's key may go only after a change of the head that was begun after the batch was shipped (G5).
 */
import { assert } from "../core/assert.ts";
import { FencedError } from "../core/fs-error.ts";
import { type BranchHead, encodeBranchHead } from "./branch-head.ts";
import type { Claimed } from "./claim.ts";
import { createOnce } from "./create-once.ts";
import type { Instant } from "./instant.ts";
import { ObjectStoreError } from "../object/object-store.ts";
import { batchKey, branchKey } from "./object-keys.ts";
import { readHead, type SeenHead } from "./read-head.ts";
import type { TimelineContext } from "./timeline-context.ts";

/** C2. Batches must be kept longer than this (BATCH_KEEP_MS_MIN). */
const HEAD_READ_GAP_MS = 60_000;
/** The least time, by the store's clock, between the creation of a batch and its deletion. */
export const BATCH_KEEP_MS_MIN: number = 2 * HEAD_READ_GAP_MS;
/** A swap that is refused while the head is ours met an earlier one of our own; how often at most. */
const RENEW_TRIES_MAX = 8;
/** Nonces kept beyond those of swaps that may still come through: more renewals than a read can be slow. */
const NONCE_COUNT_MAX = 64;

export class BranchWriter {
  readonly #context: TimelineContext;
  readonly #claimed: Claimed;
  /** Of the head as it is; undefined when it must be read first. */
  #tag: string | undefined;
  /** Those we made, oldest first. */
  readonly #nonces: Set<string>;
  #shippedTxid: number;
  /** The store's clock when it created the last batch, or timeline.json; undefined when it did not say. */
  #lastStoreMs: number | undefined;
  #isShipping = false;
  #isRenewing = false;
  #isReleased = false;
  #hasSnapshot = false;
  #fenced: FencedError | undefined;
  /** Counts what happened, in order: batches shipped, changes of the head begun. */
  #moment = 0;
  #lastChangeBegunAt = 0;
  readonly #shippedAt = new Map<number, number>();

  constructor(context: TimelineContext, claimed: Claimed) {
    this.#context = context;
    this.#claimed = claimed;
    this.#tag = claimed.tag;
    this.#nonces = new Set([claimed.head.nonce]);
    this.#shippedTxid = claimed.record.parent?.txid ?? 0;
    this.#lastStoreMs = claimed.bornStoreMs;
  }

  get timeline(): string {
    return this.#claimed.head.timeline;
  }

  get epoch(): number {
    return this.#claimed.head.epoch;
  }

  /** Where the timeline begins; undefined for the first of a volume. */
  get parent(): Instant | undefined {
    return this.#claimed.record.parent;
  }

  /** The last batch that counts; the parent's TXID before the first. */
  get shippedTxid(): number {
    return this.#shippedTxid;
  }

  get isFenced(): boolean {
    return this.#fenced !== undefined;
  }

  /**
   * Ships batch `txid`, which follows the last. After any error but FencedError it is tried again with the same bytes:
   * whether the key was created is open until then.
   */
  async ship(txid: number, body: Uint8Array): Promise<void> {
    this.#checkHeld();
    assert(!this.#isShipping, "one batch is in flight at a time (C1)");
    assert(txid === this.#shippedTxid + 1, `batch ${txid} does not follow ${this.#shippedTxid}`);
    this.#isShipping = true;
    try {
      const key = batchKey(this.#context.layout, this.timeline, txid);
      const outcome = await createOnce(this.#context, key, body);
      if (!outcome.isOurs) throw this.#fence(this.#whoCreated(key, outcome.found));
      if (this.#mustReadHead(outcome.storeMs)) await this.#readOwnHead();
      this.#lastStoreMs = outcome.storeMs;
      this.#shippedTxid = txid;
      this.#shippedAt.set(txid, ++this.#moment);
    } finally {
      this.#isShipping = false;
    }
  }

  /** Writes the head anew: the branch is still held, and so far shipped. After an error it may be called again. */
  async renew(): Promise<void> {
    await this.#writeHead(this.#claimed.head.holder);
  }

  /** Lets go of the branch: the next taker need not wait. Nothing may be in flight. */
  async release(): Promise<void> {
    assert(!this.#isShipping, "a branch is released when nothing is in flight");
    await this.#writeHead(undefined);
    this.#isReleased = true;
  }

  /** The timeline has a full snapshot of its own: from the next renewal on the head names no parent for readers to ask. */
  snapshotted(): void {
    this.#hasSnapshot = true;
  }

  /** Whether the key of a shipped batch may be deleted once it is past its keeping time (G5). */
  mayRetire(txid: number): boolean {
    const shippedAt = this.#shippedAt.get(txid);
    return shippedAt !== undefined && shippedAt < this.#lastChangeBegunAt;
  }

  /** The key is gone: nothing about it is kept. */
  retired(txid: number): void {
    assert(this.mayRetire(txid), `batch ${txid} was retired before the head changed`);
    this.#shippedAt.delete(txid);
  }

  #mustReadHead(storeMs: number | undefined): boolean {
    if (storeMs === undefined || this.#lastStoreMs === undefined) return true;
    const gapMs = storeMs - this.#lastStoreMs;
    return gapMs < 0 || gapMs >= HEAD_READ_GAP_MS;
  }

  async #writeHead(holder: BranchHead["holder"]): Promise<void> {
    this.#checkHeld();
    assert(!this.#isRenewing, "one change of the head is in flight at a time");
    this.#isRenewing = true;
    const begunAt = ++this.#moment;
    try {
      for (let tries = 0; tries < RENEW_TRIES_MAX; tries++) {
        if (await this.#trySwap(holder)) {
          this.#lastChangeBegunAt = begunAt;
          return;
        }
      }
    } finally {
      this.#isRenewing = false;
    }
    throw new ObjectStoreError(
      "EAGAIN",
      `the head of branch ${this.#claimed.branch} changed ${RENEW_TRIES_MAX} times while it was renewed`,
      { retryable: true },
    );
  }

  /** False: an earlier swap of ours came first. Throws when fenced, and when the answer was lost. */
  async #trySwap(holder: BranchHead["holder"]): Promise<boolean> {
    const { store, entropy, signal } = this.#context;
    const tag = this.#tag ?? (await this.#readOwnHead()).tag;
    const head = this.#nextHead(entropy.freshId(), holder);
    this.#nonces.add(head.nonce);
    // Unknown until the answer: an error on the way leaves it so.
    this.#tag = undefined;
    const call = signal === undefined ? {} : { signal };
    const key = branchKey(this.#claimed.branch);
    const outcome = await store.swap(key, tag, encodeBranchHead(head), call);
    if (outcome.swapped) {
      this.#tag = outcome.tag;
      this.#forgetOldNonces();
      return true;
    }
    const seen = await this.#readOwnHead();
    this.#tag = seen.tag;
    return seen.head.nonce === head.nonce;
  }

  #nextHead(nonce: string, holder: BranchHead["holder"]): BranchHead {
    const { head, record, lineage } = this.#claimed;
    const { base: _base, holder: _holder, ...kept } = head;
    const isFirst = this.#shippedTxid === (record.parent?.txid ?? 0);
    return {
      ...kept,
      isBorn: true,
      previous: [],
      nonce,
      shippedTxid: isFirst ? 0 : this.#shippedTxid,
      lineage: this.#hasSnapshot ? [] : lineage,
      ...(holder === undefined ? {} : { holder }),
    };
  }

  /** Throws FencedError when the head is not ours. */
  async #readOwnHead(): Promise<SeenHead> {
    const { branch } = this.#claimed;
    const seen = await readHead(this.#context, branch);
    if (seen === undefined) throw this.#fence(`the head of branch ${branch} is gone`);
    const { nonce, holder, epoch } = seen.head;
    if (this.#nonces.has(nonce)) return seen;
    const by = holder === undefined ? "" : ` by ${holder.host}, process ${holder.pid}`;
    throw this.#fence(`branch ${branch} was taken${by} (epoch ${epoch}, ours ${this.epoch})`);
  }

  /** Once a swap came through, those before it never can; a read that was slow may still bring one of the last. */
  #forgetOldNonces(): void {
    for (const nonce of this.#nonces) {
      if (this.#nonces.size <= NONCE_COUNT_MAX) return;
      this.#nonces.delete(nonce);
    }
  }

  #whoCreated(key: string, found: Uint8Array): string {
    const { seals, store } = this.#context;
    const where = `${store.url}/${key}`;
    return seals.isSeal(found, where)
      ? `branch ${this.#claimed.branch} was taken: ${where} seals the timeline we wrote`
      : `another writer of branch ${this.#claimed.branch} created ${where} with other bytes`;
  }

  #checkHeld(): void {
    if (this.#fenced !== undefined) throw this.#fenced;
    assert(!this.#isReleased, "the branch was released");
  }

  #fence(message: string): FencedError {
    this.#fenced ??= new FencedError(message);
    return this.#fenced;
  }
}
