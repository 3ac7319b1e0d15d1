/** get, getRange and head: what is there, what is not, and ranges cut short. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { text, tagOf, type Subject } from "./fixtures.ts";

export function readTests(subject: Subject): void {
  it("answers undefined for an absent key, and for a folder of keys", async () => {
    await subject().create("folder/key", text("x"));
    for (const key of ["absent", "absent/too", "folder", "folder/key/below"]) {
      assert.equal(await subject().get(key), undefined);
      assert.equal(await subject().head(key), undefined);
      assert.equal(await subject().getRange(key, { offset: 0, length: 1 }), undefined);
    }
  });

  it("reads ranges, cut short at the end", async () => {
    await subject().create("k", text("0123456789"));
    const cases: readonly (readonly [number, number, string])[] = [
      [0, 4, "0123"],
      [3, 1, "3"],
      [8, 2, "89"],
      [8, 100, "89"],
      [0, 10, "0123456789"],
      [0, Number.MAX_SAFE_INTEGER, "0123456789"],
      [10, 1, ""],
      [1000, 5, ""],
      [Number.MAX_SAFE_INTEGER, 5, ""],
      [4, 0, ""],
    ];
    for (const [offset, length, expected] of cases) {
      const bytes = await subject().getRange("k", { offset, length });
      assert.deepEqual(bytes, text(expected), `offset ${offset}, length ${length}`);
    }
  });

  it("refuses a range that is none", async () => {
    await subject().create("k", text("x"));
    for (const [offset, length] of [
      [-1, 1],
      [0, -1],
      [0.5, 1],
      [0, Number.NaN],
    ] as const) {
      await assert.rejects(subject().getRange("k", { offset, length }), { code: "EINVAL" });
    }
  });

  it("gives a body the caller may change", async () => {
    await subject().create("k", text("mine"));
    (await subject().get("k"))!.body.fill(0);
    (await subject().getRange("k", { offset: 0, length: 4 }))!.fill(0);
    assert.deepEqual((await subject().get("k"))?.body, text("mine"));
  });

  it("tells size, tag and time by head as by list", async () => {
    const created = await subject().create("dir/k", text("12345"));
    const info = await subject().head("dir/k");
    assert.deepEqual([info?.key, info?.size, info?.tag], ["dir/k", 5, tagOf(created)]);
    assert.equal(Number.isFinite(info?.modifiedMs), true);
    assert.deepEqual(await subject().list({ prefix: "" }), { objects: [info], truncated: false });
  });
}
