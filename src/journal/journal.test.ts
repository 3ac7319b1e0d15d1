import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  appendData,
  appendText,
  JOURNAL_DIR,
  journalOptions,
  newDisk,
  SMALL_SEGMENT_SIZE,
} from "../../test/support/journal-fixture.ts";
import { Prng } from "../core/prng.ts";
import { AppendedEndWords } from "./appended-end.ts";
import { runFlush } from "./flush-ticket.ts";
import { Journal, JournalScratch, resolveLimits } from "./journal.ts";
import {
  decodeRecordHeader,
  decodeWriteArgs,
  emptyRecordHeader,
  emptyWriteArgs,
} from "./record.ts";
import { SEGMENT_HEADER_SIZE } from "./segment.ts";
import { prepareSpare } from "./spare.ts";

const BIG = 4000;

/** Fills the current segment and begins the next one. */
function nextSegment(journal: Journal): void {
  const before = journal.lastSegment;
  do appendData(journal, new Uint8Array(BIG));
  while (journal.lastSegment === before);
}

describe("Journal", () => {
  it("counts JSNs from 1 and says where each record lies", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    assert.equal(journal.lastJsn, 0);
    assert.equal(appendText(journal, "one"), 1);
    assert.equal(journal.lastOffset, SEGMENT_HEADER_SIZE);
    appendData(journal, Uint8Array.of(1, 2, 3));
    assert.equal(journal.lastJsn, 2);
    assert.equal(journal.lastDataOffset, SEGMENT_HEADER_SIZE + 48 + 80);
    const into = new Uint8Array(5);
    journal.readData(journal.lastSegment, journal.lastDataOffset, into, 1, 3);
    assert.deepEqual(into, Uint8Array.of(0, 1, 2, 3, 0));
    assert.throws(() => journal.readData(1, journal.lastDataOffset, into, 0, 4), { code: "EIO" });
    assert.throws(() => journal.readData(9, 4096, into, 0, 1), { code: "EIO" });
  });

  it("lays a WRITE's header over the 80 bytes before the data, in one write", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    const buffer = new Uint8Array(8192).fill(0xee);
    assert.equal(journal.reserveWrite(10), "ok");
    const before = disk.callCount;
    const fields = {
      ...emptyWriteArgs(),
      ino: 4,
      offset: 77,
      dataLength: 10,
      unique: 8,
      connection: 2,
      spareSize: 4096,
    };
    journal.appendWrite(fields, buffer, 50);
    assert.equal(disk.callCount, before + 1);
    const view = new DataView(buffer.buffer);
    const header = emptyRecordHeader();
    const args = emptyWriteArgs();
    assert.ok(
      decodeRecordHeader(view, 50, header) && decodeWriteArgs(view, 50, header.length, args),
    );
    assert.deepEqual([header.length, header.jsn, header.unique, header.connection], [90, 1, 8, 2]);
    const { unique: _unique, connection: _connection, spareSize: _spareSize, ...expected } = fields;
    assert.deepEqual(args, expected);
    assert.ok(buffer.subarray(0, 50).every((byte) => byte === 0xee));
    assert.ok(buffer.subarray(130 + 10, 140).every((byte) => byte === 0xee));
    assert.ok(buffer.subarray(140 + 4096).every((byte) => byte === 0xee));
  });

  it("keeps what lies behind a WRITE's data unless it may be overwritten", () => {
    using journal = Journal.create(journalOptions(newDisk()));
    const buffer = new Uint8Array(8192).fill(0xee);
    assert.equal(journal.reserveWrite(10), "ok");
    const fields = { ...emptyWriteArgs(), dataLength: 10, unique: 8, connection: 2, spareSize: 0 };
    journal.appendWrite(fields, buffer, 0);
    assert.ok(buffer.subarray(80).every((byte) => byte === 0xee));
  });

  it("writes no page of a segment in part before it was written whole", () => {
    const disk = newDisk();
    const begun = new Set<string>();
    const write = disk.write.bind(disk);
    disk.write = (fd, from, at, length, position) => {
      for (let page = Math.floor(position / 4096); page * 4096 < position + length; page++) {
        const key = `${disk.inode(fd)}/${page}`;
        const isWhole = page * 4096 >= position && (page + 1) * 4096 <= position + length;
        // A segment's first page is its header, which a new life begins with.
        if (page === 0)
          for (const known of [...begun])
            if (known.startsWith(`${disk.inode(fd)}/`)) begun.delete(known);
        if (isWhole) begun.add(key);
        assert.ok(
          begun.has(key),
          `page ${page} is written in part by ${length} bytes at ${position}`,
        );
      }
      write(fd, from, at, length, position);
    };
    using journal = Journal.create(journalOptions(disk));
    const prng = new Prng(7);
    for (let i = 0; i < 300; i++) {
      const size = prng.below(2 * 4096);
      const buffer = new Uint8Array(80 + size + prng.below(8192));
      const spareSize = buffer.length - 80 - size;
      const fields = { ...emptyWriteArgs(), dataLength: size, unique: 1, connection: 1, spareSize };
      if (journal.reserveWrite(size) === "ok") journal.appendWrite(fields, buffer, 0);
      if (journal.reserve(8) === "ok") appendText(journal, `record ${i}`);
      if (i % 20 === 0) {
        journal.flush();
        journal.dropBefore(journal.lastJsn + 1);
      }
    }
    assert.ok(journal.lastSegment > 20);
  });

  it("publishes the appended end after every append", () => {
    const words = new AppendedEndWords(new Float64Array(3));
    using journal = Journal.create({ ...journalOptions(newDisk()), appendedEnd: words });
    assert.equal(words.read(), undefined);
    appendText(journal, "one");
    assert.deepEqual(words.read(), { jsn: 1, segment: 1, offset: SEGMENT_HEADER_SIZE + 48 });
    words.clear();
    assert.equal(words.read(), undefined);
  });

  it("refuses an append that was not reserved, and a directory that holds a journal", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    const scratch = new JournalScratch();
    scratch.bytes(new Uint8Array(SMALL_SEGMENT_SIZE));
    const fields = { kind: 7, version: 1, unique: 0, connection: 0 };
    assert.throws(() => journal.append(fields, scratch), { name: "AssertionFailure" });
    assert.throws(() => journal.append({ ...fields, kind: 1 }, scratch.reset()), {
      name: "AssertionFailure",
    });
    assert.throws(() => Journal.create(journalOptions(disk)), { code: "EEXIST" });
  });

  it("flushes by itself before more than the limit is unflushed", () => {
    const options = { ...journalOptions(newDisk()) };
    options.limits = { ...options.limits, unflushedSizeMax: 8000 };
    using journal = Journal.create(options);
    appendData(journal, new Uint8Array(BIG));
    assert.equal(journal.flushedJsn, 0);
    assert.equal(journal.unflushedSize, BIG + 80);
    appendData(journal, new Uint8Array(BIG));
    assert.equal(journal.flushedJsn, 1);
    assert.equal(journal.unflushedSize, BIG + 80);
  });

  it("flushes by ticket while appends go on, and syncs the directory of a new segment (J6)", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    assert.equal(journal.beginFlush(), undefined);
    appendText(journal, "one");
    const ticket = journal.beginFlush();
    assert.ok(ticket !== undefined);
    assert.equal(ticket.directory, undefined);
    assert.equal(journal.beginFlush(), undefined, "one ticket at a time");
    appendText(journal, "two");
    runFlush(disk, structuredClone(ticket));
    journal.completeFlush();
    assert.equal(journal.flushedJsn, 1);
    journal.flush();
    nextSegment(journal);
    assert.equal(journal.beginFlush()?.directory, JOURNAL_DIR);
    journal.completeFlush();
    appendText(journal, "later");
    assert.equal(journal.beginFlush()?.directory, undefined);
    journal.completeFlush();
  });

  it("stops for good when a flush fails, in either thread (J2)", () => {
    for (const isTicket of [false, true]) {
      const disk = newDisk();
      using journal = Journal.create(journalOptions(disk));
      appendText(journal, "one");
      disk.failDatasync(1);
      if (isTicket) {
        const ticket = journal.beginFlush()!;
        assert.throws(() => runFlush(disk, ticket));
        journal.failFlush(new Error("EIO"));
      } else assert.throws(() => journal.flush(), { code: "EIO" });
      assert.equal(journal.flushedJsn, 0);
      assert.throws(() => journal.flush(), { code: "EIO" });
      assert.throws(() => journal.reserve(1), { code: "EIO" });
      assert.throws(() => journal.beginFlush(), { code: "EIO" });
      assert.throws(() => journal.dropBefore(1), { code: "EIO" });
      const fields = { kind: 7, version: 1, unique: 0, connection: 0 };
      assert.throws(() => journal.append(fields, new JournalScratch()), { code: "EIO" });
    }
  });

  it("learns of a failed write-back by its own descriptor, though a helper was told before", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    appendText(journal, "one");
    const ticket = journal.beginFlush()!;
    disk.failDatasync(1);
    assert.throws(() => runFlush(disk, ticket));
    assert.throws(() => journal.flush(), { code: "EIO" });
  });

  it("says full at its limit, keeps a segment for the cut (K6), and goes on after a drop (J9)", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    while (journal.reserveWrite(BIG) === "ok") appendData(journal, new Uint8Array(BIG));
    assert.equal(journal.fullReason, "limit");
    assert.equal(journal.segmentNumbers().length, 5);
    assert.equal(journal.reserveForCut(BIG), "ok");
    assert.equal(journal.segmentNumbers().length, 6);
    appendData(journal, new Uint8Array(BIG));
    journal.flush();
    journal.dropBefore(journal.lastJsn + 1);
    assert.deepEqual(journal.segmentNumbers(), [6]);
    for (let i = 0; i < 4; i++) appendData(journal, new Uint8Array(BIG));
    assert.ok(disk.list(JOURNAL_DIR).length <= 6);
  });

  it("meets a full disk at reserve, never at append (J1)", () => {
    const disk = newDisk();
    const options = journalOptions(disk);
    using journal = Journal.create(options);
    const capacity = new Uint8Array(SMALL_SEGMENT_SIZE);
    // Leave room for nothing more than the two files that are there.
    assert.equal(disk.list(JOURNAL_DIR).length, 2);
    disk.setCapacity(2 * capacity.length);
    while (journal.reserveWrite(BIG) === "ok") appendData(journal, new Uint8Array(BIG));
    assert.equal(journal.fullReason, "disk");
    assert.equal(journal.segmentNumbers().length, 1, "the spare is kept for the cut");
    assert.deepEqual(disk.list(JOURNAL_DIR).length, 2, "no partial file stays");
    assert.equal(journal.reserveForCut(BIG), "ok");
    appendData(journal, new Uint8Array(BIG));
    journal.flush();
  });

  it("recycles a dropped segment's file, but neither a pinned nor an unflushed one", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    appendText(journal, "one");
    nextSegment(journal);
    nextSegment(journal);
    journal.dropBefore(journal.lastJsn);
    assert.ok(journal.segmentNumbers().includes(2), "segment 2 is not flushed");
    journal.pin(2);
    journal.flush();
    journal.dropBefore(journal.lastJsn);
    assert.deepEqual(journal.segmentNumbers(), [2, 3]);
    const inode = disk.contentOf(`${JOURNAL_DIR}/0000000000000002.seg`);
    journal.unpin(2);
    assert.deepEqual(journal.segmentNumbers(), [3]);
    assert.throws(() => journal.pin(2), { code: "EIO" });
    assert.throws(() => journal.unpin(2), { code: "EIO" });
    const spares = disk.list(JOURNAL_DIR).filter((name) => name.startsWith("spare-"));
    assert.ok(spares.some((name) => disk.contentOf(`${JOURNAL_DIR}/${name}`) === inode));
  });

  it("does not recycle what a flush ticket holds open", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    appendText(journal, "one");
    const ticket = journal.beginFlush()!;
    nextSegment(journal);
    journal.flush();
    journal.dropBefore(journal.lastJsn + 1);
    assert.deepEqual(journal.segmentNumbers(), [1, 2]);
    runFlush(disk, ticket);
    journal.completeFlush();
    assert.deepEqual(journal.segmentNumbers(), [2]);
  });

  it("orders the spares it wants and takes them without filling any itself", () => {
    const disk = newDisk();
    using journal = Journal.create(journalOptions(disk));
    const order = journal.wantSpare();
    assert.ok(order !== undefined);
    assert.equal(journal.wantSpare(), undefined, "one is there, one is ordered");
    prepareSpare(disk, structuredClone(order));
    journal.spareReady(order);
    assert.equal(journal.wantSpare(), undefined);
    for (let i = 0; i < 2; i++) appendData(journal, new Uint8Array(BIG));
    const before = disk.callCount;
    for (let i = 0; i < 2; i++) appendData(journal, new Uint8Array(BIG));
    assert.ok(
      disk.callCount - before < 8,
      "the flush limit, a header, a rename, two appends of two writes",
    );
    const next = journal.wantSpare();
    assert.ok(next !== undefined && next.number !== order.number);
    journal.spareFailed();
    assert.ok(journal.wantSpare() !== undefined);
  });

  it("leaves no descriptor open", () => {
    const disk = newDisk();
    {
      using journal = Journal.create(journalOptions(disk));
      nextSegment(journal);
      nextSegment(journal);
    }
    assert.equal(disk.openCount, 0);
  });

  it("refuses limits that cannot work", () => {
    assert.throws(() => resolveLimits({ segmentSize: 4096 }), { code: "EINVAL" });
    assert.throws(() => resolveLimits({ segmentSize: 10_000 }), { code: "EINVAL" });
    assert.throws(() => resolveLimits({ totalSizeMax: 128 * 1024 * 1024 }), { code: "EINVAL" });
    assert.equal(resolveLimits().unflushedSizeMax, 32 * 1024 * 1024);
  });
});
