import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  appendData,
  appendText,
  JOURNAL_DIR,
  JOURNAL_UUID,
  journalOptions,
  newDisk,
} from "../../test/support/journal-fixture.ts";
import type { SimulatedDisk } from "../../test/support/simulated-disk.ts";
import { Journal } from "./journal.ts";
import { type JournalRange, JournalRangeReader } from "./range-reader.ts";
import { segmentName } from "./segment.ts";

/** A journal of several segments, and the range of each of its WRITEs. */
function written(): { disk: SimulatedDisk; ranges: JournalRange[] } {
  const disk = newDisk();
  const journal = Journal.create(journalOptions(disk));
  const ranges: JournalRange[] = [];
  for (let i = 0; i < 12; i++) {
    appendText(journal, "between");
    const data = Uint8Array.from({ length: 3000 }, (_, at) => at * (i + 3));
    const { dataCrc } = appendData(journal, data);
    const place = { segment: journal.lastSegment, dataOffset: journal.lastDataOffset };
    ranges.push({ ...place, dataLength: 3000, dataCrc, subOffset: 0, subLength: 3000 });
  }
  return { disk, ranges };
}

function open(disk: SimulatedDisk, uuid = JOURNAL_UUID): JournalRangeReader {
  return new JournalRangeReader({ disk, dir: JOURNAL_DIR, uuid });
}

describe("JournalRangeReader", () => {
  it("copies any piece of any record, in any order", () => {
    const { disk, ranges } = written();
    using reader = open(disk);
    const into = new Uint8Array(110);
    for (const i of [0, 11, 5, 0, 1]) {
      reader.read({ ...ranges[i]!, subOffset: 77, subLength: 100 }, into, 10);
      const expected = Uint8Array.from({ length: 100 }, (_, at) => (at + 77) * (i + 3));
      assert.deepEqual(into.subarray(10), expected);
    }
    assert.ok(into.subarray(0, 10).every((byte) => byte === 0));
  });

  it("reads a record once for consecutive pieces of it", () => {
    const { disk, ranges } = written();
    using reader = open(disk);
    const into = new Uint8Array(1000);
    let readCount = 0;
    const read = disk.read.bind(disk);
    disk.read = (...args) => {
      readCount++;
      return read(...args);
    };
    for (const subOffset of [0, 1000, 2000])
      reader.read({ ...ranges[3]!, subOffset, subLength: 1000 }, into, 0);
    assert.equal(readCount, 2, "the segment's header and the record");
  });

  it("hands out nothing of a record whose bytes are not those of the plan", () => {
    const { disk, ranges } = written();
    const range = ranges[2]!;
    disk.contentOf(`${JOURNAL_DIR}/${segmentName(range.segment)}`)[range.dataOffset + 2999]! ^= 1;
    using reader = open(disk);
    const into = new Uint8Array(10);
    const piece = { ...range, subLength: 10 };
    assert.throws(() => reader.read(piece, into, 0), { name: "CorruptError", message: /CRC/ });
    assert.ok(into.every((byte) => byte === 0));
    assert.throws(() => reader.read(piece, into, 0), { name: "CorruptError" }, "not cached either");
  });

  it("refuses a range outside its record, a cut file, another journal and a segment that is gone", () => {
    const { disk, ranges } = written();
    const range = ranges[0]!;
    const into = new Uint8Array(4000);
    using reader = open(disk);
    const outside = { ...range, subOffset: 1, subLength: 3000 };
    assert.throws(() => reader.read(outside, into, 0), { name: "CorruptError" });
    const beyond = { ...range, dataOffset: 16_000 };
    assert.throws(() => reader.read(beyond, into, 0), {
      name: "CorruptError",
      message: /cut short/,
    });
    assert.throws(() => reader.read({ ...range, segment: 77 }, into, 0), { code: "ENOENT" });
    using foreign = open(disk, new Uint8Array(16));
    assert.throws(() => foreign.read(range, into, 0), { name: "CorruptError" });
  });

  it("holds few files open, and none when closed", () => {
    const { disk, ranges } = written();
    const before = disk.openCount;
    const reader = open(disk);
    for (const range of ranges) reader.read(range, new Uint8Array(3000), 0);
    assert.ok(disk.openCount - before <= 4);
    reader.closeFiles();
    assert.equal(disk.openCount, before);
  });
});
