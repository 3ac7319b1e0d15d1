/** A place in the history of a volume: what TXID `txid` of `timeline` restores. */
import type { FieldReader } from "./json-object.ts";

export interface Instant {
  readonly timeline: string;
  readonly txid: number;
}

export function readInstant(reader: FieldReader): Instant {
  return { timeline: reader.id("timeline"), txid: reader.count("txid", 1) };
}

/** For JSON: exactly these fields in this order. */
export function instantFields({ timeline, txid }: Instant): Instant {
  return { timeline, txid };
}

export function isSameInstant(a: Instant | undefined, b: Instant | undefined): boolean {
  return a?.timeline === b?.timeline && a?.txid === b?.txid;
}
