/**
 * checkpoints/<name>.json: a name for an instant. Deleted by compare-and-swap to a tombstone and made again over it, never
 * by DELETE: one that is late would hit the new name (C10).
 */
import { type Instant, instantFields, readInstant } from "./instant.ts";
import { decodeJsonObject, encodeJsonObject, FieldReader } from "./json-object.ts";

const FORMAT = 1;

export interface Checkpoint {
  /** undefined: deleted. */
  readonly instant?: Instant;
  /** When it was made, by the wall clock of who made it, in milliseconds since 1970: for people. */
  readonly createdMs: number;
  readonly note: string;
  /** Instants that this name stood for before: roots for a collector that saw the name change (G2). */
  readonly was: readonly Instant[];
}

export function encodeCheckpoint({ instant, createdMs, note, was }: Checkpoint): Uint8Array {
  return encodeJsonObject({
    format: FORMAT,
    instant: instant && instantFields(instant),
    createdMs,
    note,
    was: was.map(instantFields),
  });
}

/** `where` names the object. Throws CorruptError, or EPROTO for what a later program wrote. */
export function decodeCheckpoint(bytes: Uint8Array, where: string): Checkpoint {
  const reader = new FieldReader(decodeJsonObject(bytes, where, FORMAT), where);
  const instant = reader.optional("instant", readInstant);
  const checkpoint = {
    ...(instant === undefined ? {} : { instant }),
    createdMs: reader.count("createdMs"),
    note: reader.text("note"),
    was: reader.list("was", readInstant),
  };
  reader.end();
  return checkpoint;
}
