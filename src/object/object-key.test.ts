import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkKey, compareKeys, directoryOf, KEY_SIZE_MAX, pageLimit } from "./object-key.ts";

describe("object keys", () => {
  it("names the key and the rule in the refusal, cut to a readable length", () => {
    assert.throws(() => checkKey("a//b"), {
      code: "EINVAL",
      message: /"a\/\/b" has an empty segment/,
    });
    assert.throws(
      () => checkKey("x".repeat(5000)),
      (error: Error) => {
        assert.match(error.message, /has 5000 bytes; 1024 are the limit/);
        return error.message.length < 200;
      },
    );
  });

  it("counts bytes of UTF-8, not characters", () => {
    const segment = `${"é".repeat(127)}/`;
    const key = segment.repeat(4) + "k".repeat(KEY_SIZE_MAX - 4 * 255);
    checkKey(key);
    assert.throws(() => checkKey(`${key}k`), { code: "EINVAL" });
  });

  it("sorts a surrogate pair behind U+FFFF, where UTF-16 has it before", () => {
    assert.deepEqual(["\u{ffff}", "\u{10000}"].sort(), ["\u{10000}", "\u{ffff}"]);
    assert.equal(compareKeys("\u{10000}", "\u{ffff}") > 0, true);
    assert.equal(compareKeys("a", "a"), 0);
    assert.equal(compareKeys("a", "a/b") < 0, true);
  });

  it("splits the directory off, and bounds a page", () => {
    assert.deepEqual(["a", "a/b", "a/b/c"].map(directoryOf), ["", "a", "a/b"]);
    assert.deepEqual([undefined, 7, 5000].map(pageLimit), [1000, 7, 1000]);
  });
});
