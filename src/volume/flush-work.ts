/**
 * What a flush thread does in the engine's place: waits for the disk, and fills spare journal segments with zeros.
 * A failed flush is reported, never tried again (J2).
 */
import type { Disk } from "../journal/disk.ts";
import { runFlush, type FlushTicket } from "../journal/flush-ticket.ts";
import { prepareSpare, type SpareOrder } from "../journal/spare.ts";

export type FlushOrder =
  | { readonly kind: "flush"; readonly ticket: FlushTicket }
  | { readonly kind: "spare"; readonly order: SpareOrder };

export type FlushReport =
  | { readonly kind: "flushed" }
  | { readonly kind: "flushFailed"; readonly message: string }
  | { readonly kind: "spareReady"; readonly order: SpareOrder }
  | { readonly kind: "spareFailed" };

export function runFlushOrder(disk: Disk, work: FlushOrder): FlushReport {
  if (work.kind === "spare") return makeSpare(disk, work.order);
  try {
    runFlush(disk, work.ticket);
    return { kind: "flushed" };
  } catch (error) {
    return { kind: "flushFailed", message: String(error) };
  }
}

/** The journal goes on without a spare, or makes one itself when it must. */
function makeSpare(disk: Disk, order: SpareOrder): FlushReport {
  try {
    prepareSpare(disk, order);
    return { kind: "spareReady", order };
  } catch {
    return { kind: "spareFailed" };
  }
}
