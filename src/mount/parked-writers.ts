/**
 * Writers that wait for room: their whole requests, copied out of the buffer the device is read into (rule K6).
 *
 * What always holds: a request is in exactly the places that say so, so a kill in the middle of parking leaves it in
 * the request slot too; the next engine compares uniques. Parked requests come out in the order they went in.
 */
import type { RequestSlot } from "./request-slot.ts";

export class ParkedWriters {
  readonly #slots: readonly RequestSlot[];
  #order: number;

  constructor(slots: readonly RequestSlot[]) {
    this.#slots = slots;
    this.#order = 0;
    for (const slot of slots) if (slot.isParked) this.#order = Math.max(this.#order, slot.order);
  }

  /** False: all slots are taken, so the device must not be read until one is free. */
  get hasRoom(): boolean {
    for (const slot of this.#slots) if (!slot.isParked) return true;
    return false;
  }

  get count(): number {
    let count = 0;
    for (const slot of this.#slots) if (slot.isParked) count++;
    return count;
  }

  /** Copies the request out of `from`, header in its buffer; false when there is no room. */
  park(from: RequestSlot): boolean {
    for (const slot of this.#slots) {
      if (slot.isParked) continue;
      this.#order++;
      slot.park(from, this.#order);
      return true;
    }
    return false;
  }

  /** The one that waits longest; it stays parked until `unpark` after its answer. */
  first(): RequestSlot | undefined {
    let first: RequestSlot | undefined;
    for (const slot of this.#slots) {
      if (slot.isParked && (first === undefined || slot.order < first.order)) first = slot;
    }
    return first;
  }
}
