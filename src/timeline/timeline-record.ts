/**
 * timeline.json: where a timeline begins, or that it never began. Created once (C5); `void` may follow `real` only at a
 * timeline's very end (G5).
 *
 * What always holds: the bytes are a function of the claim alone (no time, no host), so that two clones of one claimer
 * write the same, and whoever finishes a claim meets its own object.
 */
import { decodeJsonObject, encodeJsonObject, FieldReader } from "./json-object.ts";
import { type Instant, instantFields, readInstant } from "./instant.ts";

const FORMAT = 1;

export interface RealTimeline {
  readonly kind: "real";
  readonly branch: string;
  readonly epoch: number;
  /** Where its history goes on from; undefined at the beginning of everything. */
  readonly parent?: Instant;
  /**
   * The seal that ended the branch's timeline before this one. It is the parent, unless a restore in place took another
   * instant: then the undone tail is found here (C9).
   */
  readonly sealed?: Instant;
}

export interface VoidTimeline {
  readonly kind: "void";
}

export type TimelineRecord = RealTimeline | VoidTimeline;

export const VOID_TIMELINE: VoidTimeline = { kind: "void" };

export function encodeTimelineRecord(record: TimelineRecord): Uint8Array {
  if (record.kind === "void") return encodeJsonObject({ format: FORMAT, kind: "void" });
  const { kind, branch, epoch, parent, sealed } = record;
  return encodeJsonObject({
    format: FORMAT,
    kind,
    branch,
    epoch,
    parent: parent && instantFields(parent),
    sealed: sealed && instantFields(sealed),
  });
}

/** `where` names the object. Throws CorruptError, or EPROTO for what a later program wrote. */
export function decodeTimelineRecord(bytes: Uint8Array, where: string): TimelineRecord {
  const reader = new FieldReader(decodeJsonObject(bytes, where, FORMAT), where);
  const kind = reader.choice("kind", ["real", "void"]);
  const record = kind === "void" ? VOID_TIMELINE : readReal(reader);
  reader.end();
  return record;
}

function readReal(reader: FieldReader): RealTimeline {
  const branch = reader.text("branch");
  const epoch = reader.count("epoch", 1);
  const parent = reader.optional("parent", readInstant);
  const sealed = reader.optional("sealed", readInstant);
  return {
    kind: "real",
    branch,
    epoch,
    ...(parent === undefined ? {} : { parent }),
    ...(sealed === undefined ? {} : { sealed }),
  };
}
