import assert from "node:assert/strict";
import { constants } from "node:fs";
import { describe, it } from "node:test";
import { fallocateMode, openFlags, timeChange, type FallocateKind } from "./call-arguments.ts";

describe("open flags", () => {
  it("are those of node:fs", () => {
    const { O_RDWR, O_CREAT, O_APPEND, O_EXCL, O_WRONLY, O_TRUNC } = constants;
    assert.equal(openFlags("r"), 0);
    assert.equal(openFlags("wx"), O_WRONLY | O_CREAT | O_TRUNC | O_EXCL);
    assert.equal(openFlags("a+"), O_RDWR | O_CREAT | O_APPEND);
    assert.equal(openFlags(O_RDWR), O_RDWR);
  });

  it("refuse other words with EINVAL", () => {
    assert.throws(() => openFlags("rw" as "r"), { code: "EINVAL" });
    assert.throws(() => openFlags(1.5), { code: "EINVAL" });
  });
});

describe("fallocate modes", () => {
  it("are Linux's bits", () => {
    assert.equal(fallocateMode("punch"), 3);
    assert.equal(fallocateMode("zero-keep-size"), 17);
    assert.equal(fallocateMode("insert"), 32);
    assert.throws(() => fallocateMode("shred" as FallocateKind), { code: "EOPNOTSUPP" });
  });
});

describe("times", () => {
  it("are seconds, Dates, nanoseconds, now or left out", () => {
    assert.deepEqual(timeChange(1.5), { sec: 1, nsec: 500_000_000 });
    assert.deepEqual(timeChange(new Date(1234)), { sec: 1, nsec: 234_000_000 });
    assert.deepEqual(timeChange(-1n), { sec: -1, nsec: 999_999_999 });
    assert.equal(timeChange("now"), "now");
    assert.equal(timeChange("omit"), undefined);
  });

  it("before 1970 count their nanoseconds upwards", () => {
    assert.deepEqual(timeChange(-0.25), { sec: -1, nsec: 750_000_000 });
    assert.deepEqual(timeChange(0.999_999_9), { sec: 1, nsec: 0 });
  });

  it("that are none are EINVAL", () => {
    assert.throws(() => timeChange(Number.NaN), { code: "EINVAL" });
    assert.throws(() => timeChange(new Date(Number.NaN)), { code: "EINVAL" });
  });
});
