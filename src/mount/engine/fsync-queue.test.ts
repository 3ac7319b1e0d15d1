import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { MessagePort } from "node:worker_threads";
import { appendText, journalOptions, newDisk } from "../../../test/support/journal-fixture.ts";
import type { Reply } from "../../fuse/reply.ts";
import type { Request } from "../../fuse/request.ts";
import { Journal } from "../../journal/journal.ts";
import { DEFERRED_COUNT, DEFERRED_ENTRY_SIZE, DeferredTable } from "../deferred-table.ts";
import type { ToFlush } from "./engine-link.ts";
import { FsyncQueue } from "./fsync-queue.ts";

type FlushOrder = Extract<ToFlush, { kind: "flush" }>;

let journal: Journal;
let orders: FlushOrder[];
let answers: string[];
let isBusy: boolean;
let queue: FsyncQueue;

beforeEach(() => {
  journal = Journal.create(journalOptions(newDisk()));
  orders = [];
  answers = [];
  isBusy = true;
  queue = newQueue("disk");
});

function newQueue(level: "memory" | "disk"): FsyncQueue {
  return new FsyncQueue({
    journal,
    port: { postMessage: (order: FlushOrder) => orders.push(order) } as unknown as MessagePort,
    deferred: new DeferredTable(new ArrayBuffer(DEFERRED_COUNT * DEFERRED_ENTRY_SIZE), 0),
    isBusy: () => isBusy,
    level,
  });
}

function fsync(unique: number): void {
  const request = { uniqueLow: unique, uniqueHigh: 0, opcode: 20, nodeid: 1 } as Request;
  const reply = {
    defer: () => void answers.push("later"),
    empty: () => void answers.push("now"),
  };
  queue.fsync(request, reply as unknown as Reply);
}

const waitersOf = (order: FlushOrder | undefined): number[] =>
  (order?.waiters ?? []).map((waiter) => waiter.uniqueLow);

describe("an FSYNC", () => {
  it("is answered at once when nothing is unflushed, and flushes in place when nobody waits", () => {
    fsync(1);
    appendText(journal, "a");
    isBusy = false;
    fsync(2);
    assert.deepEqual(answers, ["now", "now"]);
    assert.equal(journal.flushedJsn, journal.lastJsn);
    assert.equal(orders.length, 0);
  });

  it("at level memory is answered at once, and flushes nothing", () => {
    queue = newQueue("memory");
    appendText(journal, "a");
    for (isBusy of [true, false]) fsync(1);
    assert.deepEqual(answers, ["now", "now"]);
    assert.notEqual(journal.flushedJsn, journal.lastJsn);
    assert.equal(orders.length, 0);
  });

  it("that comes during a flush waits for the next one", () => {
    appendText(journal, "a");
    fsync(1);
    appendText(journal, "b");
    fsync(2);
    assert.deepEqual([orders.map(waitersOf), queue.isFlushing], [[[1]], true]);
    queue.receive({ kind: "flushed" });
    assert.deepEqual([orders.map(waitersOf), queue.isFlushing], [[[1], [2]], true]);
    assert.equal(orders[1]?.ticket.upToJsn, journal.lastJsn);
    queue.receive({ kind: "flushed" });
    assert.deepEqual([journal.flushedJsn, queue.isFlushing], [journal.lastJsn, false]);
  });

  it("that waits when a cut flushes everything is answered by an order without a ticket", () => {
    appendText(journal, "a");
    fsync(1);
    appendText(journal, "b");
    fsync(2);
    journal.flush();
    queue.receive({ kind: "flushed" });
    assert.deepEqual(orders.map(waitersOf), [[1], [2]]);
    assert.deepEqual(orders[1]?.ticket.fds, []);
    queue.receive({ kind: "flushed" });
    assert.equal(orders.length, 2);
  });

  it("is not counted as flushed by the report of an order that had no ticket", () => {
    appendText(journal, "a");
    fsync(1);
    fsync(2);
    journal.flush();
    queue.receive({ kind: "flushed" });
    const jsn = appendText(journal, "c");
    fsync(3);
    assert.deepEqual(orders.map(waitersOf), [[1], [2]]);
    queue.receive({ kind: "flushed" });
    assert.ok(journal.flushedJsn < jsn);
    assert.deepEqual(waitersOf(orders[2]), [3]);
    queue.receive({ kind: "flushed" });
    assert.equal(journal.flushedJsn, jsn);
  });
});
