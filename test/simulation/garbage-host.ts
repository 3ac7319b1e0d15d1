/**
 * What hosts do in the simulation of garbage collection, with the real code of src/timeline and src/gc: make checkpoints at
 * past instants, delete them, collect what no root reaches. Rules that mutants leave out are left out in what surrounds
 * that code. Source: PROTOCOLS.md G2, G3, model/garbage_model.py.
 */
import { FsError } from "../../src/core/fs-error.ts";
import { keptInstants, listRoots, type RootListing } from "../../src/gc/root-listing.ts";
import { ObjectStoreError, type ObjectStore } from "../../src/object/object-store.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/timeline/checkpoint.ts";
import { raiseFloors, readFloors, type SeenFloors } from "../../src/timeline/floors.ts";
import {
  checkpointNames,
  createCheckpoint,
  deleteCheckpoint,
  readCheckpoint,
  type SeenCheckpoint,
} from "../../src/timeline/name-checkpoint.ts";
import { CHECKPOINT_PREFIX, FLOORS_KEY, PIN_PREFIX } from "../../src/timeline/object-keys.ts";
import type { RootContext, RootSource } from "../../src/timeline/root-source.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { textSeals } from "../support/timeline-fixture.ts";
import type { HostPorts } from "./sim-host.ts";
import { simStore } from "./sim-network.ts";

export const TIMELINE: string = "7".repeat(32);
export const DATA_PREFIX = "data/";
export const GARBAGE_MUTATIONS = [
  "G2: names are listed before pins",
  "G2: the floor is published after the second listing",
  "G3: the source is not looked at again after the pin",
  "G3: the pin goes though the name's creation got no answer",
  "G2: a name forgets what it stood for before",
  "G2: what changed since the first listing counts only with what it stands for now",
] as const;
export type GarbageMutation = (typeof GARBAGE_MUTATIONS)[number];

/** How far behind the newest instant a window may begin. */
const WINDOWS = [2, 4, 6];
const NAME_LETTERS = 8;
const NAME_NUMBERS = 3;
/** Keys in a page of a listing: many pages, much between them. */
const PAGE = 2;

type Kind = "collector" | "creator" | "deleter";

/** `newest` is what everybody can see: the TXID of the newest instant. */
export function garbageProgram(
  kind: Kind,
  options: { readonly newest: () => number; readonly mutation?: GarbageMutation },
): (ports: HostPorts) => Promise<void> {
  return async (ports) => {
    const host = new GarbageHost(ports, options);
    for (;;) {
      try {
        await host.work(kind);
      } catch (error) {
        // A name that is taken, an instant that expired, an answer that was lost: the next round is another matter.
        const isKnown =
          error instanceof ObjectStoreError ? error.retryable : error instanceof FsError;
        if (!isKnown || (error as FsError).code === "EIO") throw error;
      }
    }
  };
}

class GarbageHost {
  readonly #ports: HostPorts;
  readonly #newest: () => number;
  readonly #mutation: GarbageMutation | undefined;
  readonly #context: RootContext;
  /** The pin that was made last. */
  #pin: string | undefined;
  #isSecondListing = false;

  constructor(
    ports: HostPorts,
    options: { readonly newest: () => number; readonly mutation?: GarbageMutation },
  ) {
    this.#ports = ports;
    this.#newest = options.newest;
    this.#mutation = options.mutation;
    this.#context = {
      store: this.#mutantStore(simStore((request) => ports.request(request))),
      layout: "s3",
      entropy: { freshId: () => ports.freshId() },
      seals: textSeals,
      clock: new ManualClock(),
    };
  }

  work(kind: Kind): Promise<void> {
    if (kind === "collector") return this.#collect();
    return kind === "creator" ? this.#create() : this.#delete();
  }

  async #create(): Promise<void> {
    const { draw } = this.#ports;
    const name = `${String.fromCodePoint(97 + draw(NAME_LETTERS))}${draw(NAME_NUMBERS)}`;
    const source = draw(2) === 0 ? await this.#nameSource() : undefined;
    this.#pin = undefined;
    try {
      await createCheckpoint(this.#context, name, {
        source: source ?? (await this.#windowSource()),
        note: "",
      });
    } catch (error) {
      if (this.#mutation === GARBAGE_MUTATIONS[3] && this.#pin !== undefined)
        await this.#context.store.delete(this.#pin);
      throw error;
    }
  }

  async #nameSource(): Promise<RootSource | undefined> {
    const seen = await this.#anyCheckpoint();
    const instant = seen?.checkpoint.instant;
    if (seen === undefined || instant === undefined) return undefined;
    return { instant, name: { key: seen.key, tag: seen.tag } };
  }

  async #windowSource(): Promise<RootSource> {
    const { floors } = await readFloors(this.#context);
    const floor = Math.max(1, floors.get(TIMELINE) ?? 1);
    const txid = floor + this.#ports.draw(this.#newest() - floor + 1);
    return { instant: { timeline: TIMELINE, txid } };
  }

  async #delete(): Promise<void> {
    const seen = await this.#anyCheckpoint();
    if (seen?.checkpoint.instant === undefined) return;
    await deleteCheckpoint(
      this.#context,
      seen.key.slice(CHECKPOINT_PREFIX.length, -".json".length),
    );
  }

  async #anyCheckpoint(): Promise<SeenCheckpoint | undefined> {
    const names: string[] = [];
    for await (const name of checkpointNames(this.#context)) names.push(name);
    const name = names[this.#ports.draw(Math.max(1, names.length))];
    return name === undefined ? undefined : readCheckpoint(this.#context, name);
  }

  async #collect(): Promise<void> {
    const { store } = this.#context;
    const isLate = this.#mutation === GARBAGE_MUTATIONS[1];
    const first = await listRoots(store);
    const seen = await readFloors(this.#context);
    const old = seen.floors.get(TIMELINE) ?? 1;
    const window = WINDOWS[this.#ports.draw(WINDOWS.length)]!;
    const target = Math.max(old, this.#newest() - window);
    if (!isLate && !(await this.#publish(seen, target))) return;
    this.#isSecondListing = true;
    const second = await listRoots(store).finally(() => {
      this.#isSecondListing = false;
    });
    if (isLate && !(await this.#publish(seen, target))) return;
    await this.#deleteBelow(target, first, second);
  }

  #publish(seen: SeenFloors, target: number): Promise<boolean> {
    return raiseFloors(this.#context, seen, new Map([[TIMELINE, target]]));
  }

  async #deleteBelow(target: number, first: RootListing, second: RootListing): Promise<void> {
    const kept = new Set(keptInstants(first, second).map(({ txid }) => txid));
    const { store } = this.#context;
    for (let txid = 1; txid < target; txid++) {
      if (!kept.has(txid)) await store.delete(`${DATA_PREFIX}${txid}`);
    }
  }

  #mutantStore(inner: ObjectStore): ObjectStore {
    const store = Object.create(inner) as ObjectStore;
    const mutation = this.#mutation;
    store.list = (options) => {
      const prefix =
        mutation === GARBAGE_MUTATIONS[0] ? otherFirst(options.prefix) : options.prefix;
      return inner.list({ ...options, prefix, limit: PAGE });
    };
    store.create = (key, body) => {
      if (key.startsWith(PIN_PREFIX)) this.#pin = key;
      return inner.create(key, this.#forget(key, body));
    };
    store.swap = (key, tag, body) => inner.swap(key, tag, this.#forget(key, body));
    store.get = async (key) => {
      if (mutation === GARBAGE_MUTATIONS[2] && key === FLOORS_KEY && this.#pin !== undefined)
        return undefined;
      const found = await inner.get(key);
      const isBlind = mutation === GARBAGE_MUTATIONS[5] && this.#isSecondListing;
      return found && isBlind ? { ...found, body: withoutPast(key, found.body) } : found;
    };
    return store;
  }

  #forget(key: string, body: Uint8Array): Uint8Array {
    return this.#mutation === GARBAGE_MUTATIONS[4] ? withoutPast(key, body) : body;
  }
}

function otherFirst(prefix: string): string {
  if (prefix === PIN_PREFIX) return CHECKPOINT_PREFIX;
  return prefix === CHECKPOINT_PREFIX ? PIN_PREFIX : prefix;
}

function withoutPast(key: string, body: Uint8Array): Uint8Array {
  if (!key.startsWith(CHECKPOINT_PREFIX)) return body;
  return encodeCheckpoint({ ...decodeCheckpoint(body, key), was: [] });
}
