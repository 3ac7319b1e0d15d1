/**
 * Reading the small JSON objects of the store strictly: what is not understood is refused, never guessed. Writing them
 * canonically: a retry that meets its own object compares bytes (invariant 6), so equal values must be equal bytes.
 */
import { CorruptError, FsError } from "../core/fs-error.ts";

/** A larger object under one of these names is not ours. */
const SIZE_MAX: number = 4 * 1024 * 1024;

export type JsonFields = Readonly<Record<string, unknown>>;

/** Fields in the order given; one line, so that `cat` and `curl` show it. */
export function encodeJsonObject(fields: JsonFields): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(fields)}\n`);
}

/**
 * The fields of an object of `format`, and of no later one. Throws CorruptError for what is no such object, EPROTO for
 * another format; `where` names it.
 */
export function decodeJsonObject(bytes: Uint8Array, where: string, format: number): JsonFields {
  if (bytes.length > SIZE_MAX) throw damaged(where, `it has ${bytes.length} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw damaged(where, "it is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw damaged(where, "it is not an object");
  const fields = value as JsonFields;
  if (typeof fields["format"] !== "number") throw damaged(where, "it has no format");
  if (fields["format"] !== format) {
    throw new FsError(
      "EPROTO",
      `${where} has format ${fields["format"]}; this program reads format ${format}: use a newer shoal`,
    );
  }
  return fields;
}

/** Takes fields one by one and in the end says whether any is left that nobody knows. */
export class FieldReader {
  readonly #fields: JsonFields;
  readonly #where: string;
  readonly #known = new Set<string>(["format"]);

  constructor(fields: JsonFields, where: string) {
    this.#fields = fields;
    this.#where = where;
  }

  text(name: string): string {
    const value = this.#take(name);
    if (typeof value !== "string") throw this.#fault(name);
    return value;
  }

  /** 128 bits in lower-case hex. */
  id(name: string): string {
    const value = this.#take(name);
    if (!isId(value)) throw this.#fault(name);
    return value;
  }

  /** A whole number from `min` on. */
  count(name: string, min: number = 0): number {
    const value = this.#take(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min)
      throw this.#fault(name);
    return value;
  }

  choice<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#take(name);
    const found = values.find((known) => known === value);
    if (found === undefined) throw this.#fault(name);
    return found;
  }

  flag(name: string): boolean {
    const value = this.#take(name);
    if (typeof value !== "boolean") throw this.#fault(name);
    return value;
  }

  /** `decode` gets a reader for each element, which must be an object. */
  list<T>(name: string, decode: (reader: FieldReader) => T): T[] {
    const value = this.#take(name);
    if (!Array.isArray(value)) throw this.#fault(name);
    return value.map((element) => this.#nested(name, element, decode));
  }

  object<T>(name: string, decode: (reader: FieldReader) => T): T {
    return this.#nested(name, this.#take(name), decode);
  }

  optional<T>(name: string, decode: (reader: FieldReader) => T): T | undefined {
    const value = this.#take(name);
    return value === undefined ? undefined : this.#nested(name, value, decode);
  }

  /** A field that nobody asked for was written by a later program. */
  end(): void {
    for (const name of Object.keys(this.#fields)) {
      if (!this.#known.has(name)) {
        throw new FsError(
          "EPROTO",
          `${this.#where} has the field ${name}, which this program does not know: use a newer shoal`,
        );
      }
    }
  }

  #take(name: string): unknown {
    this.#known.add(name);
    return this.#fields[name];
  }

  #nested<T>(name: string, value: unknown, decode: (reader: FieldReader) => T): T {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw this.#fault(name);
    const reader = new FieldReader(value as JsonFields, this.#where);
    const result = decode(reader);
    reader.end();
    return result;
  }

  #fault(name: string): CorruptError {
    return damaged(this.#where, `its ${name} is missing or not what it must be`);
  }
}

export function isId(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
}

function damaged(where: string, what: string, cause?: unknown): CorruptError {
  return new CorruptError(`${where} is damaged: ${what}`, { cause });
}
