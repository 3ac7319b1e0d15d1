import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { appendData, appendText, JOURNAL_UUID } from "../../test/support/journal-fixture.ts";
import { NodeDisk } from "./disk.ts";
import { Journal, type JournalOptions } from "./journal.ts";
import { recover } from "./recovery.ts";
import { prepareSpare } from "./spare.ts";
import { systemRandom } from "./system-random.ts";

const root = mkdtempSync(join(tmpdir(), "shoal-journal-"));
after(() => rmSync(root, { recursive: true }));

/** Runs `code` in a worker that has `disk`, `runFlush` and `prepareSpare`, and waits for its end. */
async function inWorker(code: string, data: unknown): Promise<void> {
  const here = new URL(".", import.meta.url).href;
  const script = `
    const { NodeDisk } = await import("${here}disk.ts");
    const { runFlush } = await import("${here}flush-ticket.ts");
    const { prepareSpare } = await import("${here}spare.ts");
    const { workerData } = await import("node:worker_threads");
    const disk = new NodeDisk();
    ${code}`;
  const url = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
  const worker = new Worker(url, { workerData: data });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => resolve());
  });
}

function options(name: string): JournalOptions {
  const segmentSize = 65_536;
  return {
    disk: new NodeDisk(),
    dir: join(root, name),
    uuid: JOURNAL_UUID,
    random: systemRandom,
    limits: { segmentSize, totalSizeMax: 6 * segmentSize },
  };
}

describe("NodeDisk", () => {
  it("carries a journal through appends, flushes, recycling and recovery", () => {
    const journalOptions = options("whole");
    const journal = Journal.create(journalOptions);
    for (let i = 0; i < 100; i++) {
      appendData(journal, new Uint8Array(5000).fill(i), i);
      if (i % 5 === 0) journal.flush();
      if (i % 5 === 0) journal.dropBefore(i);
    }
    journal[Symbol.dispose]();
    const seen: number[] = [];
    const visitor = {
      operation: () => assert.fail(),
      write: (header: { jsn: number }) => void seen.push(header.jsn),
    };
    const recovered = recover({ ...journalOptions, fromJsn: 95, flushedJsnKnown: 95 }, visitor);
    assert.deepEqual(seen, [95, 96, 97, 98, 99, 100]);
    assert.equal(appendText(recovered.journal, "on"), 101);
    recovered.journal[Symbol.dispose]();
  });

  it("lets a worker thread flush and prepare spares while the engine appends", async () => {
    using journal = Journal.create(options("worker"));
    appendText(journal, "one");
    const ticket = journal.beginFlush();
    const order = journal.wantSpare();
    assert.ok(ticket !== undefined && order !== undefined);
    const data = { ticket, order };
    const done = inWorker(
      "runFlush(disk, workerData.ticket); prepareSpare(disk, workerData.order);",
      data,
    );
    appendText(journal, "two");
    await done;
    journal.completeFlush();
    journal.spareReady(order);
    assert.equal(journal.flushedJsn, 1);
    assert.equal(journal.wantSpare(), undefined);
  });

  it("says with the system's own code what failed, and where", () => {
    const disk = new NodeDisk();
    const missing = join(root, "missing");
    assert.throws(() => disk.open(missing, "read"), { name: "FsError", code: "ENOENT", errno: -2 });
    assert.throws(() => disk.rename(missing, root), { code: "ENOENT" });
    assert.throws(() => disk.unlink(missing), { code: "ENOENT" });
    assert.throws(() => disk.list(missing), { code: "ENOENT" });
    assert.throws(() => disk.syncDirectory(missing), { code: "ENOENT" });
    assert.throws(() => disk.makeDirectory(join(missing, "deeper")), { code: "ENOENT" });
    const fd = disk.open(join(root, "file"), "create");
    disk.write(fd, Uint8Array.of(1, 2, 3), 1, 2, 5);
    assert.equal(disk.size(fd), 7);
    const into = new Uint8Array(4);
    assert.equal(disk.read(fd, into, 1, 3, 5), 2, "short at the end of the file");
    assert.deepEqual(into, Uint8Array.of(0, 2, 3, 0));
    const other = disk.open(join(root, "file"), "read");
    assert.equal(disk.inode(fd), disk.inode(other));
    assert.throws(() => disk.write(other, into, 0, 4, 0), { code: "EBADF" });
    disk.close(other);
    disk.close(fd);
    assert.throws(() => disk.datasync(fd), { code: "EBADF" });
    assert.throws(() => disk.open(join(root, "file"), "create"), { code: "EEXIST" });
  });

  it("leaves nothing behind when a spare cannot be made", () => {
    const disk = new NodeDisk();
    const order = { dir: root, number: 1, size: 100_000 };
    prepareSpare(disk, order);
    assert.equal(disk.list(root).filter((name) => name.startsWith("spare-")).length, 1);
    const full = new NodeDisk();
    full.write = () => {
      throw new Error("full");
    };
    assert.throws(() => prepareSpare(full, { ...order, number: 2 }), { message: "full" });
    assert.equal(disk.list(root).filter((name) => name.startsWith("spare-")).length, 1);
  });
});
