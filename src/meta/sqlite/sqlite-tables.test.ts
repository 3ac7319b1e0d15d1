import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { metaTablesSuite } from "../../../test/conformance/meta-tables.ts";
import { CorruptError } from "../../core/fs-error.ts";
import { toIno } from "../../core/ids.ts";
import { SqliteTables } from "./sqlite-tables.ts";

metaTablesSuite("SQLite", () => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-meta-"));
  const path = join(folder, "meta.db");
  return {
    create: () => SqliteTables.create(path),
    reopen: () => SqliteTables.open(path),
    destroy: () => rmSync(folder, { recursive: true }),
  };
});

describe("a metadata database", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "shoal-meta-"));
    path = join(folder, "meta.db");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it("is made once and never over another", () => {
    SqliteTables.create(path).close();
    assert.throws(() => SqliteTables.create(path), { code: "EEXIST" });
    SqliteTables.open(path).close();
  });

  it("is never made by opening it", () => {
    assert.throws(() => SqliteTables.open(path), { code: "ENOENT" });
    assert.throws(() => statSync(path), { code: "ENOENT" });
  });

  it("of another program, of no program, and of a later version is refused, and left as it is", () => {
    const foreign = new DatabaseSync(path);
    foreign.exec("CREATE TABLE t (x)");
    foreign.close();
    assert.throws(() => SqliteTables.open(path), CorruptError);
    assert.throws(() => SqliteTables.create(path), { code: "EEXIST" });
    const text = join(folder, "text");
    writeFileSync(text, "no database at all".repeat(100));
    assert.throws(() => SqliteTables.open(text), CorruptError);
    assert.throws(() => SqliteTables.create(text), CorruptError);
    const later = join(folder, "later.db");
    const tables = SqliteTables.create(later);
    tables.database.exec("PRAGMA user_version = 2");
    tables.close();
    assert.throws(() => SqliteTables.open(later), { code: "EPROTO" });
  });

  it("that is empty is refused, never taken for a new one", () => {
    writeFileSync(path, "");
    assert.throws(() => SqliteTables.open(path), CorruptError);
  });

  it("writes nothing to the WAL before a commit, and checkpoints only when asked", () => {
    const tables = SqliteTables.create(path);
    tables.walCheckpoint("TRUNCATE");
    tables.begin();
    for (let i = 1; i < 20_000; i++) tables.symlinks.put(toIno(i), "x".repeat(200));
    assert.equal(statSync(`${path}-wal`).size, 0);
    tables.commit();
    const { frameCount, movedCount } = tables.walCheckpoint("PASSIVE");
    assert.ok(frameCount > 1000);
    assert.equal(movedCount, frameCount);
    assert.ok(tables.pageCount() > 1000);
    assert.deepEqual(tables.integrityProblems(), []);
    tables.close();
  });

  it("that another has a transaction open on is busy", () => {
    const first = SqliteTables.create(path);
    first.begin();
    const second = SqliteTables.open(path);
    assert.throws(() => second.begin(), { code: "EBUSY" });
    second.close();
    first.commit();
    first.close();
  });

  it("can be read by others without being written to", () => {
    const tables = SqliteTables.create(path);
    tables.settings.putNumber("n", 5);
    const reader = SqliteTables.open(path, { readOnly: true });
    assert.equal(reader.settings.getNumber("n"), 5);
    assert.throws(() => reader.settings.putNumber("n", 6));
    reader.close();
    tables.close();
  });
});
