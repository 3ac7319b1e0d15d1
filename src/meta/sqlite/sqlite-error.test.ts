import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CorruptError, FsError } from "../../core/fs-error.ts";
import { wrapSqliteError } from "./sqlite-error.ts";

const sqliteError = (errcode: number): Error => Object.assign(new Error("said"), { errcode });

describe("an error of SQLite", () => {
  it("is damage only when it says so", () => {
    for (const [errcode, code] of [
      [5, "EBUSY"],
      [13, "ENOSPC"],
      [8, "EACCES"],
      // SQLITE_READONLY_DIRECTORY: an extended code.
      [1544, "EACCES"],
      [14, "EACCES"],
      [26, "EIO"],
    ] as const) {
      const wrapped = wrapSqliteError(sqliteError(errcode), "/v/meta/shoal.db");
      assert.equal(wrapped.code, code, `errcode ${errcode}`);
      assert.equal(wrapped instanceof CorruptError, code === "EIO");
      assert.match(wrapped.message, /\/v\/meta\/shoal\.db/u);
    }
  });

  it("that was wrapped before stays what it is", () => {
    const before = new FsError("EEXIST", "there");
    assert.equal(wrapSqliteError(before, "/v"), before);
  });
});
