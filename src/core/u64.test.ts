import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { getI64Be, getU64Be, setI64Be, setU64Be } from "./u64.ts";

const view = new DataView(new ArrayBuffer(16));

describe("big-endian 64-bit numbers", () => {
  it("are stored as a bigint of the same value is", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        setU64Be(view, 3, value);
        assert.equal(view.getBigUint64(3), BigInt(value));
        assert.equal(getU64Be(view, 3), value);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        setI64Be(view, 5, value);
        assert.equal(view.getBigInt64(5), BigInt(value));
        assert.equal(getI64Be(view, 5), value);
      }),
    );
  });

  it("are refused beyond 2^53 - 1", () => {
    view.setBigUint64(0, 1n << 53n);
    assert.throws(() => getU64Be(view, 0), { code: "EIO" });
    assert.throws(() => getI64Be(view, 0), { code: "EIO" });
    view.setBigInt64(0, -(1n << 53n));
    assert.throws(() => getI64Be(view, 0), { code: "EIO" });
  });
});
