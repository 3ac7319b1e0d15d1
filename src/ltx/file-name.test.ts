import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { formatLtxFileName, parseLtxFileName } from "./file-name.ts";
import { checkTxid, formatTxid, parseTxid } from "./txid.ts";

describe("names of LTX files", () => {
  it("are two TXIDs of 16 hex digits", () => {
    const name = "00000000000000ab-000000000000cdef.ltx";
    assert.equal(formatLtxFileName({ minTxid: 0xab, maxTxid: 0xcdef }), name);
    assert.deepEqual(parseLtxFileName(name), { minTxid: 0xab, maxTxid: 0xcdef });
  });

  it("come back as they were, and sort as their numbers do", () => {
    const ranges = fc
      .tuple(fc.maxSafeNat(), fc.maxSafeNat())
      .map(([a, b]) => ({ minTxid: Math.max(1, Math.min(a, b)), maxTxid: Math.max(1, a, b) }));
    fc.assert(
      fc.property(ranges, ranges, (a, b) => {
        assert.deepEqual(parseLtxFileName(formatLtxFileName(a)), a);
        const isBefore =
          a.minTxid < b.minTxid || (a.minTxid === b.minTxid && a.maxTxid < b.maxTxid);
        assert.equal(formatLtxFileName(a) < formatLtxFileName(b), isBefore);
      }),
    );
  });

  it("are nothing else", () => {
    const good = "0000000000000001-0000000000000002.ltx";
    const others = [
      "",
      `${good}.tmp`,
      `./${good}`,
      good.toUpperCase(),
      "000000000000000A-000000000000000b.ltx",
      good.slice(1),
      "0000000000000000-0000000000000001.ltx",
      "0000000000000002-0000000000000001.ltx",
      "0000000000000001-ffffffffffffffff.ltx",
      "0000000000000001_0000000000000002.ltx",
    ];
    for (const name of others) assert.equal(parseLtxFileName(name), undefined, name);
  });
});

describe("TXIDs", () => {
  it("are 16 lower-case hex digits, up to 2^53 - 1", () => {
    assert.equal(formatTxid(255), "00000000000000ff");
    assert.equal(parseTxid("001fffffffffffff"), Number.MAX_SAFE_INTEGER);
    assert.equal(parseTxid("0020000000000000"), undefined);
    assert.equal(parseTxid("ff"), undefined);
    checkTxid(1, "the TXID");
    for (const value of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      assert.throws(() => checkTxid(value, "the TXID"), { code: "EINVAL" });
    }
  });
});
