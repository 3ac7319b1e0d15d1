/**
 * Random schedules of hosts that want one branch: claims, clones, freezes, deaths, lost answers and requests applied late.
 *
 * Checkers 1, 2 and 7 of the protocol: an acknowledged batch has one content, lies on the path of every later head and
 * before the seal of its timeline, and a lone taker always ends. Source: PROTOCOLS.md "Checkers", model/fence_model.py.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { Prng } from "../../src/core/prng.ts";
import type { ObjectStore } from "../../src/object/object-store.ts";
import { encodeBranchHead } from "../../src/timeline/branch-head.ts";
import { batchKey, branchKey, timelineKey } from "../../src/timeline/object-keys.ts";
import { readLiveHead } from "../../src/timeline/read-head.ts";
import { findEnd } from "../../src/timeline/seal.ts";
import { decodeTimelineRecord } from "../../src/timeline/timeline-record.ts";
import { ManualClock } from "../support/manual-clock.ts";
import {
  type Acknowledged,
  BRANCH,
  type FenceMutation,
  fenceProgram,
  LAYOUT,
  simSeals,
} from "./fence-host.ts";
import { SimHost } from "./sim-host.ts";
import { SimNetwork } from "./sim-network.ts";
import { Violation } from "./violation.ts";

const STEP_COUNTS = [150, 400, 900];
const HOST_COUNT_MAX = 4;
const ANSWER_CHANCE = 0.85;
/** Of the store's clock, between two steps; now and then longer than batches are kept. */
const TICK_MS = 5000;
const LONG_MS = 200_000;
const LONE_STEPS_MAX = 20_000;

export interface WorldResult {
  readonly acknowledged: number;
  readonly clones: number;
  readonly takers: number;
  /** Of all that happened, in order: one seed is one world. */
  readonly digest: string;
}

export class FenceWorld {
  readonly #prng: Prng;
  readonly #ids: Prng;
  readonly #clock = new ManualClock();
  readonly #network: SimNetwork;
  readonly #mutation: FenceMutation | undefined;
  readonly #hosts: SimHost[] = [];
  readonly #acknowledged = new Map<string, Acknowledged>();
  readonly #digest = createHash("sha256");
  #clones = 0;
  #takers = 0;

  constructor(seed: number, mutation?: FenceMutation) {
    this.#prng = new Prng(seed);
    this.#ids = new Prng(seed ^ 0x1d5);
    this.#network = new SimNetwork(this.#prng, this.#clock);
    this.#mutation = mutation;
  }

  async run(): Promise<WorldResult> {
    await this.#begin();
    for (let i = 1 + this.#prng.below(3); i > 0; i--) await this.#spawn();
    const stepCount = STEP_COUNTS[this.#prng.below(STEP_COUNTS.length)]!;
    for (let i = 0; i < stepCount; i++) await this.#step();
    await this.#finish();
    return {
      acknowledged: this.#acknowledged.size,
      clones: this.#clones,
      takers: this.#takers,
      digest: this.#digest.digest("hex"),
    };
  }

  /** A branch that nobody ever held. */
  async #begin(): Promise<void> {
    const head = encodeBranchHead({
      epoch: 0,
      timeline: this.#freshId(),
      isBorn: false,
      previous: [],
      nonce: this.#freshId(),
      shippedTxid: 0,
      lineage: [],
      isDeleted: false,
      was: [],
    });
    await this.#network.truth.create(branchKey(BRANCH), head);
  }

  async #spawn(): Promise<SimHost> {
    this.#takers++;
    const host = await SimHost.start({
      network: this.#network,
      draw: (bound) => this.#prng.below(bound),
      freshId: () => this.#freshId(),
      nowMs: () => this.#clock.nowMs(),
      report: (event) => this.#onAcknowledged(event as Acknowledged),
      program: fenceProgram(this.#mutation),
    });
    this.#hosts.push(host);
    return host;
  }

  async #step(): Promise<void> {
    this.#clock.advance(this.#prng.below(10) === 0 ? LONG_MS : this.#prng.below(4) * TICK_MS);
    const dice = this.#prng.fraction();
    const live = this.#hosts.filter((host) => host.isWaiting);
    const one = live[this.#prng.below(Math.max(1, live.length))];
    if (dice < 0.94) {
      if (this.#network.pendingCount > 0) await this.#network.applyAny(ANSWER_CHANCE);
    } else if (dice < 0.97) {
      const call = one?.openCalls[0];
      if (call !== undefined) await one!.timeOut(call);
    } else if (dice < 0.975) {
      if (one !== undefined) one.isDead = true;
    } else if (dice < 0.985) {
      if (one !== undefined && live.length < HOST_COUNT_MAX) {
        this.#hosts.push(await one.clone());
        this.#clones++;
      }
    } else if (live.length < HOST_COUNT_MAX) {
      await this.#spawn();
    }
    this.#checkFailures();
  }

  #onAcknowledged(batch: Acknowledged): void {
    const key = batchKey(LAYOUT, batch.timeline, batch.txid);
    this.#digest.update(`${key} ${batch.content}\n`);
    const earlier = this.#acknowledged.get(key);
    if (earlier !== undefined && earlier.content !== batch.content)
      throw new Violation(`two contents acknowledged at ${key}`);
    this.#acknowledged.set(key, batch);
  }

  /** Everybody dies; what is under way is applied or not; then one taker comes alone. */
  async #finish(): Promise<void> {
    for (const host of this.#hosts) host.isDead = true;
    if (this.#prng.below(2) === 0) {
      while (this.#network.pendingCount > 0) await this.#network.applyAny(0);
    }
    this.#network.drop();
    const taken = this.#acknowledged.size;
    const lone = await this.#spawn();
    for (let i = 0; this.#acknowledged.size === taken; i++) {
      if (i > LONE_STEPS_MAX) throw new Violation("a lone taker never ends");
      if (!lone.isWaiting && lone.failure === undefined)
        throw new Violation("a lone taker was fenced");
      this.#checkFailures();
      if (this.#network.pendingCount > 0) await this.#network.applyAny(1);
      else await setImmediate();
    }
    await this.#checkPath();
  }

  /** Every acknowledged batch is on the path that leads back from the head, before the seal of its timeline. */
  async #checkPath(): Promise<void> {
    const store: ObjectStore = this.#network.truth;
    const { head } = await readLiveHead({ store }, BRANCH);
    const ends = new Map<string, number>([[head.timeline, Number.MAX_SAFE_INTEGER]]);
    for (let timeline = head.timeline; ;) {
      const key = timelineKey(timeline);
      const found = await store.get(key);
      if (found === undefined) throw new Violation(`${key} is missing on the path from the head`);
      const record = decodeTimelineRecord(found.body, key);
      if (record.kind === "void")
        throw new Violation(`${key} is on the path from the head, and void`);
      if (record.parent === undefined) break;
      timeline = record.parent.timeline;
      ends.set(timeline, record.parent.txid);
      await this.#checkSeal(timeline, record.parent.txid);
    }
    for (const { timeline, txid } of this.#acknowledged.values()) {
      const end = ends.get(timeline);
      if (end === undefined)
        throw new Violation(`acknowledged ${timeline}/${txid} is on no path from the head`);
      if (txid >= end)
        throw new Violation(`acknowledged ${timeline}/${txid} lies behind the seal ${end}`);
    }
  }

  async #checkSeal(timeline: string, txid: number): Promise<void> {
    const store = this.#network.truth;
    const end = await findEnd(
      { store, layout: LAYOUT, seals: simSeals },
      { timeline, shippedTxid: txid - 1 },
    );
    if (!end.isSealed || end.txid !== txid)
      throw new Violation(
        `timeline ${timeline} goes on behind ${txid}, where its successor begins`,
      );
  }

  #checkFailures(): void {
    for (const { failure } of this.#hosts) {
      if (failure !== undefined) throw new Violation(`a host failed: ${String(failure)}`);
    }
  }

  #freshId(): string {
    let id = "";
    for (let i = 0; i < 4; i++) id += this.#ids.u32().toString(16).padStart(8, "0");
    return id;
  }
}
