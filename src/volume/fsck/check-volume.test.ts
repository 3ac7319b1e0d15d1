import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { VolumeHarness } from "../../../test/support/volume-harness.ts";
import { POSITION_SETTING } from "../../cut/position.ts";
import { SqliteTables } from "../../meta/sqlite/sqlite-tables.ts";
import { databasePath } from "../create-volume.ts";
import type { JournalEnd } from "./check-journal.ts";
import { checkVolume, type CheckResult, type CheckVolumeOptions } from "./check-volume.ts";

let harness: VolumeHarness;

beforeEach(async () => {
  harness = await VolumeHarness.create();
  harness.write(harness.makeFile("a"), 0, "some bytes");
  harness.settle();
});
afterEach(() => harness[Symbol.dispose]());

function check(changes: Partial<CheckVolumeOptions> = {}): CheckResult {
  return checkVolume({
    root: harness.storeRoot,
    uuid: harness.config.uuid,
    timeline: harness.config.timeline,
    journalRoot: harness.journalRoot,
    metadataOnly: false,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...changes,
  });
}

/** The segments of the journal, newest last. */
function segments(): string[] {
  const dir = join(harness.journalRoot, readdirSync(harness.journalRoot)[0]!);
  const names = readdirSync(dir).filter((name) => /^\d.*\.seg$/u.test(name));
  return names.sort().map((name) => join(dir, name));
}

/** Turns a bit of the last place in `path` where `text` lies. */
function damage(path: string, text: string): void {
  const bytes = readFileSync(path);
  const at = bytes.lastIndexOf(text);
  assert.ok(at >= 0, `${text} is not in ${path}`);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

describe("the check of a volume", () => {
  it("finds a sound one clean, and counts what it looked at", () => {
    const { problemCount, inodeCount, packCount } = check();
    assert.deepEqual(
      { problemCount, inodeCount, packCount },
      {
        problemCount: 0,
        inodeCount: 2,
        packCount: 1,
      },
    );
  });

  it("names a position without which nothing would open the volume", () => {
    assert.match(check({ timeline: "f".repeat(32) }).problems[0]!.message, /belongs to timeline/u);
    harness.shut("clean");
    const tables = SqliteTables.open(databasePath(harness.storeRoot));
    tables.settings.putText(POSITION_SETTING, "noise");
    tables.close();
    const { problems } = check();
    assert.deepEqual(problems, [{ subject: "position", message: "the position row is not JSON" }]);
  });

  it("counts the records that the metadata do not hold yet", () => {
    for (const name of ["b", "c", "d"]) harness.makeFile(name);
    harness.shut("kill");
    const { problemCount, journalRecordCount } = check();
    assert.deepEqual(
      { problemCount, journalRecordCount },
      { problemCount: 0, journalRecordCount: 3 },
    );
  });

  it("names damage in the journal that opening would refuse (J6)", () => {
    harness.write(harness.makeFile("b"), 0, "flushed and then damaged");
    harness.core.journal.flush();
    harness.makeFile("c");
    harness.shut("kill");
    damage(segments().at(-1)!, "flushed and then damaged");
    const { problems } = check();
    assert.equal(problems.length, 1);
    assert.equal(problems[0]!.subject, "journal");
    assert.match(problems[0]!.message, /offset \d+: record \d+ is missing .*were flushed/u);
    assert.throws(() => harness.open(), { code: "EIO" });
  });

  it("takes a torn end for what it is", () => {
    harness.write(harness.makeFile("b"), 0, "never flushed");
    harness.shut("kill");
    damage(segments().at(-1)!, "never flushed");
    assert.equal(check().problemCount, 0);
  });

  it("names a pack that is to be built from damaged bytes (K2)", () => {
    harness.write(harness.makeFile("b"), 0, "planned, committed, not stored");
    harness.core.cut();
    harness.shut("kill");
    assert.equal(check().problemCount, 0);
    for (const path of segments())
      if (readFileSync(path).includes("planned, committed")) damage(path, "planned, committed");
    const { problems } = check();
    assert.equal(problems.length, 1);
    assert.match(problems[0]!.message, /is not stored yet and cannot be built: .*CRC/u);
  });

  it("says that the journal is missing, or that it does not know where it is", () => {
    harness.makeFile("b");
    harness.shut("kill");
    const elsewhere = check({ journalRoot: join(harness.root, "nowhere") });
    assert.equal(elsewhere.problemCount, 0);
    assert.match(elsewhere.unchecked ?? "", /nowhere is not there/u);
    rmSync(join(harness.journalRoot, readdirSync(harness.journalRoot)[0]!), { recursive: true });
    assert.match(
      check().problems[0]!.message,
      /is missing, but the volume was not stopped cleanly/u,
    );
  });

  it("needs no journal after a clean stop", () => {
    harness.shut("clean");
    assert.deepEqual(check({ journalRoot: join(harness.root, "nowhere") }).problems, []);
    assert.equal(check({ journalRoot: join(harness.root, "nowhere") }).unchecked, undefined);
  });

  it("looks again at a journal in use before it calls it damaged", () => {
    harness.makeFile("b");
    const { journal } = harness.core;
    let asked = 0;
    const appendedEnd = (): JournalEnd => {
      asked++;
      // As if records were gone that were there a moment ago: a cut has covered them.
      const jsn = asked === 1 ? journal.lastJsn + 5 : journal.lastJsn;
      return { journalUuid: journal.uuid, segment: 0, offset: 0, jsn };
    };
    assert.equal(check({ appendedEnd }).problemCount, 0);
    assert.equal(asked, 2);
    asked = 1;
    const lost = (): JournalEnd => ({ ...appendedEnd(), jsn: journal.lastJsn + 5 });
    assert.match(check({ appendedEnd: lost }).problems[0]!.message, /were acknowledged/u);
    assert.equal(asked, 4);
  });

  it("finds the files of every damaged pack, each by its own slices", () => {
    const inos = ["x", "y", "z"].map((name) => {
      const ino = harness.makeFile(name);
      harness.write(ino, 0, `content of ${name} `.repeat(20));
      harness.settle();
      return ino;
    });
    const packs = harness.storedPacks();
    assert.ok(packs.length >= inos.length);
    harness.shut("clean");
    for (const pack of packs) writeFileSync(harness.packPath(pack), "noise");
    const said = check().problems.map(({ message }) => message);
    for (const ino of inos)
      assert.equal(
        said.filter((text) => text.includes(`1 files (inode ${ino})`)).length,
        1,
        said.join("\n"),
      );
  });
});
