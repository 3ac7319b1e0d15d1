/** Which keys are refused and which are taken. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { text, untext, keysOf, compareBytes, withFile, type Subject } from "./fixtures.ts";

const LONG_KEY: string = Array.from({ length: 5 }, () => "k".repeat(203)).join("/") + "/tail";

const REFUSED_KEYS: readonly string[] = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/../b",
  "a/./b",
  "../escape",
  "a/..",
  "a\0b",
  ".tmp/x",
  ".lock",
  "\ud800",
  "k".repeat(256),
  "é".repeat(128),
  `${LONG_KEY}+`,
];

export function keyTests(
  subject: Subject,
  options: { readonly refusesNestedKeys?: boolean },
): void {
  it("refuses keys that break a rule, in every call, with EINVAL", async () => {
    await withFile(text("x"), async (path) => {
      for (const key of REFUSED_KEYS) {
        const calls: readonly (() => Promise<unknown>)[] = [
          () => subject().create(key, text("x")),
          () => subject().createFromFile(key, path),
          () => subject().swap(key, "tag", text("x")),
          () => subject().get(key),
          () => subject().getRange(key, { offset: 0, length: 1 }),
          () => subject().head(key),
          () => subject().delete(key),
          () => subject().deleteMany(["fine", key]),
        ];
        for (const call of calls) await assert.rejects(call, { code: "EINVAL" }, key);
      }
    });
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), []);
  });

  it("refuses a prefix that is no text with EINVAL", async () => {
    for (const prefix of ["a\0", "\udc00", "k".repeat(1025)]) {
      await assert.rejects(subject().list({ prefix }), { code: "EINVAL" });
    }
  });

  it("takes every other key, up to 1,024 bytes", async () => {
    assert.equal(Buffer.byteLength(LONG_KEY), 1024);
    const keys = [
      LONG_KEY,
      "k".repeat(255),
      "a/...",
      "a/.hidden",
      "a b",
      "a\nb",
      "a\\b",
      "%2e%2e/%00",
      "*?[]{}'\"`$&|;<>",
      "日本語/🐟/é",
      "e\u0301",
      "\u00e9",
    ];
    for (const key of keys) {
      assert.equal((await subject().create(key, text(key))).created, true, key);
      assert.equal(untext((await subject().get(key))!.body), key);
    }
    assert.deepEqual(keysOf(await subject().list({ prefix: "" })), keys.sort(compareBytes));
  });

  it(
    "refuses a key that would be a folder of another, either way round",
    { skip: options.refusesNestedKeys === true ? false : "this store cannot notice it" },
    async () => {
      await subject().create("a/b", text("x"));
      await assert.rejects(subject().create("a", text("y")), { code: "EINVAL" });
      await assert.rejects(subject().create("a/b/c", text("y")), { code: "EINVAL" });
      await assert.rejects(subject().create("a/b/c/d", text("y")), { code: "EINVAL" });
      assert.deepEqual(keysOf(await subject().list({ prefix: "" })), ["a/b"]);
    },
  );
}
