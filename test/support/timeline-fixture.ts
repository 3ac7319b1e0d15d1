/** A store with one branch, and hosts that take it: the world of the tests in src/timeline. */
import { Prng } from "../../src/core/prng.ts";
import {
  MemoryObjectStore,
  type StoreCall,
  type StoreFault,
} from "../../src/object/memory-object-store.ts";
import { ObjectStoreError } from "../../src/object/object-store.ts";
import { type BranchHead, encodeBranchHead, type Holder } from "../../src/timeline/branch-head.ts";
import { type Claimed, claimBranch } from "../../src/timeline/claim.ts";
import type { Instant } from "../../src/timeline/instant.ts";
import { branchKey } from "../../src/timeline/object-keys.ts";
import { readLiveHead } from "../../src/timeline/read-head.ts";
import type { SealFormat, TimelineContext } from "../../src/timeline/timeline-context.ts";
import { ManualClock } from "./manual-clock.ts";

export const BRANCH = "main";
const SEAL = "seal";

/** A batch is four letters of kind and its content; a seal tells what it was made over. */
export const textSeals: SealFormat = {
  headerSize: SEAL.length,
  isSeal: (header) => textOf(header).startsWith(SEAL),
  make: async (_at, last) => bytesOf(`${SEAL} ${last === undefined ? "nothing" : last.txid}`),
};

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function holderNamed(host: string): Holder {
  return {
    host,
    machineId: host,
    bootId: "boot",
    pid: 7,
    startTicks: 1,
    stateDirectory: "/state",
    sinceMs: 1_700_000_000_000,
  };
}

export class TimelineFixture {
  readonly clock: ManualClock = new ManualClock();
  readonly calls: StoreCall[] = [];
  /** Asked before each call: what happens to it. */
  fault: ((call: StoreCall, index: number) => StoreFault | undefined) | undefined;
  readonly store: MemoryObjectStore;
  readonly context: TimelineContext;

  constructor() {
    this.store = new MemoryObjectStore({
      clock: this.clock,
      faults: (call) => {
        this.calls.push(call);
        return this.fault?.(call, this.calls.length - 1);
      },
    });
    const prng = new Prng(5);
    const freshId = (): string =>
      Array.from({ length: 4 }, () => prng.u32().toString(16).padStart(8, "0")).join("");
    this.context = { store: this.store, layout: "s3", entropy: { freshId }, seals: textSeals };
  }

  /** A branch that nobody holds and that begins at `origin`. */
  async createBranch(origin?: Instant): Promise<void> {
    const head: BranchHead = {
      epoch: 0,
      timeline: this.context.entropy.freshId(),
      isBorn: false,
      previous: [],
      nonce: this.context.entropy.freshId(),
      shippedTxid: 0,
      ...(origin === undefined ? {} : { origin }),
      lineage: [],
      isDeleted: false,
      was: [],
    };
    await this.store.create(branchKey(BRANCH), encodeBranchHead(head));
  }

  /** Throws when the head changed in between: nobody else is here. */
  async claim(host: string, base?: Instant): Promise<Claimed> {
    const seen = await readLiveHead(this.context, BRANCH);
    const claimed = await claimBranch(this.context, {
      branch: BRANCH,
      seen,
      holder: holderNamed(host),
      base,
    });
    if (claimed === undefined) throw new Error("the head changed");
    return claimed;
  }

  /** What `work` costs, as `method key` without random parts. */
  async requests(work: () => Promise<unknown>): Promise<string[]> {
    const from = this.calls.length;
    await work();
    return this.calls
      .slice(from)
      .map(({ method, key }) => `${method} ${key.replaceAll(/[0-9a-f]{32}/g, "*")}`);
  }
}

export function lostAnswer(): ObjectStoreError {
  return new ObjectStoreError("ETIMEDOUT", "no answer came", { retryable: true });
}
