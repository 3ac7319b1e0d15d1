/**
 * branches/<name>.json: who may write a branch, and on which timeline (C4). Changed by compare-and-swap alone.
 *
 * What always holds:
 *   - `nonce` is fresh in every attempt to write a head: whether an attempt whose answer was lost came through is read
 *     off the nonce, and equal content proves nothing. It also keeps a head's tag from ever coming back;
 *   - there is no time in it that anybody acts upon: whether a holder lives is watched on one's own clock (C4);
 *   - until `isBorn`, `previous` names every timeline that may still get a batch, newest first (C5);
 *   - a deleted branch leaves a tombstone with what it stood for in `was` (C10, G2).
 */
import { type Instant, instantFields, readInstant } from "./instant.ts";
import { decodeJsonObject, encodeJsonObject, FieldReader } from "./json-object.ts";

const FORMAT = 1;

/** Who holds a branch: for people, and for knowing oneself again (C7). */
export interface Holder {
  /** The name of the machine, for messages. */
  readonly host: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly pid: number;
  readonly startTicks: number;
  readonly stateDirectory: string;
  /** By the holder's wall clock, in milliseconds since 1970: for people. */
  readonly sinceMs: number;
}

export interface PreviousTimeline {
  readonly timeline: string;
  /** The last batch that its head said was shipped, 0 when it said none: where to look for what came after. */
  readonly shippedTxid: number;
}

export interface BranchHead {
  readonly epoch: number;
  readonly timeline: string;
  /** Whether `timeline` is known to have begun. */
  readonly isBorn: boolean;
  readonly previous: readonly PreviousTimeline[];
  readonly nonce: string;
  /** The last batch of `timeline` that was shipped when the head was written; 0 before the first. */
  readonly shippedTxid: number;
  /** Where the branch begins, for a claimer that finds no timeline of it that was born; undefined: at nothing. */
  readonly origin?: Instant;
  /** A restore in place is under way: the parent that `timeline` takes instead of the seal (C9). */
  readonly base?: Instant;
  /** The parents of `timeline`, nearest first, back to the last full snapshot: a hint that saves reading each. */
  readonly lineage: readonly Instant[];
  /** Nobody when left out: released, or never held. */
  readonly holder?: Holder;
  /** The branch was deleted; only `epoch`, `nonce` and `was` mean anything. */
  readonly isDeleted: boolean;
  /** Instants that this name stood for before: roots for a collector that saw the name change (G2). */
  readonly was: readonly Instant[];
}

export function encodeBranchHead(head: BranchHead): Uint8Array {
  const { epoch, timeline, isBorn, nonce, shippedTxid, isDeleted, origin, base, holder } = head;
  return encodeJsonObject({
    format: FORMAT,
    epoch,
    timeline,
    born: isBorn,
    previous: head.previous.map((previous) => ({
      timeline: previous.timeline,
      shippedTxid: previous.shippedTxid,
    })),
    nonce,
    shippedTxid,
    origin: origin && instantFields(origin),
    base: base && instantFields(base),
    lineage: head.lineage.map(instantFields),
    holder: holder && holderFields(holder),
    deleted: isDeleted,
    was: head.was.map(instantFields),
  });
}

/** `where` names the object. Throws CorruptError, or EPROTO for what a later program wrote. */
export function decodeBranchHead(bytes: Uint8Array, where: string): BranchHead {
  const reader = new FieldReader(decodeJsonObject(bytes, where, FORMAT), where);
  const origin = reader.optional("origin", readInstant);
  const base = reader.optional("base", readInstant);
  const holder = reader.optional("holder", readHolder);
  const head: BranchHead = {
    epoch: reader.count("epoch"),
    timeline: reader.id("timeline"),
    isBorn: reader.flag("born"),
    previous: reader.list("previous", (previous) => ({
      timeline: previous.id("timeline"),
      shippedTxid: previous.count("shippedTxid"),
    })),
    nonce: reader.id("nonce"),
    shippedTxid: reader.count("shippedTxid"),
    ...(origin === undefined ? {} : { origin }),
    ...(base === undefined ? {} : { base }),
    lineage: reader.list("lineage", readInstant),
    ...(holder === undefined ? {} : { holder }),
    isDeleted: reader.flag("deleted"),
    was: reader.list("was", readInstant),
  };
  reader.end();
  return head;
}

function holderFields(holder: Holder): Holder {
  const { host, machineId, bootId, pid, startTicks, stateDirectory, sinceMs } = holder;
  return { host, machineId, bootId, pid, startTicks, stateDirectory, sinceMs };
}

function readHolder(reader: FieldReader): Holder {
  return {
    host: reader.text("host"),
    machineId: reader.text("machineId"),
    bootId: reader.text("bootId"),
    pid: reader.count("pid"),
    startTicks: reader.count("startTicks"),
    stateDirectory: reader.text("stateDirectory"),
    sinceMs: reader.count("sinceMs"),
  };
}
