import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { supplementaryGroups, usableCpuCount } from "./process.ts";

describe("a process", () => {
  it("has the supplementary groups that it says it has", () => {
    // getgroups(2) may name the effective group too.
    const own = new Set(supplementaryGroups(process.pid));
    const said = process.getgroups!().filter((gid) => gid !== process.getegid!());
    for (const gid of said) assert.ok(own.has(gid), `group ${gid}`);
    for (const gid of own) assert.ok(process.getgroups!().includes(gid), `group ${gid}`);
  });

  it("that is gone has no groups", () => {
    assert.deepEqual(supplementaryGroups(2 ** 30), []);
  });

  it("may use at least one CPU", () => {
    assert.ok(usableCpuCount() >= 1);
  });
});
