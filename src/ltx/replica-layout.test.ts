import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ltxKey, parseLtxKey, type ReplicaLayout } from "./replica-layout.ts";

describe("keys of a replica", () => {
  it("come back as they were, of every level and layout", () => {
    for (const layout of ["flat", "nested"] satisfies readonly ReplicaLayout[]) {
      for (let level = 0; level < 10; level++) {
        const file = { level, minTxid: 3, maxTxid: 255 };
        assert.deepEqual(parseLtxKey(layout, ltxKey(layout, file)), file);
      }
    }
  });

  it("differs between kinds of stores", () => {
    const name = "0000000000000001-000000000000000a.ltx";
    const range = { minTxid: 1, maxTxid: 10 };
    assert.deepEqual(parseLtxKey("flat", `0009/${name}`), { level: 9, ...range });
    assert.deepEqual(parseLtxKey("nested", `ltx/9/${name}`), { level: 9, ...range });
    for (const key of [`ltx/9/${name}.tmp`, `ltx/10/${name}`, `0009/${name}`, `x/ltx/0/${name}`]) {
      assert.equal(parseLtxKey("nested", key), undefined, key);
    }
    for (const key of [`9/${name}`, `000a/${name}`, `ltx/0/${name}`]) {
      assert.equal(parseLtxKey("flat", key), undefined, key);
    }
  });
});
