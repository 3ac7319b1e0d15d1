/**
 * Pack rows in memory, with their references counted as slices come and go.
 *
 * What always holds: `refCount` is the number of slice rows that name the pack, `liveSize` the sum of their lengths.
 * A pack whose count falls to 0 is dead for good (G4): nothing refers to it again, its row goes by PACK_DROPPED.
 */
import { assert } from "../core/assert.ts";
import { CorruptError } from "../core/fs-error.ts";
import { toPackId, type PackId } from "../core/ids.ts";
import { PackState, type PackRow, type PackTable } from "../meta/tables.ts";

/** `pack` of a slice that is allocated but unwritten. */
export const ZERO_PACK: PackId = toPackId(0);

export class PackBook {
  readonly #table: PackTable;
  readonly #rows = new Map<PackId, PackRow>();
  readonly #dirty = new Set<PackRow>();
  /** Packs without references, not yet dropped. */
  readonly dead: Set<PackId> = new Set();
  /** Bytes of the packs in the store. */
  storedSize = 0;
  /** Bytes stored since the volume was opened. */
  storedSizeEver = 0;

  constructor(table: PackTable) {
    this.#table = table;
    for (const row of table.list()) {
      this.#rows.set(row.id, row);
      this.storedSize += row.storedSize;
      if (row.refCount === 0) this.dead.add(row.id);
    }
  }

  get count(): number {
    return this.#rows.size;
  }

  get(id: PackId): PackRow | undefined {
    return this.#rows.get(id);
  }

  values(): Iterable<PackRow> {
    return this.#rows.values();
  }

  /** Throws CorruptError: a slice names a pack that has no row. */
  require(id: PackId): PackRow {
    const row = this.#rows.get(id);
    if (row === undefined) throw new CorruptError(`pack ${id} has no row`);
    return row;
  }

  isPending(id: PackId): boolean {
    return this.require(id).state === PackState.PENDING;
  }

  add(id: PackId, options: { readonly plainSize: number; readonly bornCut: number }): PackRow {
    assert(!this.#rows.has(id), `pack ${id} is new`);
    const row: PackRow = {
      id,
      state: PackState.PENDING,
      storedSize: 0,
      plainSize: options.plainSize,
      liveSize: 0,
      refCount: 0,
      bornCut: options.bornCut,
      diedCut: 0,
    };
    this.#rows.set(id, row);
    this.#dirty.add(row);
    return row;
  }

  addReference(id: PackId, length: number): void {
    if (id === ZERO_PACK) return;
    const row = this.require(id);
    row.refCount++;
    row.liveSize += length;
    this.dead.delete(id);
    this.#dirty.add(row);
  }

  dropReference(id: PackId, length: number): void {
    if (id === ZERO_PACK) return;
    const row = this.require(id);
    row.refCount--;
    row.liveSize -= length;
    assert(row.refCount >= 0 && row.liveSize >= 0, `pack ${id} is not referred to less than never`);
    if (row.refCount === 0) this.dead.add(id);
    this.#dirty.add(row);
  }

  markStored(id: PackId, storedSize: number): void {
    const row = this.require(id);
    row.state = PackState.STORED;
    row.storedSize = storedSize;
    this.storedSize += storedSize;
    this.storedSizeEver += storedSize;
    this.#dirty.add(row);
  }

  drop(id: PackId): void {
    const row = this.require(id);
    assert(row.refCount === 0, `pack ${id} is dead`);
    this.storedSize -= row.storedSize;
    this.#rows.delete(id);
    this.#dirty.delete(row);
    this.dead.delete(id);
    this.#table.remove(id);
  }

  /** Writes changed rows; the cut commits next. */
  flush(cut: number): void {
    for (const row of this.#dirty) {
      row.diedCut = row.refCount === 0 ? row.diedCut || cut : 0;
      this.#table.put(row);
    }
    this.#dirty.clear();
  }
}
