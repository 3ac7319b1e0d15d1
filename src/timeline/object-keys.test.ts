import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkKey } from "../object/object-key.ts";
import {
  batchKey,
  batchPrefix,
  batchTxid,
  branchKey,
  checkpointKey,
  checkRootName,
  pinKey,
  timelineKey,
} from "./object-keys.ts";

const T = "0123456789abcdef".repeat(2);

describe("the keys of a volume's history", () => {
  it("write levels as Litestream does on that kind of store", () => {
    const name = "00000000000000ff-00000000000000ff.ltx";
    assert.equal(batchKey("s3", T, 255), `timelines/${T}/0000/${name}`);
    assert.equal(batchKey("plain", T, 255), `timelines/${T}/ltx/0/${name}`);
    assert.ok(batchKey("s3", T, 255).startsWith(batchPrefix("s3", T)));
  });

  it("give the TXID back, and nothing for what else lies there", () => {
    for (const txid of [1, 255, Number.MAX_SAFE_INTEGER]) {
      assert.equal(batchTxid(batchKey("s3", T, txid)), txid);
    }
    const strays = [
      "x/0000000000000001-0000000000000002.ltx",
      "x/0000000000000001-0000000000000001.ltx.tmp",
      "x/000000000000000A-000000000000000A.ltx",
      "x/0000000000000000-0000000000000000.ltx",
      "x/ffffffffffffffff-ffffffffffffffff.ltx",
    ];
    for (const key of strays) assert.equal(batchTxid(key), undefined, key);
  });

  it("sort by TXID", () => {
    const keys = [1, 9, 10, 255, 256, 2 ** 40].map((txid) => batchKey("plain", T, txid));
    assert.deepEqual(keys.toSorted(), keys);
  });

  it("are keys that every store can hold", () => {
    const name = "a".repeat(250);
    const keys = [
      branchKey(name),
      checkpointKey(name),
      pinKey(T),
      timelineKey(T),
      batchKey("plain", T, 1),
    ];
    for (const key of keys) checkKey(key);
  });

  it("take no name that a URL or a shell would need quoted", () => {
    for (const name of ["main", "v1.0", "a_b-c", "9"]) assert.equal(checkRootName(name), name);
    for (const name of [
      "",
      ".hidden",
      "-f",
      "a/b",
      "a b",
      "ä",
      "a#b",
      "a@b",
      "a\n",
      "a".repeat(251),
    ]) {
      assert.throws(() => checkRootName(name), { code: "EINVAL", message: /the name "/ });
    }
  });
});
