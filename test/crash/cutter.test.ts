/** The rules of a cut, each asserted at the step where breaking it would lose data: K1, K2, J9, G4a. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { checkSettled } from "../support/volume-check.ts";
import { noise, VolumeHarness } from "../support/volume-harness.ts";
import { CrashError } from "../../src/core/fs-error.ts";
import { ROOT_INO, toPackId, type Ino } from "../../src/core/ids.ts";
import { NodeDisk } from "../../src/journal/disk.ts";
import { segmentName } from "../../src/journal/segment.ts";
import { unlink } from "../../src/meta/ops/unlink.ts";
import { SqliteTables } from "../../src/meta/sqlite/sqlite-tables.ts";
import { reap } from "../../src/vfs/ops/reap.ts";
import { rewrite } from "../../src/vfs/ops/rewrite.ts";
import { setattr } from "../../src/vfs/ops/setattr.ts";
import { databasePath } from "../../src/volume/create-volume.ts";
import { decodePosition, POSITION_SETTING, type Position } from "../../src/cut/position.ts";

let harness: VolumeHarness;
let ino: Ino;
/** Calls of the journal's disk, in order. */
let calls: string[] = [];

class TracingDisk extends NodeDisk {
  override datasync(fd: number): void {
    calls.push("datasync");
    super.datasync(fd);
  }
}

beforeEach(async () => {
  harness = await VolumeHarness.create({ disk: new TracingDisk() });
  harness.settle();
  ino = harness.makeFile("a");
  calls = [];
});

afterEach(() => harness[Symbol.dispose]());

/** What a process that opens the database now would see. */
function committed(): { readonly position: Position; readonly planCount: number } {
  const tables = SqliteTables.open(databasePath(harness.storeRoot), { readOnly: true });
  try {
    const position = decodePosition(tables.settings.getText(POSITION_SETTING)!);
    return { position, planCount: tables.plans.list().length };
  } finally {
    tables.close();
  }
}

function segments(): number[] {
  return harness.core.journal.segmentNumbers();
}

/** So many bytes, in many records: passes through several segments. */
function writeMuch(size: number): void {
  for (let at = 0; at < size; at += 50_000) harness.write(ino, at, noise(50_000));
}

describe("a cut", () => {
  it("flushes the journal before its commit, and the commit holds position and plans (K1, K2)", () => {
    harness.write(ino, 0, "abc");
    assert.ok(harness.core.journal.flushedJsn < harness.core.journal.lastJsn);
    harness.tables.commit = ((commit) => () => {
      assert.equal(harness.core.journal.flushedJsn, harness.core.journal.lastJsn);
      calls.push("commit");
      commit.call(harness.tables);
    })(harness.tables.commit);
    harness.core.cut();
    assert.deepEqual(calls, ["datasync", "commit"]);
    const { position, planCount } = committed();
    assert.equal(position.jsn, harness.core.journal.lastJsn);
    assert.equal(position.flushedJsn, position.jsn);
    assert.equal(position.clean, false);
    assert.equal(planCount, 1);
    assert.equal(harness.state.dirty.byteCount, 0);
  });

  it("of the same number of cuts counts on, also over restarts", () => {
    const { txid } = committed().position;
    harness.core.cut();
    assert.equal(committed().position.txid, txid + 1);
    harness.reopen("kill");
    harness.core.cut();
    assert.equal(committed().position.txid, txid + 2);
  });

  it("fails as a crash when SQLite has rolled back by itself (J2)", () => {
    harness.tables.database.exec("ROLLBACK");
    assert.throws(() => harness.core.cut(), CrashError);
    harness.tables.begin();
  });
});

describe("a pack built from its plan", () => {
  it("has the bytes of the cut, whatever the file has become meanwhile (K2)", () => {
    harness.write(ino, 0, "the bytes of the cut");
    harness.core.cut();
    harness.write(ino, 0, "THE BYTES AFTERWARDS");
    harness.runFile(setattr, { ino, size: 3 });
    harness.pump();
    const into = Buffer.alloc(20);
    using blocks = harness.newBlocks();
    blocks.readBlock({ pack: toPackId(1), index: 0, offset: 0, length: 20 }, into, 0);
    assert.equal(into.toString(), "the bytes of the cut");
    assert.equal(harness.read(ino).toString(), "THE");
  });

  it("is that also after a kill and a rebuild, byte for byte", () => {
    harness.write(ino, 0, "the bytes of the cut");
    harness.core.cut();
    harness.pump(3);
    assert.deepEqual(harness.storedPacks(), [toPackId(1)]);
    harness.write(ino, 0, "THE BYTES AFTERWARDS");
    harness.reopen("kill");
    // The link into the store compares what an earlier process put there.
    harness.settle();
    assert.equal(harness.read(ino).toString(), "THE BYTES AFTERWARDS");
    checkSettled(harness);
  });
});

describe("a journal segment", () => {
  it("is kept until the WAL of the commit that covers it was flushed (J9)", () => {
    writeMuch(600_000);
    harness.settle();
    for (let i = 0; i < 500; i++) harness.makeFile(`n${i}${"x".repeat(200)}`);
    writeMuch(300_000);
    const before = segments();
    assert.ok(before.length > 2);
    harness.runFile(setattr, { ino, size: 0 });
    harness.core.cut();
    assert.deepEqual(segments(), before, "committed, but not flushed");
    harness.pump();
    harness.settle();
    assert.ok(segments().length < before.length);
  });

  it("that a pending pack reads is kept until the commit after PACK_STORED was flushed (J9)", () => {
    writeMuch(600_000);
    harness.core.cut();
    const pinned = segments().slice(0, -1);
    harness.pump(1);
    const areThere = (): boolean =>
      pinned.every((number) => existsSync(join(harness.journalDir, segmentName(number))));
    assert.ok(pinned.length > 1);
    assert.ok(areThere(), "the WAL is flushed, the packs are not built");
    harness.pump();
    assert.equal(harness.state.pending.size, 0);
    assert.ok(areThere(), "stored, but no commit says so");
    harness.core.cut();
    assert.ok(areThere(), "committed, but not flushed");
    harness.pump(1);
    assert.ok(!areThere());
    assert.deepEqual(
      segments().filter((number) => pinned.includes(number)),
      [],
    );
  });

  it("is pinned again by whoever opens the volume while the pack is pending", () => {
    writeMuch(600_000);
    harness.core.cut();
    harness.pump(1);
    const bytes = harness.read(ino);
    harness.reopen("kill");
    // Commits are flushed while the pack's build still waits.
    for (let i = 0; i < 3; i++) {
      harness.makeFile(`n${i}`);
      harness.core.cut();
      harness.pump(10, "syncs");
    }
    assert.ok(harness.read(ino).equals(bytes));
    harness.settle();
    assert.equal(harness.inode(ino).size, 600_000);
    checkSettled(harness);
    assert.ok(readdirSync(harness.journalDir).length < 8);
  });
});

describe("a dead pack", () => {
  const kill = (): void => {
    harness.runMeta(unlink, { parent: ROOT_INO, name: "a" });
    harness.runFile(reap, { inos: [ino] });
  };

  it("is handed out once, after the WAL of the commit that killed it was flushed (G4a)", () => {
    harness.write(ino, 0, "abc");
    harness.settle();
    kill();
    harness.events.length = 0;
    harness.core.cut();
    assert.equal(harness.stepCount, 1);
    assert.deepEqual(harness.storedPacks(), [toPackId(1)]);
    harness.makeFile("b");
    harness.core.cut();
    harness.pump();
    harness.settle();
    assert.deepEqual(
      harness.events.filter((event) => event.startsWith("packDeleted")),
      ["packDeleted 1"],
    );
    assert.deepEqual(harness.storedPacks(), []);
  });

  it("is handed out again when a process died before it was deleted or before that was recorded", () => {
    for (const steps of [1, 2]) {
      harness.write(ino, 0, "abc");
      harness.settle();
      kill();
      harness.core.cut();
      harness.pump(steps);
      harness.reopen("kill");
      assert.ok(harness.core.hasChanges, "there is something to do");
      harness.settle();
      assert.deepEqual(harness.storedPacks(), []);
      checkSettled(harness);
      ino = harness.makeFile("a");
    }
  });

  it("stays while a pending pack is made from it", () => {
    harness.write(ino, 0, "abc");
    harness.settle();
    harness.runFile(rewrite, { ranges: [{ ino, pos: 0, length: 3 }] });
    harness.core.cut();
    for (let i = 0; i < 3; i++) {
      harness.makeFile(`n${i}`);
      harness.core.cut();
    }
    // All four commits are flushed, and nothing is built.
    harness.pump(10, "syncs");
    harness.pump(10, "deletions");
    assert.deepEqual(harness.storedPacks(), [toPackId(1)]);
    harness.settle();
    assert.deepEqual(harness.storedPacks(), [toPackId(2)]);
    assert.equal(harness.read(ino).toString(), "abc");
  });

  it("that is given up before the commit that killed it is flushed is needed again when that is lost", () => {
    harness.write(ino, 0, "abc");
    harness.core.cut();
    harness.pump(1, "syncs");
    const wal = (): string => `${databasePath(harness.storeRoot)}-wal`;
    const flushed = readFileSync(wal());
    harness.write(ino, 0, "def");
    harness.core.cut();
    harness.pump(10, "packs");
    assert.ok(harness.events.includes("packCancelled 1"));
    assert.ok(harness.state.pending.has(toPackId(1)), "the commit that killed it is not flushed");
    // The power goes: of the database only what was flushed is left, of the journal everything.
    harness.shut("kill");
    writeFileSync(wal(), flushed);
    harness.open();
    assert.equal(harness.read(ino).toString(), "def");
    harness.settle();
    checkSettled(harness);
    assert.equal(harness.read(ino).toString(), "def");
    harness.reopen("kill");
    assert.equal(harness.read(ino).toString(), "def");
  });

  it("that was given up is dropped once the commit that killed it is flushed", () => {
    harness.write(ino, 0, "abc");
    harness.core.cut();
    harness.pump(1, "syncs");
    harness.write(ino, 0, "def");
    harness.core.cut();
    harness.pump(10, "packs");
    harness.pump(1, "syncs");
    assert.ok(!harness.state.pending.has(toPackId(1)));
    harness.settle();
    checkSettled(harness);
  });

  it("that was never stored is cancelled, or deleted when it was too late for that", () => {
    harness.write(ino, 0, "abc");
    harness.core.cut();
    kill();
    harness.settle();
    ino = harness.makeFile("a");
    harness.write(ino, 0, "def");
    harness.core.cut();
    harness.pump(2);
    kill();
    harness.settle();
    assert.deepEqual(harness.storedPacks(), []);
    checkSettled(harness);
    harness.reopen("kill");
    checkSettled(harness);
  });
});
