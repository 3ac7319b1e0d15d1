import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { FsError } from "./fs-error.ts";
import { wrapSystemError } from "./system-error.ts";

describe("a system error that is wrapped", () => {
  it("keeps its code, and says in words what happened to what", () => {
    let error: unknown;
    try {
      readFileSync("/nowhere/at/all");
    } catch (cause) {
      error = cause;
    }
    const wrapped = wrapSystemError(error, "reading it");
    assert.equal(wrapped.code, "ENOENT");
    assert.equal(wrapped.message, "reading it: ENOENT, no such file or directory");
    assert.equal(wrapped.cause, error);
  });

  it("is EIO with its own words when Shoal has no name for it, and an FsError stays what it is", () => {
    assert.equal(wrapSystemError(new Error("odd"), "that").message, "that: odd");
    const before = new FsError("EBUSY", "taken");
    assert.equal(wrapSystemError(before, "that"), before);
  });
});
