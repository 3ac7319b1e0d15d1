import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { CorruptError } from "../core/fs-error.ts";
import { toJsn } from "../core/ids.ts";
import { decodePosition, encodePosition, type Position } from "./position.ts";

const SAMPLE: Position = {
  timeline: "0123456789abcdef0123456789abcdef",
  txid: 7,
  epoch: 0,
  journal: "fedcba9876543210fedcba9876543210",
  jsn: toJsn(300),
  flushedJsn: toJsn(300),
  timeMs: 1_700_000_000_000,
  clean: false,
};

const GOLDEN =
  '{"timeline":"0123456789abcdef0123456789abcdef","txid":7,"epoch":0,' +
  '"journal":"fedcba9876543210fedcba9876543210","jsn":300,"flushedJsn":300,' +
  '"timeMs":1700000000000,"clean":false}';

describe("the position row", () => {
  it("has these bytes, and decodes to what was encoded", () => {
    assert.equal(encodePosition(SAMPLE), GOLDEN);
    assert.deepEqual(decodePosition(GOLDEN), SAMPLE);
    const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
    const count = fc.maxSafeNat();
    const instant = fc.integer({ min: -8.64e15, max: 8.64e15 });
    const position = fc
      .tuple(hex, hex, count, count, count, count, instant, fc.boolean())
      .map(([timeline, journal, txid, epoch, jsn, flushedJsn, timeMs, clean]): Position => ({
        ...{ timeline, txid, epoch, journal, timeMs, clean },
        jsn: toJsn(jsn),
        flushedJsn: toJsn(flushedJsn),
      }));
    fc.assert(
      fc.property(position, (one) => {
        assert.deepEqual(decodePosition(encodePosition(one)), one);
      }),
    );
  });

  it("is refused when cut short anywhere", () => {
    for (let length = 0; length < GOLDEN.length; length++) {
      assert.throws(() => decodePosition(GOLDEN.slice(0, length)), CorruptError);
    }
  });

  it("is refused when a field is missing or not what it must be", () => {
    for (const field of Object.keys(SAMPLE)) {
      for (const value of [undefined, null, -1, 0.5, 2 ** 53, "", "x".repeat(32), "F".repeat(32)]) {
        const text = JSON.stringify({ ...SAMPLE, [field]: value });
        // A clock that is set to before 1970 is wrong, and no damage.
        if (field === "timeMs" && value === -1) continue;
        assert.throws(() => decodePosition(text), CorruptError, `${field} ${String(value)}`);
      }
    }
    for (const text of ["null", "[]", "7", '"x"']) {
      assert.throws(() => decodePosition(text), CorruptError);
    }
  });

  it("decodes from noise, or is refused as corrupt; nothing else happens", () => {
    const noise = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.nat(GOLDEN.length - 1), fc.string({ minLength: 1, maxLength: 1 }))
        .map(([at, text]) => GOLDEN.slice(0, at) + text + GOLDEN.slice(at + 1)),
    );
    fc.assert(
      fc.property(noise, (text) => {
        try {
          decodePosition(text);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
});
