import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { toPackId } from "../core/ids.ts";
import { PackMap } from "./pack-map.ts";

function order(map: PackMap<number>): string[] {
  const keys: string[] = [];
  for (let entry = map.oldest(); entry !== undefined; entry = entry.newer) {
    keys.push(`${entry.timeline}/${entry.pack}`);
  }
  return keys;
}

describe("pack map", () => {
  it("behaves as a plain map whose keys move to the end when they are used", () => {
    const step = fc.record({
      kind: fc.constantFrom("set", "get", "delete", "peek"),
      timeline: fc.constantFrom("a", "b"),
      pack: fc.integer({ min: 1, max: 5 }).map(toPackId),
      value: fc.nat(100),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const map = new PackMap<number>();
        const model = new Map<string, number>();
        for (const { kind, timeline, pack, value } of steps) {
          const key = `${timeline}/${pack}`;
          const before = model.get(key);
          if (kind === "set") {
            map.set(timeline, pack, value, value);
            model.delete(key);
            model.set(key, value);
          } else if (kind === "delete") {
            assert.equal(map.delete(timeline, pack), before);
            model.delete(key);
          } else if (kind === "peek") {
            assert.equal(map.peek(timeline, pack)?.value, before);
          } else {
            assert.equal(map.get(timeline, pack), before);
            if (before !== undefined) {
              model.delete(key);
              model.set(key, before);
            }
          }
          assert.deepEqual(order(map), [...model.keys()]);
          assert.equal(map.count, model.size);
          assert.equal(
            map.cost,
            [...model.values()].reduce((sum, cost) => sum + cost, 0),
          );
        }
      }),
    );
  });

  it("counts a changed cost", () => {
    const map = new PackMap<string>();
    map.set("a", toPackId(1), "x", 5);
    map.setCost(map.peek("a", toPackId(1))!, 7);
    assert.equal(map.cost, 7);
    map.delete("a", toPackId(1));
    assert.equal(map.cost, 0);
  });
});
