import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { toPackId } from "../core/ids.ts";
import { PACK_ID_MAX, packKey, packPath, parsePackKey, parsePackPath } from "./pack-name.ts";

const TIMELINE = "00112233445566778899aabbccddeeff";

describe("pack name", () => {
  it("is the documented key", () => {
    assert.equal(packKey(TIMELINE, toPackId(1)), `packs/${TIMELINE}/0000000/0000000001`);
    assert.equal(packPath(TIMELINE, toPackId(0x12_3456_789a)), `${TIMELINE}/1234567/123456789a`);
  });

  it("comes back from its key, and keys sort as numbers do", () => {
    const ids = fc.integer({ min: 1, max: PACK_ID_MAX });
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const [left, right] = [packKey(TIMELINE, toPackId(a)), packKey(TIMELINE, toPackId(b))];
        assert.deepEqual(parsePackKey(left), { timeline: TIMELINE, pack: a });
        assert.equal(left < right, a < b);
      }),
    );
  });

  it("reads nothing else as a pack's name", () => {
    const good = packPath(TIMELINE, toPackId(0x1001));
    assert.ok(parsePackPath(good));
    const wrong = [
      "",
      good.slice(1),
      good.slice(0, -1),
      `${good}0`,
      `${good}.part`,
      good.toUpperCase(),
      `packs/${good}`,
      `${TIMELINE}/0000000/0000001001`,
      `${TIMELINE}/0000000/0000000000`,
      good.replaceAll("/", "-"),
    ];
    for (const path of wrong) assert.equal(parsePackPath(path), undefined, path);
    for (const key of [good, `pack/${good}`, `packs/${good}/`]) {
      assert.equal(parsePackKey(key), undefined, key);
    }
  });

  it("is made of no number and no timeline that is out of range", () => {
    for (const pack of [0, -1, 1.5, PACK_ID_MAX + 1, Number.NaN]) {
      assert.throws(() => packPath(TIMELINE, toPackId(pack)), { name: "AssertionFailure" });
    }
    for (const timeline of ["", "..", TIMELINE.toUpperCase(), `${TIMELINE}/`]) {
      assert.throws(() => packPath(timeline, toPackId(1)), { name: "AssertionFailure" });
    }
  });
});
