/**
 * pins/<random>.json: a root in the making (G3). It keeps an instant from collectors between the moment somebody decides
 * to name it and the moment the name is visible. One that is left behind costs space only.
 */
import { type Instant, instantFields, readInstant } from "./instant.ts";
import { decodeJsonObject, encodeJsonObject, FieldReader } from "./json-object.ts";

const FORMAT = 1;

export interface Pin {
  readonly instant: Instant;
  /** When it was made, in milliseconds since 1970: for whoever finds it left behind. */
  readonly createdMs: number;
}

export function encodePin({ instant, createdMs }: Pin): Uint8Array {
  return encodeJsonObject({ format: FORMAT, instant: instantFields(instant), createdMs });
}

/** `where` names the object. Throws CorruptError, or EPROTO for what a later program wrote. */
export function decodePin(bytes: Uint8Array, where: string): Pin {
  const reader = new FieldReader(decodeJsonObject(bytes, where, FORMAT), where);
  const pin = {
    instant: reader.object("instant", readInstant),
    createdMs: reader.count("createdMs"),
  };
  reader.end();
  return pin;
}
