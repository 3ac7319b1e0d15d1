import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { accessLine, visible } from "./access-line.ts";

describe("a line of the access log", () => {
  it("says when, who, what, with which result and how long it took", () => {
    const line = accessLine({
      timeMs: new Date(2026, 2, 1, 4, 3, 2, 41).getTime(),
      operation: "rename",
      uid: 1000,
      pid: 812,
      arguments: '1 "a" 1 "b"',
      result: "ENOENT",
      durationUs: 12.4,
    });
    assert.equal(line, '04:03:02.041 uid 1000 pid 812 rename(1 "a" 1 "b") = ENOENT 12 µs\n');
  });

  it("shows control characters in names, which a terminal would obey", () => {
    assert.equal(visible("a\u001B[2J\n\u007F\u009Bé"), String.raw`a\x1b[2J\x0a\x7f\x9b` + "é");
  });
});
