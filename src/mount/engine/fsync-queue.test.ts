import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { MessagePort } from "node:worker_threads";
import { appendText, journalOptions, newDisk } from "../../../test/support/journal-fixture.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import { Journal } from "../../journal/journal.ts";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { MemoryChannel } from "../../fuse/channel.ts";
import { DEFERRED_COUNT, DEFERRED_ENTRY_SIZE, DeferredTable } from "../deferred-table.ts";
import type { ToFlush } from "./engine-link.ts";
import { FsyncQueue } from "./fsync-queue.ts";

type FlushOrder = Extract<ToFlush, { kind: "flush" }>;

let journal: Journal;
let orders: FlushOrder[];
let answers: string[];
let channel: MemoryChannel;
let clock: ManualClock;
let deferred: DeferredTable;
let queue: FsyncQueue;

beforeEach(() => {
  clock = new ManualClock();
  journal = Journal.create(journalOptions(newDisk()));
  orders = [];
  answers = [];
  channel = new MemoryChannel();
  deferred = new DeferredTable(new ArrayBuffer(DEFERRED_COUNT * DEFERRED_ENTRY_SIZE), 0);
  queue = newQueue("disk");
});

function newQueue(level: "memory" | "disk"): FsyncQueue {
  return new FsyncQueue({
    journal,
    port: { postMessage: (order: FlushOrder) => orders.push(order) } as unknown as MessagePort,
    deferred,
    channel,
    clock,
    level,
  });
}

/** By a client of its own, unless `pid` says whose it is. */
function fsync(unique: number, pid = unique): void {
  const request = { uniqueLow: unique, uniqueHigh: 0, opcode: 20, nodeid: 1, pid } as Request;
  const reply = {
    defer: () => void answers.push("later"),
    empty: () => void answers.push("now"),
  };
  queue.fsync(request, reply as unknown as Reply);
}

/** So many requests are served while an FSYNC waits. */
function serve(count: number): void {
  for (let i = 0; i < count; i++) queue.served();
}

const waitersOf = (order: FlushOrder | undefined): number[] =>
  (order?.waiters ?? []).map((waiter) => waiter.uniqueLow);

/** Uniques of what this thread answered with success. */
function answered(): number[] {
  return channel.replies.map((bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert.deepEqual([view.getUint32(0, true), view.getInt32(4, true)], [16, 0]);
    return view.getUint32(8, true);
  });
}

describe("an FSYNC", () => {
  it("is answered at once when nothing is unflushed", () => {
    fsync(1);
    assert.deepEqual(answers, ["now"]);
  });

  it("stands in the deferred table until the device is empty, and is answered after a flush", () => {
    appendText(journal, "a");
    fsync(1);
    assert.deepEqual([answers, answered(), deferred.count], [["later"], [], 1]);
    queue.deviceEmpty();
    assert.deepEqual([answered(), deferred.count], [[1], 0]);
    assert.equal(journal.flushedJsn, journal.lastJsn);
    assert.equal(orders.length, 0);
  });

  it("at level memory is answered at once, and flushes nothing", () => {
    queue = newQueue("memory");
    appendText(journal, "a");
    fsync(1);
    queue.deviceEmpty();
    queue.settle();
    assert.deepEqual([answers, orders.length], [["now"], 0]);
    assert.notEqual(journal.flushedJsn, journal.lastJsn);
  });

  it("shares its flush with all that came meanwhile", () => {
    appendText(journal, "a");
    fsync(1);
    fsync(2);
    queue.deviceEmpty();
    assert.deepEqual(answered(), [1, 2]);
  });

  it("waits for another client that flushed just before", () => {
    appendText(journal, "a");
    fsync(1, 7);
    fsync(2, 8);
    queue.deviceEmpty();
    appendText(journal, "b");
    fsync(3, 7);
    assert.deepEqual([queue.deviceEmpty(), queue.idle(), answered()], [false, true, [1, 2]]);
    fsync(4, 8);
    assert.deepEqual([queue.deviceEmpty(), answered()], [true, [1, 2, 3, 4]]);
  });

  it("waits for nobody who has not flushed for two flushes", () => {
    appendText(journal, "a");
    fsync(1, 7);
    fsync(2, 8);
    queue.deviceEmpty();
    for (let i = 0; i < 2; i++) {
      appendText(journal, "b");
      fsync(3, 7);
      queue.settle();
    }
    appendText(journal, "c");
    fsync(5, 7);
    assert.equal(queue.deviceEmpty(), true);
  });

  it("waits less each time that others do not come, and tries again later", () => {
    const waited: number[] = [];
    for (let i = 0; i < 70; i++) {
      appendText(journal, "a");
      // Two clients that never meet.
      fsync(i, i % 2);
      const startedMs = clock.monotonicMs();
      if (!queue.deviceEmpty()) while (queue.idle()) clock.advance(0.0125);
      waited.push(clock.monotonicMs() - startedMs);
    }
    const steps = waited.slice(1, 5).map((ms) => Math.floor(ms / 0.05));
    assert.deepEqual(steps, [8, 4, 2, 1]);
    assert.ok(waited.slice(5, 68).every((ms) => ms === 0));
    assert.ok(waited.slice(68).some((ms) => ms > 0));
  });

  it("goes to the flush thread when other requests keep coming", () => {
    appendText(journal, "a");
    fsync(1);
    serve(15);
    assert.equal(orders.length, 0);
    serve(1);
    assert.deepEqual([orders.map(waitersOf), queue.isFlushing], [[[1]], true]);
    queue.receive({ kind: "flushed" });
    assert.deepEqual([journal.flushedJsn, queue.isFlushing], [journal.lastJsn, false]);
  });

  it("that comes during a flush waits for the next one", () => {
    appendText(journal, "a");
    fsync(1);
    serve(24);
    appendText(journal, "b");
    fsync(2);
    queue.deviceEmpty();
    queue.settle();
    serve(24);
    assert.deepEqual([orders.map(waitersOf), answered()], [[[1]], []]);
    queue.receive({ kind: "flushed" });
    assert.deepEqual(answered(), []);
    queue.settle();
    assert.deepEqual(answered(), [2]);
    assert.equal(journal.flushedJsn, journal.lastJsn);
  });

  it("that waits when a cut flushes everything is answered by an order without a ticket", () => {
    appendText(journal, "a");
    fsync(1);
    journal.flush();
    serve(24);
    assert.deepEqual(orders.map(waitersOf), [[1]]);
    assert.deepEqual(orders[0]?.ticket.fds, []);
    queue.receive({ kind: "flushed" });
    assert.equal(orders.length, 1);
  });

  it("is not counted as flushed by the report of an order that had no ticket", () => {
    appendText(journal, "a");
    fsync(1);
    journal.flush();
    serve(24);
    const jsn = appendText(journal, "b");
    fsync(2);
    queue.receive({ kind: "flushed" });
    assert.ok(journal.flushedJsn < jsn);
    serve(24);
    assert.deepEqual(orders.map(waitersOf), [[1], [2]]);
    queue.receive({ kind: "flushed" });
    assert.equal(journal.flushedJsn, jsn);
  });

  it("is flushed in place when no more can be deferred", () => {
    appendText(journal, "a");
    for (let i = 1; i <= DEFERRED_COUNT; i++) fsync(i);
    fsync(DEFERRED_COUNT + 1);
    assert.equal(answers.at(-1), "now");
    assert.equal(journal.flushedJsn, journal.lastJsn);
    queue.settle();
    assert.equal(answered().length, DEFERRED_COUNT);
  });

  it("is left to the flush thread for a while when the disk was slow four times in a row", () => {
    const flush = journal.flush.bind(journal);
    journal.flush = () => {
      clock.advance(5);
      flush();
    };
    for (let i = 1; i <= 4; i++) sync(i);
    assert.deepEqual([answered(), orders.length], [[1, 2, 3, 4], 0]);
    for (let i = 5; i < 5 + 32; i++) {
      sync(i);
      assert.deepEqual(waitersOf(orders.at(-1)), [i]);
      queue.receive({ kind: "flushed" });
    }
    sync(100);
    assert.deepEqual([answered(), orders.length], [[1, 2, 3, 4, 100], 32]);
  });
});

function sync(unique: number): void {
  appendText(journal, "a");
  fsync(unique);
  queue.settle();
}
