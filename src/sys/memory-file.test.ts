import assert from "node:assert/strict";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { describe, it } from "node:test";
import { readFd } from "./fd.ts";
import { createMemoryFile, mapShared } from "./memory-file.ts";

describe("a memory file", () => {
  it("shows in one mapping what was written through another, or the descriptor", () => {
    const fd = createMemoryFile("shoal-test", 16_384);
    const one = new Uint8Array(mapShared(fd, { size: 16_384, populate: true }));
    const other = new Uint8Array(mapShared(fd, { size: 4096, offset: 8192 }));
    one[8192] = 7;
    assert.equal(other[0], 7);
    writeSync(fd, Uint8Array.of(9), 0, 1, 8193);
    assert.equal(other[1], 9);
    closeSync(fd);
    other[2] = 5;
    assert.equal(one[8194], 5);
  });

  it("is a target of reads, of Node's and ours", () => {
    const fd = createMemoryFile("shoal-test", 4096);
    const mapped = new Uint8Array(mapShared(fd, { size: 4096 }));
    const zero = openSync("/dev/zero", "r");
    mapped.fill(1);
    assert.equal(readSync(zero, mapped, 0, 100, 0), 100);
    assert.equal(readFd(zero, mapped.subarray(200), 8), 8);
    assert.deepEqual([mapped[99], mapped[100], mapped[200], mapped[208]], [0, 1, 0, 1]);
    closeSync(zero);
    closeSync(fd);
  });

  it("is refused by name when it cannot be mapped", () => {
    assert.throws(() => mapShared(-1, { size: 4096 }), { code: "EBADF" });
    assert.throws(() => mapShared(0, { size: 0 }), { code: "EINVAL" });
  });
});
