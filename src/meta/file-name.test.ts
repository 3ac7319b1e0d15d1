import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkNewName } from "./file-name.ts";

describe("a new name", () => {
  it("may be any 1 to 255 bytes", () => {
    for (const name of ["a", "...", "\xff\x80", " ", "\n", "x".repeat(255)]) checkNewName(name);
  });

  it("is refused otherwise, with the error of Linux", () => {
    assert.throws(() => checkNewName(""), { code: "ENOENT" });
    assert.throws(() => checkNewName("x".repeat(256)), { code: "ENAMETOOLONG" });
    for (const name of [".", ".."]) assert.throws(() => checkNewName(name), { code: "EEXIST" });
    for (const name of ["/", "a/b", "\0", "a\0"]) {
      assert.throws(() => checkNewName(name), { code: "EINVAL" });
    }
  });
});
