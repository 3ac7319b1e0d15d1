/**
 * What a host does in the fence simulation, with the real code of src/timeline: takes the branch, ships, renews, deletes
 * old batches, and ends when it is fenced. Rules left out by mutants are left out here, in what surrounds that code.
 */
import { FencedError } from "../../src/core/fs-error.ts";
import { ObjectStoreError, type ObjectStore } from "../../src/object/object-store.ts";
import { encodeBranchHead, type Holder } from "../../src/timeline/branch-head.ts";
import { BATCH_KEEP_MS_MIN, BranchWriter } from "../../src/timeline/branch-writer.ts";
import { claimBranch, type Claimed } from "../../src/timeline/claim.ts";
import { batchKey, branchKey } from "../../src/timeline/object-keys.ts";
import { readLiveHead } from "../../src/timeline/read-head.ts";
import type { SealFormat, TimelineContext } from "../../src/timeline/timeline-context.ts";
import { encodeTimelineRecord, VOID_TIMELINE } from "../../src/timeline/timeline-record.ts";
import type { HostPorts } from "./sim-host.ts";
import { simStore } from "./sim-network.ts";

export const BRANCH = "main";
export const LAYOUT = "s3";
export const MUTATIONS = [
  "C2: the head is not read after a create",
  "C5: a timeline that was never born is passed over",
  "G5: batches go without a later change of the head",
  "C1: the next batch is sent before the last is confirmed",
] as const;
export type FenceMutation = (typeof MUTATIONS)[number];

export interface Acknowledged {
  readonly timeline: string;
  readonly txid: number;
  readonly content: string;
}

const HOLDER: Holder = {
  host: "sim",
  machineId: "",
  bootId: "",
  pid: 1,
  startTicks: 0,
  stateDirectory: "/state",
  sinceMs: 0,
};

const SEAL = "seal";

/** A batch is four letters of kind and its content. */
export const simSeals: SealFormat = {
  headerSize: SEAL.length,
  isSeal: (header) => text(header).startsWith(SEAL),
  make: async () => bytes(SEAL),
};

export function fenceProgram(mutation?: FenceMutation): (ports: HostPorts) => Promise<void> {
  return async (ports) => {
    const mutant = new MutantStore(
      simStore((request) => ports.request(request)),
      mutation,
    );
    const context: TimelineContext = {
      store: mutant.store,
      layout: LAYOUT,
      entropy: { freshId: () => ports.freshId() },
      seals: simSeals,
    };
    try {
      for (;;) {
        const claimed = await untilAnswered(() => take(context));
        if (claimed === undefined) continue;
        await write(new FenceHost(ports, context, { claimed, mutant, mutation }));
      }
    } catch (error) {
      if (!(error instanceof FencedError)) throw error;
    }
  };
}

async function take(context: TimelineContext): Promise<Claimed | undefined> {
  const seen = await readLiveHead(context, BRANCH);
  return claimBranch(context, { branch: BRANCH, seen, holder: HOLDER });
}

async function write(host: FenceHost): Promise<void> {
  for (;;) {
    const kind = host.ports.draw(20);
    if (kind < 10) await host.ship();
    else if (kind < 14) await host.renew();
    else if (kind < 16) await Promise.all([host.ship(), host.renew()]);
    else if (kind < 19) await host.retire();
    else if (await host.letGo()) return;
  }
}

class FenceHost {
  readonly ports: HostPorts;
  readonly #context: TimelineContext;
  readonly #writer: BranchWriter;
  readonly #mutant: MutantStore;
  readonly #mutation: FenceMutation | undefined;
  readonly #shipped: { readonly txid: number; readonly atMs: number }[] = [];
  #content: string;

  constructor(
    ports: HostPorts,
    context: TimelineContext,
    parts: {
      readonly claimed: Claimed;
      readonly mutant: MutantStore;
      readonly mutation: FenceMutation | undefined;
    },
  ) {
    this.ports = ports;
    this.#context = context;
    this.#writer = new BranchWriter(context, parts.claimed);
    this.#mutant = parts.mutant;
    this.#mutation = parts.mutation;
    this.#mutant.lastHead = encodeBranchHead(parts.claimed.head);
    this.#content = ports.freshId();
  }

  async ship(): Promise<void> {
    const { timeline } = this.#writer;
    const txid = this.#writer.shippedTxid + 1;
    const content = this.#content;
    this.#content = this.ports.freshId();
    const hasTwo = this.#mutation === MUTATIONS[3];
    const early = hasTwo ? this.#sendEarly(txid + 1) : undefined;
    this.#mutant.isShipping = true;
    try {
      await untilAnswered(() => this.#writer.ship(txid, bytes(`data${content}`)));
    } finally {
      this.#mutant.isShipping = false;
    }
    this.ports.report({ timeline, txid, content } satisfies Acknowledged);
    this.#shipped.push({ txid, atMs: this.ports.nowMs() });
    await early;
  }

  async renew(): Promise<void> {
    await untilAnswered(() => this.#writer.renew());
  }

  /** Deletes the oldest batch, never the last: from that one on the next writer looks. */
  async retire(): Promise<void> {
    const [oldest] = this.#shipped;
    if (oldest === undefined || this.#shipped.length < 2) return;
    if (this.ports.nowMs() - oldest.atMs < BATCH_KEEP_MS_MIN) return;
    const ignoresRule = this.#mutation === MUTATIONS[2];
    if (!ignoresRule && !this.#writer.mayRetire(oldest.txid)) return;
    this.#shipped.shift();
    const { store, layout } = this.#context;
    await untilAnswered(() => store.delete(batchKey(layout, this.#writer.timeline, oldest.txid)));
  }

  /** Sometimes; the branch is then taken anew, by us or another. */
  async letGo(): Promise<boolean> {
    if (this.ports.draw(8) > 0) return false;
    await untilAnswered(() => this.#writer.release());
    return true;
  }

  async #sendEarly(txid: number): Promise<void> {
    const key = batchKey(LAYOUT, this.#writer.timeline, txid);
    try {
      await this.#context.store.create(key, bytes(`data${this.#content}`));
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
    }
  }
}

/** Leaves a rule out, by what it does to requests. */
class MutantStore {
  readonly store: ObjectStore;
  lastHead: Uint8Array | undefined;
  isShipping = false;

  constructor(inner: ObjectStore, mutation: FenceMutation | undefined) {
    const store: ObjectStore = Object.create(inner) as ObjectStore;
    const voidBytes = encodeTimelineRecord(VOID_TIMELINE);
    store.swap = async (key, tag, body) => {
      this.lastHead = body;
      return inner.swap(key, tag, body);
    };
    if (mutation === MUTATIONS[0]) {
      store.get = async (key) => {
        const isCheck = this.isShipping && key === branchKey(BRANCH) && this.lastHead !== undefined;
        return isCheck ? { body: this.lastHead!, tag: "unread" } : inner.get(key);
      };
    }
    if (mutation === MUTATIONS[1]) {
      store.create = async (key, body) => {
        if (Buffer.compare(body, voidBytes) !== 0) return inner.create(key, body);
        const isThere = (await inner.get(key)) !== undefined;
        return isThere ? { created: false } : { created: true, tag: "" };
      };
    }
    this.store = store;
  }
}

/** A process tries again for ever what may yet work. */
async function untilAnswered<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || !error.retryable) throw error;
    }
  }
}

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array): string {
  return new TextDecoder().decode(value);
}
