import assert from "node:assert/strict";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { MutantDisk } from "../../test/support/mutant-disk.ts";
import { checkSettled, checkVolume, snapshot } from "../../test/support/volume-check.ts";
import { noise, VolumeHarness, type HarnessOptions } from "../../test/support/volume-harness.ts";
import { CrashError } from "../core/fs-error.ts";
import { ROOT_INO, toPackId, type Ino } from "../core/ids.ts";
import { NodeDisk, type OpenMode } from "../journal/disk.ts";
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  parseSegmentName,
  SEGMENT_HEADER_SIZE,
} from "../journal/segment.ts";
import { POSITION_SETTING } from "../cut/position.ts";
import { unlink } from "../meta/ops/unlink.ts";
import { SqliteTables } from "../meta/sqlite/sqlite-tables.ts";
import { setattr } from "../vfs/ops/setattr.ts";
import { reap } from "../vfs/ops/reap.ts";
import { databasePath } from "./create-volume.ts";
import { CUT_INTERVAL_MS } from "./volume-core.ts";

let harness: VolumeHarness;
let ino: Ino;

async function make(options: HarnessOptions = {}): Promise<void> {
  harness = await VolumeHarness.create(options);
  ino = harness.makeFile("a");
}

beforeEach(async () => make());

afterEach(() => harness[Symbol.dispose]());

function editDatabase(edit: (tables: SqliteTables) => void): void {
  const tables = SqliteTables.open(databasePath(harness.storeRoot));
  edit(tables);
  tables.close();
}

function editPosition(changes: Record<string, unknown>): void {
  editDatabase(({ settings }) => {
    const row = JSON.parse(settings.getText(POSITION_SETTING)!) as Record<string, unknown>;
    settings.putText(POSITION_SETTING, JSON.stringify({ ...row, ...changes }));
  });
}

describe("opening a volume", () => {
  it("after a kill, a close and a clean stop shows the same tree, times and all", () => {
    harness.write(ino, 0, "some bytes");
    harness.settle();
    harness.write(ino, 4, "SOME OTHERS");
    const before = snapshot(harness.core, { times: true });
    for (const how of ["kill", "close", "clean", "kill", "clean"] as const) {
      harness.reopen(how);
      assert.deepEqual(snapshot(harness.core, { times: true }), before, how);
      checkVolume(harness);
    }
  });

  it("works whatever the wall clock says: before 1970, and after what an inode can hold", async () => {
    for (const instant of [
      "1965-05-05T00:00:00Z",
      "1970-01-01T00:00:00Z",
      "2450-01-01T00:00:00Z",
    ]) {
      await make();
      harness.clock.advance(Date.parse(instant) - harness.clock.nowMs());
      harness.write(ino, 0, instant);
      const before = snapshot(harness.core, { times: true });
      for (const how of ["kill", "close", "clean", "kill"] as const) {
        harness.reopen(how);
        assert.deepEqual(snapshot(harness.core, { times: true }), before, `${instant} ${how}`);
      }
      checkVolume(harness);
      harness[Symbol.dispose]();
    }
    await make();
  });

  it("many times in a row piles up neither journals nor segments", () => {
    for (let i = 0; i < 12; i++) {
      harness.write(ino, 0, `${i}`);
      harness.reopen(i % 3 === 0 ? "clean" : "kill");
    }
    assert.equal(readdirSync(harness.journalRoot).length, 1);
    harness.settle();
    assert.ok(readdirSync(harness.journalDir).length < 12);
  });

  it("orders what a crash left unbuilt, once", () => {
    harness.write(ino, 0, "abc");
    harness.core.cut();
    harness.reopen("kill");
    assert.equal(harness.core.pendingPackCount, 1);
    assert.equal(harness.core.isStored(harness.state.cut - 1), false);
    harness.pump();
    assert.equal(harness.core.pendingPackCount, 0);
    assert.ok(harness.core.isStored(harness.state.cut - 1));
    assert.deepEqual(harness.storedPacks(), [toPackId(1)]);
  });

  it("refuses a journal that is lost while it is needed, and changes nothing (invariant 9)", () => {
    harness.write(ino, 0, "only in the journal");
    harness.shut("kill");
    const away = join(harness.root, "away");
    renameSync(harness.journalRoot, away);
    assert.throws(() => harness.open(), { code: "EIO", message: /--state-dir/ });
    assert.throws(() => harness.open(), { code: "EIO" }, "and again");
    renameSync(away, harness.journalRoot);
    harness.open();
    assert.equal(harness.read(ino).toString(), "only in the journal");
  });

  it("wants no journal after a clean stop", () => {
    harness.write(ino, 0, "stored");
    harness.shut("clean");
    rmSync(harness.journalRoot, { recursive: true });
    harness.open();
    assert.equal(harness.read(ino).toString(), "stored");
    harness.write(ino, 0, "STORED");
    harness.reopen("kill");
    assert.equal(harness.read(ino).toString(), "STORED");
  });

  it("is not a clean volume's any more before its first operation", () => {
    harness.shut("clean");
    harness.open();
    harness.shut("kill");
    rmSync(harness.journalRoot, { recursive: true });
    assert.throws(() => harness.open(), { code: "EIO", message: /not stopped cleanly/ });
  });

  it("refuses another timeline's database, a missing or damaged position, and rows that do not fit", () => {
    harness.shut("clean");
    const refused = (message: RegExp): void => {
      assert.throws(() => harness.open(), { code: "EIO", message });
    };
    editPosition({ timeline: "f".repeat(32) });
    refused(/belongs to timeline f/);
    editPosition({ timeline: harness.config.timeline, jsn: "x" });
    refused(/position row is damaged/);
    editPosition({ jsn: 1 });
    editDatabase(({ packs }) => {
      const size = { storedSize: 0, plainSize: 1, liveSize: 0 };
      packs.put({ id: toPackId(9), state: 0, ...size, refCount: 0, bornCut: 1, diedCut: 1 });
    });
    refused(/pack 9 is pending but has no plan/);
    editDatabase(({ packs }) => packs.remove(toPackId(9)));
    editDatabase(({ database }) =>
      database.exec(`DELETE FROM setting WHERE name = '${POSITION_SETTING}'`),
    );
    refused(/no position row/);
  });

  it("refuses a database that is older than the journal by more than the journal has (J5)", () => {
    harness.write(ino, 0, "first");
    harness.settle();
    const old = join(harness.root, "old");
    cpSync(join(harness.storeRoot, "meta"), old, { recursive: true });
    for (let i = 0; i < 40; i++) {
      harness.write(ino, 0, noise(100_000));
      harness.settle();
    }
    harness.shut("kill");
    rmSync(join(harness.storeRoot, "meta"), { recursive: true });
    cpSync(join(harness.root, "old"), join(harness.storeRoot, "meta"), { recursive: true });
    assert.throws(() => harness.open(), { code: "EIO", message: /record \d+ is missing/ });
  });
});

describe("a state directory of an earlier life (J5)", () => {
  /** Machine A stops cleanly with 30 records; machine B goes on with a journal of its own and dies after 15. */
  const twoLives = (): { oldJournal: string; text: string } => {
    for (let size = 1; size <= 30; size++) harness.runFile(setattr, { ino, size });
    harness.shut("clean");
    const oldState = join(harness.root, "state-of-a");
    cpSync(harness.stateRoot, oldState, { recursive: true });
    rmSync(harness.journalRoot, { recursive: true });
    harness.open();
    for (let i = 0; i < 10; i++) harness.write(ino, i, "B");
    harness.settle();
    for (let i = 0; i < 5; i++) harness.write(ino, i, "b");
    harness.core.journal.flush();
    const text = harness.read(ino).toString();
    harness.shut("kill");
    rmSync(harness.stateRoot, { recursive: true });
    cpSync(join(harness.root, "state-of-a"), harness.stateRoot, { recursive: true });
    return { oldJournal: join(harness.journalRoot, readdirSync(harness.journalRoot)[0]!), text };
  };

  it("is refused: its records mean nothing here, though their numbers fit", () => {
    twoLives();
    assert.throws(() => harness.open(), { code: "EIO", message: /is missing/ });
  });

  it("is refused also when it stands under the wanted name", () => {
    const { oldJournal } = twoLives();
    let wanted = "";
    editDatabase(({ settings }) => {
      const row = JSON.parse(settings.getText(POSITION_SETTING)!) as { journal: string };
      wanted = row.journal;
    });
    renameSync(oldJournal, join(harness.journalRoot, wanted));
    assert.throws(() => harness.open(), { code: "ESTALE", message: /belongs to journal/ });
  });

  it("would be replayed over the wrong tree if the uuid were not compared", () => {
    const { oldJournal, text } = twoLives();
    let uuid = "";
    editDatabase(({ settings }) => {
      uuid = (JSON.parse(settings.getText(POSITION_SETTING)!) as { journal: string }).journal;
    });
    renameSync(oldJournal, join(harness.journalRoot, uuid));
    using mutant = harness.withOptions({ disk: new UuidBlindDisk(Buffer.from(uuid, "hex")) });
    mutant.open();
    // What B wrote and flushed is gone, A's truncates ran once more: the rule alone stands between this and a user.
    assert.equal(text, "bbbbbBBBBB".padEnd(30, "\0"));
    assert.notEqual(mutant.read(ino).toString(), text);
  });
});

/** Shows every segment header with the wanted uuid: a journal that does not know whose its numbers are. */
class UuidBlindDisk extends NodeDisk {
  readonly #uuid: Uint8Array;
  readonly #numbers = new Map<number, number | undefined>();

  constructor(uuid: Uint8Array) {
    super();
    this.#uuid = uuid;
  }

  override open(path: string, mode: OpenMode): number {
    const fd = super.open(path, mode);
    this.#numbers.set(fd, parseSegmentName(basename(path)));
    return fd;
  }

  override read(...[fd, into, at, length, position]: Parameters<NodeDisk["read"]>): number {
    const count = super.read(fd, into, at, length, position);
    const number = this.#numbers.get(fd);
    if (position !== 0 || number === undefined || count < SEGMENT_HEADER_SIZE) return count;
    const header = decodeSegmentHeader(into, at, number);
    if (header !== undefined) encodeSegmentHeader(into, at, { ...header, uuid: this.#uuid });
    return count;
  }
}

describe("what memory knows of the journal's end (J6)", () => {
  it("makes a log that lost an acknowledged record corrupt, and a whole one is opened", async () => {
    let known: number | undefined;
    harness[Symbol.dispose]();
    await make({
      appendedEndKnown: () =>
        known === undefined ? undefined : { jsn: known, segment: 1, offset: 0 },
    });
    harness.write(ino, 0, "x");
    known = harness.core.journal.lastJsn;
    harness.reopen("kill");
    known++;
    assert.throws(() => harness.reopen("kill"), { code: "EIO", message: /were acknowledged/ });
    known = undefined;
    harness.open();
    assert.equal(harness.read(ino).toString(), "x");
  });
});

describe("when a cut is due", () => {
  it("is a second after a change, and never without one", () => {
    harness.settle();
    harness.clock.advance(10 * CUT_INTERVAL_MS);
    harness.core.tick();
    assert.equal(harness.stepCount, 0);
    harness.write(ino, 0, "x");
    harness.core.cut();
    harness.write(ino, 0, "y");
    harness.clock.advance(CUT_INTERVAL_MS - 1);
    const { cut } = harness.state;
    assert.equal(harness.core.tick(), 1);
    assert.equal(harness.state.cut, cut);
    harness.clock.advance(1);
    harness.core.tick();
    assert.equal(harness.state.cut, cut + 1);
    assert.equal(harness.core.hasChanges, false);
  });

  it("waits while too many cuts wait for their packs (K4), and goes on when one is stored", () => {
    let count = 0;
    for (; harness.core.mayCut; count++) {
      harness.write(ino, 10 * count, "x");
      harness.core.cut();
    }
    assert.equal(count, 8);
    harness.write(ino, 1000, "y");
    harness.clock.advance(2 * CUT_INTERVAL_MS);
    harness.core.tick();
    assert.ok(harness.core.hasChanges);
    harness.pump(5);
    assert.ok(harness.core.mayCut);
    harness.core.tick();
    assert.equal(harness.core.hasChanges, false);
  });
});

describe("a stored cut", () => {
  it("is one whose WAL is flushed and whose packs, and those of the cuts before, are stored", () => {
    harness.write(ino, 0, "one");
    const first = harness.core.cut();
    harness.write(ino, 10, "two");
    const second = harness.core.cut();
    assert.deepEqual([harness.core.isStored(first), harness.core.isStored(second)], [false, false]);
    harness.pump(6);
    assert.deepEqual([harness.core.isStored(first), harness.core.isStored(second)], [true, false]);
    harness.pump();
    assert.ok(harness.core.isStored(second));
  });
});

describe("a fault in the pipeline", () => {
  const points = ["walSynced", "packBuilt", "packLinked", "packTold", "packUnstaged"] as const;
  for (const point of points) {
    it(`after ${point}, and a kill there, loses and leaves nothing`, async () => {
      let isArmed = false;
      harness[Symbol.dispose]();
      await make({
        fault: (at) => {
          if (isArmed && at === point) throw new Error("killed here");
        },
      });
      harness.write(ino, 0, "the bytes");
      harness.core.cut();
      isArmed = true;
      assert.throws(() => harness.pump(), /killed here/);
      isArmed = false;
      harness.write(ino, 4, "BYTES");
      harness.reopen("kill");
      harness.settle();
      assert.equal(harness.read(ino).toString(), "the BYTES");
      checkSettled(harness);
    });
  }

  it("after packDeleted, and a kill there, leaves no row without a pack", async () => {
    let isArmed = false;
    harness[Symbol.dispose]();
    await make({
      fault: (at) => {
        if (isArmed && at === "packDeleted") throw new Error("killed here");
      },
    });
    harness.write(ino, 0, "x");
    harness.settle();
    harness.runMeta(unlink, { parent: ROOT_INO, name: "a" });
    harness.runFile(reap, { inos: [ino] });
    isArmed = true;
    assert.throws(() => harness.settle(), /killed here/);
    isArmed = false;
    harness.reopen("kill");
    harness.settle();
    assert.deepEqual(harness.storedPacks(), []);
    checkSettled(harness);
  });

  it("of the journal's flush ends in a CrashError, and a restart keeps what was acknowledged", async () => {
    let fails = false;
    harness[Symbol.dispose]();
    await make({
      disk: new MutantDisk(() => {
        if (fails) throw new Error("EIO");
        return false;
      }),
    });
    harness.write(ino, 0, "acknowledged");
    fails = true;
    assert.throws(() => harness.core.cut(), CrashError);
    fails = false;
    harness.reopen("kill");
    assert.equal(harness.read(ino).toString(), "acknowledged");
  });
});

describe("closing cleanly", () => {
  it("leaves one database file without a WAL, and packs", () => {
    harness.write(ino, 0, "x");
    harness.shut("clean");
    assert.deepEqual(readdirSync(join(harness.storeRoot, "meta")), ["shoal.db"]);
    assert.deepEqual(harness.storedPacks(), [toPackId(1)]);
    assert.deepEqual(harness.stagedPacks(), []);
  });

  it("is refused while anything waits", () => {
    harness.write(ino, 0, "x");
    assert.throws(() => harness.core.closeClean(), /when everything is stored/);
    harness.core.cut();
    assert.throws(() => harness.core.closeClean(), /when everything is stored/);
  });
});

describe("reading through a damaged or missing pack", () => {
  it("names the pack, and the volume goes on", () => {
    harness.write(ino, 0, "x".repeat(1000));
    harness.settle();
    const path = harness.packPath(toPackId(1));
    const bytes = readFileSync(path);
    rmSync(path);
    harness.reopen("close");
    assert.throws(() => harness.read(ino), { code: "EIO", message: /pack 1 / });
    const other = harness.makeFile("b");
    harness.write(other, 0, "fine");
    assert.equal(harness.read(other).toString(), "fine");
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, bytes);
    assert.equal(harness.read(ino).length, 1000);
  });
});
