import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  appendData,
  appendText,
  JOURNAL_DIR,
  JOURNAL_UUID,
  journalOptions,
  newDisk,
  replayed,
} from "../../test/support/journal-fixture.ts";
import { Prng } from "../core/prng.ts";
import type { SimulatedDisk } from "../../test/support/simulated-disk.ts";
import { inspect } from "./inspect.ts";
import { Journal } from "./journal.ts";
import { recover, type RecoverOptions } from "./recovery.ts";
import { chainSeed, decodeSegmentHeader, SEGMENT_HEADER_SIZE, segmentName } from "./segment.ts";
import { sealRecord } from "./record.ts";
import { scanJournal } from "./scan.ts";

const BIG = 4000;

interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

function pathOf(number: number): string {
  return `${JOURNAL_DIR}/${segmentName(number)}`;
}

function recoverOptions(disk: SimulatedDisk, from: Partial<RecoverOptions> = {}): RecoverOptions {
  return { ...journalOptions(disk, 99), fromJsn: 1, flushedJsnKnown: 0, ...from };
}

/** Six records flushed, a seventh that says so, and an eighth; the process is gone. */
function sevenAndOne(): { disk: SimulatedDisk; offsets: number[] } {
  const disk = newDisk();
  const journal = Journal.create(journalOptions(disk));
  const offsets: number[] = [];
  const note = (): void => void offsets.push(journal.lastOffset);
  for (const text of ["a", "b", "c"]) {
    appendText(journal, text);
    note();
  }
  appendData(journal, new Uint8Array(900).fill(4), 100);
  note();
  for (const text of ["e", "f"]) {
    appendText(journal, text);
    note();
  }
  journal.flush();
  for (const text of ["g", "h"]) {
    appendText(journal, text);
    note();
  }
  disk.restart();
  return { disk, offsets };
}

/** Recovers and notes where the WRITEs lie. */
function recoverWrites(disk: SimulatedDisk, places: Place[]): Journal {
  const visitor = {
    operation: refuse,
    write: (_header: unknown, args: { dataLength: number }, segment: number, offset: number) =>
      void places.push({ segment, offset, length: args.dataLength }),
  };
  return recover(recoverOptions(disk), visitor).journal;
}

function refuse(): never {
  throw new Error("differs");
}

/** Computes the chain anew over the records at `offsets`. */
function reseal(bytes: Uint8Array, offsets: readonly number[]): void {
  const view = new DataView(bytes.buffer);
  let seed = chainSeed(decodeSegmentHeader(bytes, 0, 1)!.salt);
  for (const offset of offsets) seed = sealRecord(view, bytes, offset, seed);
}

const all = ["1:a", "2:b", "3:c", "4:w900@100", "5:e", "6:f", "7:g", "8:h"];

describe("recover", () => {
  it("shows every record once, in order, data and metadata in one pass (J4)", () => {
    const { disk } = sevenAndOne();
    const { seen, journal, copiedCount, lastRecord } = replayed(recoverOptions(disk));
    assert.deepEqual(seen, all);
    assert.equal(copiedCount, 2, "7 and 8 were not known flushed");
    assert.equal(journal.flushedJsn, 8);
    assert.deepEqual([lastRecord?.header.jsn, lastRecord?.header.unique], [8, 16]);
    assert.equal(appendText(journal, "i"), 9);
  });

  it("begins at fromJsn and still knows the last record (J7)", () => {
    const { disk } = sevenAndOne();
    const first = replayed(recoverOptions(disk, { fromJsn: 5, flushedJsnKnown: 6 }));
    assert.deepEqual(first.seen, all.slice(4));
    disk.restart();
    const second = replayed(recoverOptions(disk, { fromJsn: 9, flushedJsnKnown: 8 }));
    assert.deepEqual(second.seen, []);
    assert.equal(second.copiedCount, 0);
    assert.equal(second.lastRecord?.header.unique, 16);
    assert.deepEqual(Buffer.from(second.lastRecord.payload).toString("latin1"), "\u0001h");
  });

  it("gives a WRITE's place where its data can be read, copied or not", () => {
    const disk = newDisk();
    const before = Journal.create(journalOptions(disk));
    const flushedData = new Uint8Array(600).fill(1);
    const copiedData = new Uint8Array(700).fill(2);
    appendData(before, flushedData);
    before.flush();
    appendData(before, copiedData);
    disk.restart();
    const places: Place[] = [];
    const scanned = scanJournal(recoverOptions(disk));
    assert.equal(scanned.flushedJsn, 1);
    const { journal } = replayed(recoverOptions(disk));
    disk.restart();
    const again = recoverWrites(disk, places);
    for (const [i, expected] of [flushedData, copiedData].entries()) {
      const into = new Uint8Array(expected.length);
      const place = places[i]!;
      assert.equal(place.length, expected.length);
      again.readData(place.segment, place.offset, into, 0, into.length);
      assert.deepEqual(into, expected);
    }
    assert.notEqual(places[0]!.segment, places[1]!.segment);
    assert.equal(journal.lastJsn, 2);
  });

  it("takes damage at or below the flushed mark for corruption, above it for the torn tail (J6)", () => {
    const { disk, offsets } = sevenAndOne();
    const end = offsets[7]! + 46;
    for (let at = SEGMENT_HEADER_SIZE; at < end; at++) {
      const damaged = disk.fork(new Prng(1));
      damaged.contentOf(pathOf(1))[at]! ^= 0x21;
      const jsn = offsets.findLastIndex((offset) => offset <= at) + 1;
      // The mark of 6 stands in the records 7 and 8; one of them is always whole, or the damage is above it.
      if (jsn <= 6)
        assert.throws(
          () => replayed(recoverOptions(damaged)),
          { name: "CorruptError" },
          `byte ${at}`,
        );
      else {
        const { seen } = replayed(recoverOptions(damaged));
        assert.deepEqual(seen, all.slice(0, jsn - 1), `byte ${at} of record ${jsn}`);
      }
    }
  });

  it("names file, offset and record when it refuses, and has changed nothing", () => {
    const { disk, offsets } = sevenAndOne();
    disk.contentOf(pathOf(1))[offsets[2]! + 45]! ^= 1;
    const calls = disk.callCount;
    const expected = new RegExp(
      `0001\\.seg, offset ${offsets[2]}: record 3 is missing .*up to 6 were`,
    );
    assert.throws(() => replayed(recoverOptions(disk)), {
      name: "CorruptError",
      message: expected,
    });
    assert.equal(disk.callCount, calls);
    const { problems } = inspect({ disk, dir: JOURNAL_DIR });
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, expected);
    assert.equal(disk.callCount, calls);
  });

  it("believes the mark that SQLite or a plan knows, and what the position covers", () => {
    const { disk, offsets } = sevenAndOne();
    disk.contentOf(pathOf(1))[offsets[7]! + 45]! ^= 1;
    for (const from of [{ flushedJsnKnown: 8 }, { fromJsn: 9 }]) {
      const options = recoverOptions(disk, from);
      assert.throws(() => replayed(options), {
        name: "CorruptError",
        message: /up to 8 were flushed/,
      });
    }
    assert.deepEqual(replayed(recoverOptions(disk, { flushedJsnKnown: 7 })).seen, all.slice(0, 7));
  });

  it("refuses a log that lost what the supervisor's memory calls acknowledged", () => {
    const { disk, offsets } = sevenAndOne();
    disk.contentOf(pathOf(1))[offsets[7]! + 45]! ^= 1;
    const appendedEndKnown = { jsn: 8, segment: 1, offset: 0 };
    assert.throws(() => replayed(recoverOptions(disk, { appendedEndKnown })), {
      name: "CorruptError",
      message: /up to 8 were acknowledged/,
    });
    const earlier = { jsn: 7, segment: 1, offset: 0 };
    const options = recoverOptions(disk, { appendedEndKnown: earlier });
    assert.deepEqual(replayed(options).seen, all.slice(0, 7));
  });

  it("checks the data of a WRITE, but may skip what the appended end covers and the mark too", () => {
    const { disk, offsets } = sevenAndOne();
    disk.contentOf(pathOf(1))[offsets[3]! + 500]! ^= 1;
    const appendedEndKnown = { jsn: 8, segment: 1, offset: 0 };
    assert.throws(() => replayed(recoverOptions(disk)), { message: /CRC of the data/ });
    assert.deepEqual(
      replayed(recoverOptions(disk.fork(new Prng(1)), { appendedEndKnown })).seen,
      all,
    );
    const strict = recoverOptions(disk, { appendedEndKnown, verifyPayloads: true });
    assert.throws(() => replayed(strict), { name: "CorruptError" });
  });

  it("checks the data it copies, also where the appended end covers them", () => {
    const disk = newDisk();
    const journal = Journal.create(journalOptions(disk));
    appendData(journal, new Uint8Array(900));
    disk.restart();
    disk.contentOf(pathOf(1))[SEGMENT_HEADER_SIZE + 500]! ^= 1;
    const appendedEndKnown = { jsn: 1, segment: 1, offset: 0 };
    assert.throws(() => replayed(recoverOptions(disk, { appendedEndKnown })), {
      name: "CorruptError",
      message: /record 1 was there and is not \(the CRC of the data/,
    });
    assert.equal(disk.openCount, 0);
  });

  it("believes no mark behind the tail that the segment cannot hold", () => {
    const { disk, offsets } = sevenAndOne();
    const bytes = disk.contentOf(pathOf(1));
    const view = new DataView(bytes.buffer);
    const forged = offsets[7]! + 1000;
    bytes.copyWithin(forged, offsets[7]!, offsets[7]! + 46);
    view.setUint32(forged + 12, 0x100, true);
    view.setUint32(forged + 24, 20, true);
    assert.deepEqual(replayed(recoverOptions(disk.fork(new Prng(1)))).seen, all);
    // The same with a JSN that could be there is the proof of a loss.
    view.setUint32(forged + 8, 21, true);
    view.setUint32(forged + 12, 0, true);
    assert.throws(() => replayed(recoverOptions(disk)), { message: /up to 20 were flushed/ });
  });

  it("never takes a torn tail's records for valid later", () => {
    const { disk, offsets } = sevenAndOne();
    const whole = disk.contentOf(pathOf(1)).slice();
    disk.contentOf(pathOf(1))[offsets[6]! + 45]! ^= 1;
    const first = replayed(recoverOptions(disk));
    assert.deepEqual(first.seen, all.slice(0, 6));
    appendText(first.journal, "other");
    first.journal.flush();
    disk.restart();
    // The damage heals: the old records 7 and 8 are whole again.
    disk.contentOf(pathOf(1)).set(whole);
    assert.deepEqual(replayed(recoverOptions(disk)).seen, [...all.slice(0, 6), "7:other"]);
  });

  it("never takes a recycled segment's old records for new ones", () => {
    const disk = newDisk();
    const journal = Journal.create(journalOptions(disk));
    for (let i = 0; i < 40; i++) {
      appendData(journal, new Uint8Array(BIG).fill(i), i);
      journal.flush();
      journal.dropBefore(journal.lastJsn + 1);
    }
    const { lastJsn } = journal;
    disk.restart();
    const { seen } = replayed(recoverOptions(disk, { fromJsn: lastJsn, flushedJsnKnown: lastJsn }));
    assert.deepEqual(seen, [`${lastJsn}:w${BIG}@${lastJsn - 1}`]);
  });

  it("refuses a missing segment in the middle, another journal's directory and an empty one", () => {
    const disk = newDisk();
    const journal = Journal.create(journalOptions(disk));
    for (let i = 0; i < 10; i++) appendData(journal, new Uint8Array(BIG));
    journal.flush();
    appendText(journal, "end");
    disk.restart();
    const without = disk.fork(new Prng(1));
    without.unlink(pathOf(2));
    assert.throws(() => replayed(recoverOptions(without)), { name: "CorruptError" });
    without.unlink(pathOf(1));
    assert.throws(() => replayed(recoverOptions(without)), {
      name: "CorruptError",
      message: /begins with record 7: record 1 is missing/,
    });
    const uuid = JOURNAL_UUID.map((byte) => byte ^ 1);
    assert.throws(() => replayed({ ...recoverOptions(disk), uuid }), { code: "ESTALE" });
    assert.deepEqual(inspect({ disk, dir: JOURNAL_DIR, uuid }).problems.length, 1);
    const nowhere = { ...recoverOptions(disk), dir: "/state/nowhere" };
    assert.throws(() => replayed(nowhere), { name: "CorruptError", message: /has no segment/ });
    assert.match(inspect({ disk, dir: "/state/nowhere" }).problems[0]!, /holds no journal segment/);
  });

  it("refuses a WRITE of a version it does not know", () => {
    const { disk, offsets } = sevenAndOne();
    const bytes = disk.contentOf(pathOf(1));
    // The version is inside the chained CRC: a program of another version would have sealed it so.
    new DataView(bytes.buffer).setUint16(offsets[3]! + 42, 2, true);
    reseal(bytes, offsets);
    assert.throws(() => replayed(recoverOptions(disk)), { code: "EPROTO" });
    assert.match(inspect({ disk, dir: JOURNAL_DIR }).problems[0]!, /WRITE of version 2/);
  });

  it("survives one lost sector of a segment's header", () => {
    for (const copy of [0, 2048]) {
      const { disk } = sevenAndOne();
      disk.contentOf(pathOf(1)).fill(0, copy, copy + 512);
      assert.deepEqual(replayed(recoverOptions(disk)).seen, all);
    }
  });

  it("closes its files when the visitor refuses, and can be run again", () => {
    const { disk } = sevenAndOne();
    const failing = { operation: refuse, write: refuse };
    assert.throws(() => recover(recoverOptions(disk), failing), { message: "differs" });
    assert.equal(disk.openCount, 0);
    assert.deepEqual(replayed(recoverOptions(disk)).seen, all);
  });

  it("syncs the name of a segment before a newer header vouches for what is in it", () => {
    const { disk } = sevenAndOne();
    const kinds: string[] = [];
    const rename = disk.rename.bind(disk);
    const syncDirectory = disk.syncDirectory.bind(disk);
    disk.rename = (from, to) => {
      kinds.push("rename");
      rename(from, to);
    };
    disk.syncDirectory = (path) => {
      kinds.push("sync");
      syncDirectory(path);
    };
    replayed(recoverOptions(disk));
    assert.deepEqual(kinds, ["sync", "rename", "sync"]);
  });

  it("changes nothing when there is no room for the new segment", () => {
    const { disk } = sevenAndOne();
    for (const name of disk.list(JOURNAL_DIR))
      if (name.startsWith("spare-")) disk.unlink(`${JOURNAL_DIR}/${name}`);
    disk.setCapacity(disk.contentOf(pathOf(1)).length);
    assert.throws(() => replayed(recoverOptions(disk)), { code: "ENOSPC" });
    assert.deepEqual(disk.list(JOURNAL_DIR), [segmentName(1)]);
    assert.equal(disk.openCount, 0);
    disk.setCapacity(Number.POSITIVE_INFINITY);
    assert.deepEqual(replayed(recoverOptions(disk)).seen, all);
  });

  it("copies into a larger segment when the configured size became too small", () => {
    const disk = newDisk();
    const options = journalOptions(disk);
    const journal = Journal.create(options);
    for (let i = 0; i < 3; i++) appendData(journal, new Uint8Array(BIG), i);
    disk.restart();
    const limits = { segmentSize: 8192, totalSizeMax: 8192 * 8 };
    const recovered = replayed({ ...recoverOptions(disk), limits });
    assert.deepEqual(
      recovered.seen,
      [0, 1, 2].map((i) => `${i + 1}:w${BIG}@${i}`),
    );
    for (let i = 0; i < 4; i++) appendText(recovered.journal, "x".repeat(3000));
    recovered.journal.flush();
    recovered.journal.dropBefore(recovered.journal.lastJsn + 1);
    disk.restart();
    const again = { ...recoverOptions(disk, { fromJsn: 7, flushedJsnKnown: 7 }), limits };
    assert.equal(replayed(again).seen.length, 1);
  });
});

describe("inspect", () => {
  it("tells of segments, spares, end and mark, and changes nothing", () => {
    const { disk } = sevenAndOne();
    const calls = disk.callCount;
    const found = inspect({ disk, dir: JOURNAL_DIR });
    assert.deepEqual(found.problems, []);
    assert.deepEqual([found.lastJsn, found.flushedJsn, found.spareCount], [8, 6, 1]);
    assert.deepEqual(
      found.segments.map(({ number, state }) => [number, state]),
      [[1, "live"]],
    );
    assert.equal(found.tail?.reason, "no record header");
    assert.equal(disk.callCount, calls);
    assert.equal(disk.openCount, 0);
  });
});
