/** The four tests every JSON object of the store has: golden bytes, round trip, every truncation, noise. */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { FsError } from "../../src/core/fs-error.ts";

export interface JsonRecord<T> {
  readonly golden: string;
  readonly value: T;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array, where: string) => T;
}

export function jsonRecordSuite<T>({ golden, value, encode, decode }: JsonRecord<T>): void {
  const bytes = new TextEncoder().encode(golden);

  it("writes and reads its golden bytes", () => {
    assert.equal(new TextDecoder().decode(encode(value)), golden);
    assert.deepEqual(decode(bytes, "x"), value);
  });

  it("is the same bytes again when what was read is written", () => {
    assert.deepEqual(encode(decode(bytes, "x")), bytes);
  });

  it("is refused as damaged, by name, at every length below its own", () => {
    // The newline at the end is for people alone.
    for (let length = 0; length < bytes.length - 1; length++) {
      assert.throws(() => decode(bytes.subarray(0, length), "store/x.json"), {
        code: "EIO",
        message: /^store\/x\.json is damaged/,
      });
    }
  });

  it("is refused when a later program wrote another format, or a field that nobody knows", () => {
    const fields = JSON.parse(golden) as Record<string, unknown>;
    for (const later of [
      { ...fields, format: 2 },
      { ...fields, later: true },
    ]) {
      const text = new TextEncoder().encode(JSON.stringify(later));
      assert.throws(() => decode(text, "store/x.json"), { code: "EPROTO", message: /newer shoal/ });
    }
  });

  it("refuses noise with an error of ours, and each field that has another type", () => {
    const refuses = (noise: Uint8Array): void => {
      assert.throws(() => decode(noise, "x"), FsError);
    };
    fc.assert(fc.property(fc.uint8Array(), refuses));
    fc.assert(fc.property(fc.json(), (text) => refuses(new TextEncoder().encode(text))));
    const fields = JSON.parse(golden) as Record<string, unknown>;
    for (const name of Object.keys(fields)) {
      refuses(new TextEncoder().encode(JSON.stringify({ ...fields, [name]: [[]] })));
    }
  });
}
