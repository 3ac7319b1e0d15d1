/**
 * A map from (timeline, pack) to a value, in order of use, with a sum of costs.
 *
 * Two levels, so that a look-up builds no string; a doubly linked list, so that a use is O(1) and allocates nothing. It never
 * drops anything itself: its owner asks for `oldest` while the sum of costs is too large.
 */
import type { PackId } from "../core/ids.ts";

/** An entry, which is also a node of the list; only `value` and `cost` are its owner's to read. */
export interface PackMapEntry<V> {
  readonly timeline: string;
  readonly pack: PackId;
  readonly value: V;
  cost: number;
  newer: PackMapEntry<V> | undefined;
  older: PackMapEntry<V> | undefined;
}

export class PackMap<V> {
  readonly #timelines = new Map<string, Map<number, PackMapEntry<V>>>();
  #newest: PackMapEntry<V> | undefined;
  #oldest: PackMapEntry<V> | undefined;
  #cost = 0;
  #count = 0;

  /** Sum of the entries' costs. */
  get cost(): number {
    return this.#cost;
  }

  get count(): number {
    return this.#count;
  }

  /** Marks the entry as used. */
  get(timeline: string, pack: PackId): V | undefined {
    const entry = this.#timelines.get(timeline)?.get(pack);
    if (entry === undefined) return undefined;
    this.use(entry);
    return entry.value;
  }

  /** Does not mark the entry as used. */
  peek(timeline: string, pack: PackId): PackMapEntry<V> | undefined {
    return this.#timelines.get(timeline)?.get(pack);
  }

  /** Adds or replaces, as the newest. */
  set(timeline: string, pack: PackId, value: V, cost: number): void {
    this.delete(timeline, pack);
    const entry = { timeline, pack, value, cost, newer: undefined, older: undefined };
    let packs = this.#timelines.get(timeline);
    if (packs === undefined) {
      packs = new Map();
      this.#timelines.set(timeline, packs);
    }
    packs.set(pack, entry);
    this.#link(entry);
    this.#cost += cost;
    this.#count++;
  }

  setCost(entry: PackMapEntry<V>, cost: number): void {
    this.#cost += cost - entry.cost;
    entry.cost = cost;
  }

  /** Makes the entry the newest. */
  use(entry: PackMapEntry<V>): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#link(entry);
  }

  /** The value that was removed. */
  delete(timeline: string, pack: PackId): V | undefined {
    const packs = this.#timelines.get(timeline);
    const entry = packs?.get(pack);
    if (packs === undefined || entry === undefined) return undefined;
    packs.delete(pack);
    if (packs.size === 0) this.#timelines.delete(timeline);
    this.#unlink(entry);
    this.#cost -= entry.cost;
    this.#count--;
    return entry.value;
  }

  /** The least recently used entry; go on with its `newer`. */
  oldest(): PackMapEntry<V> | undefined {
    return this.#oldest;
  }

  #link(entry: PackMapEntry<V>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  #unlink(entry: PackMapEntry<V>): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
  }
}
