import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { AppliedDatabase, WalFixture } from "../../test/support/wal-fixture.ts";
import { Prng } from "../core/prng.ts";
import { encodeBatch } from "./batch-encoder.ts";
import { readWalChange, type WalPosition } from "./wal-reader.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "batch-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Ships what was committed since the last time, as the volume will. */
class Shipped {
  readonly fixture: WalFixture;
  readonly applied = new AppliedDatabase();
  #position: WalPosition | undefined;
  txid = 0;

  constructor(fixture: WalFixture) {
    this.fixture = fixture;
  }

  /** The LTX file; undefined when nothing changed. */
  ship(): Uint8Array | undefined {
    const { fixture } = this;
    const { wal, file: database } = fixture;
    const to = fixture.position();
    const change = readWalChange(wal, this.#position, to);
    if (change === undefined) return undefined;
    const whole = readWalChange(wal, undefined, to)!;
    const input = { wal, change, whole, database };
    const options = { txid: ++this.txid, timestampMs: 1000 };
    const bytes = Buffer.concat([...encodeBatch(input, options)]);
    this.applied.apply(bytes);
    this.#position = to;
    return bytes;
  }
}

const WORKLOADS: Readonly<Record<string, (database: WalFixture["database"], prng: Prng) => void>> =
  {
    insert: (database, prng) => {
      const size = prng.below(12_000);
      database.prepare("INSERT INTO t (data) VALUES (zeroblob(?))").run(size);
    },
    update: (database, prng) => {
      const fill = String.fromCodePoint(97 + prng.below(26)).repeat(prng.below(3000));
      database.prepare("UPDATE t SET data = ? WHERE id % 3 = ?").run(fill, prng.below(3));
    },
    delete: (database, prng) => {
      database.prepare("DELETE FROM t WHERE id % 4 = ?").run(prng.below(4));
    },
    shrink: (database) => {
      database.exec("PRAGMA incremental_vacuum");
    },
    reset: (database) => {
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    },
  };

describe("batches made of a log", () => {
  for (const pageSize of [512, 4096, 65_536]) {
    it(`make the same database, page by page, after every commit (pages of ${pageSize} bytes)`, () => {
      using fixture = new WalFixture(folder, pageSize);
      const { database } = fixture;
      database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)");
      const shipped = new Shipped(fixture);
      const prng = new Prng(pageSize);
      const works = Object.values(WORKLOADS);
      for (let i = 0; i < 120; i++) {
        for (let n = 1 + prng.below(3); n > 0; n--) {
          // The log may begin anew only when all of it was shipped.
          const work = works[prng.below(works.length)]!;
          if (work === WORKLOADS["reset"]) shipped.ship();
          work(database, prng);
        }
        shipped.ship();
        if (i % 10 === 0)
          assert.ok(Buffer.compare(shipped.applied.pages, fixture.pages()) === 0, `${i}`);
      }
      assert.ok(shipped.txid > 60, `${shipped.txid} batches`);
      assert.ok(Buffer.compare(shipped.applied.pages, fixture.pages()) === 0);
    });
  }

  it("are none when nothing was committed", () => {
    using fixture = new WalFixture(folder);
    fixture.database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)");
    const shipped = new Shipped(fixture);
    assert.ok(shipped.ship() !== undefined);
    assert.equal(shipped.ship(), undefined);
    fixture.database.exec("BEGIN; INSERT INTO t DEFAULT VALUES; ROLLBACK");
    assert.equal(shipped.ship(), undefined);
  });

  it("hold each page once and page 1 always, however often it was written", () => {
    using fixture = new WalFixture(folder);
    const { database } = fixture;
    database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)");
    const shipped = new Shipped(fixture);
    shipped.ship();
    database.exec("INSERT INTO t DEFAULT VALUES");
    const once = shipped.ship()!.length;
    for (let i = 0; i < 50; i++) database.exec("UPDATE t SET data = randomblob(10)");
    const fifty = shipped.ship()!.length;
    assert.ok(fifty < 2 * once, `${fifty} bytes for 50 writes of a page, ${once} for one`);
  });

  it("are refused when a committed frame is damaged, or the log began anew unread", () => {
    using fixture = new WalFixture(folder);
    const { database } = fixture;
    database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)");
    const before = fixture.position();
    database.exec("INSERT INTO t VALUES (1, zeroblob(20000))");
    const after = fixture.position();
    const { wal } = fixture;
    for (const offset of [
      32 + before.frameCount * 4120 + 100,
      32 + (after.frameCount - 1) * 4120 + 9,
    ]) {
      const damaged = {
        name: "db-wal",
        read(into: Uint8Array, from: number): number {
          const count = wal.read(into, from);
          if (offset >= from && offset < from + count) into[offset - from]! ^= 1;
          return count;
        },
      };
      assert.throws(() => readWalChange(damaged, before, after), {
        code: "EIO",
        message: /db-wal: frame \d+ of \d+ committed ones is missing or damaged/,
      });
    }
    database.exec("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (2, 'x')");
    assert.throws(() => readWalChange(fixture.wal, before, after), { message: /began anew/ });
  });
});
