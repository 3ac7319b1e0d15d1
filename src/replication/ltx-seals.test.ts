import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { DatabaseSync } from "node:sqlite";
import { bytesOf, TimelineFixture } from "../../test/support/timeline-fixture.ts";
import { AppliedDatabase, WalFixture } from "../../test/support/wal-fixture.ts";
import { BranchWriter } from "../timeline/branch-writer.ts";
import { batchKey } from "../timeline/object-keys.ts";
import type { TimelineContext } from "../timeline/timeline-context.ts";
import { encodeBatch } from "./batch-encoder.ts";
import { ltxSeals } from "./ltx-seals.ts";
import { readWalChange } from "./wal-reader.ts";

const T = "7".repeat(32);

/** The first batch of a real database with one table. */
function firstBatch(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "seal-"));
  try {
    using fixture = new WalFixture(folder);
    fixture.database.exec("CREATE TABLE t (a); INSERT INTO t VALUES (42)");
    const change = readWalChange(fixture.wal, undefined, fixture.position())!;
    const input = { wal: fixture.wal, change, whole: change, database: fixture.file };
    return Buffer.concat([...encodeBatch(input, { txid: 1, timestampMs: 5 })]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function contextOf(fixture: TimelineFixture): TimelineContext {
  const seals = ltxSeals({ store: fixture.store, layout: "s3" });
  return { ...fixture.context, seals };
}

describe("a seal", () => {
  it("changes nothing in the database that the batch before it made", async () => {
    const fixture = new TimelineFixture();
    const { seals, store } = contextOf(fixture);
    const batch = firstBatch();
    await store.create(batchKey("s3", T, 1), batch);
    const seal = await seals.make({ timeline: T, txid: 2 }, { timeline: T, txid: 1 });
    const applied = new AppliedDatabase();
    applied.apply(batch);
    const before = applied.pages.slice();
    applied.apply(seal);
    assert.deepEqual(applied.pages, before);
    assert.ok(seals.isSeal(seal, "seal"));
    assert.ok(!seals.isSeal(batch, "batch"));
  });

  it("of a volume that never shipped anything is an empty database", async () => {
    const { seals } = contextOf(new TimelineFixture());
    const seal = await seals.make({ timeline: T, txid: 1 }, undefined);
    const applied = new AppliedDatabase();
    applied.apply(seal);
    const folder = mkdtempSync(join(tmpdir(), "seal-"));
    try {
      const path = join(folder, "db");
      writeFileSync(path, applied.pages);
      const database = new DatabaseSync(path);
      assert.deepEqual(
        { ...database.prepare("PRAGMA integrity_check").get() },
        { integrity_check: "ok" },
      );
      assert.equal(database.prepare("SELECT count(*) AS n FROM sqlite_schema").get()!["n"], 0);
      database.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is the same for two takers, over a seal as over a batch", async () => {
    const { seals, store } = contextOf(new TimelineFixture());
    await store.create(batchKey("s3", T, 1), firstBatch());
    const make = (): Promise<Uint8Array> =>
      seals.make({ timeline: T, txid: 2 }, { timeline: T, txid: 1 });
    const seal = await make();
    assert.deepEqual(await make(), seal);
    await store.create(batchKey("s3", T, 2), seal);
    const next = await seals.make({ timeline: "8".repeat(32), txid: 3 }, { timeline: T, txid: 2 });
    assert.ok(seals.isSeal(next, "seal"));
  });

  it("ends a writer's timeline in a claim, with real files", async () => {
    const fixture = new TimelineFixture();
    Object.assign(fixture, { context: contextOf(fixture) });
    await fixture.createBranch();
    const writer = new BranchWriter(fixture.context, await fixture.claim("one"));
    await writer.ship(1, firstBatch());
    const { record } = await fixture.claim("two");
    assert.deepEqual(record.parent, { timeline: writer.timeline, txid: 2 });
    await assert.rejects(writer.ship(2, firstBatch()), {
      code: "EROFS",
      message: /seals the timeline/,
    });
  });

  it("cannot be made over what is missing, damaged or no batch, and says which object", async () => {
    const { seals, store } = contextOf(new TimelineFixture());
    const make = (): Promise<Uint8Array> =>
      seals.make({ timeline: T, txid: 2 }, { timeline: T, txid: 1 });
    await assert.rejects(make(), { code: "EIO", message: /-0000000000000001\.ltx is missing/ });
    await store.create(batchKey("s3", T, 1), bytesOf("x".repeat(500)));
    await assert.rejects(make(), { code: "EIO", message: /-0000000000000001\.ltx/ });
    assert.throws(() => seals.isSeal(bytesOf("short"), "store/x.ltx"), {
      code: "EIO",
      message: /^store\/x\.ltx has 5 bytes/,
    });
  });
});
