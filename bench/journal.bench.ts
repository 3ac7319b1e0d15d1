/**
 * What the journal costs on this disk: appends a second, and the flush of a record in recycled and in fresh space.
 *
 * Run: node bench/journal.bench.ts [--full] [--dir=<directory on the disk to measure>]. Without --full a smoke size, which
 * only shows that it runs. Timed by hand and not by mitata: the work is I/O whose cost depends on how far the file is
 * written, so each figure is one run of a fixed amount. Prints the hash of the records, the same for every run of a size.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "../src/core/crc.ts";
import { Prng } from "../src/core/prng.ts";
import { NodeDisk } from "../src/journal/disk.ts";
import { Journal, JournalScratch, type WriteFields } from "../src/journal/journal.ts";
import { emptyWriteArgs, WRITE_HEADER_SIZE } from "../src/journal/record.ts";

const isFull = process.argv.includes("--full");
const directory = process.argv.find((arg) => arg.startsWith("--dir="))?.slice(6) ?? tmpdir();
const scale = isFull ? 1 : 0.02;
const disk = new NodeDisk();
const prng = new Prng(1);
let hash = 0;

function open(root: string, name: string): Journal {
  return Journal.create({
    disk,
    dir: join(root, name),
    uuid: new Uint8Array(16),
    random: prng,
    limits: { unflushedSizeMax: 64 * 1024 * 1024 },
  });
}

/** Drops what is behind, so that the journal goes round in recycled files. */
function drain(journal: Journal): void {
  journal.flush();
  journal.dropBefore(journal.lastJsn + 1);
}

function report(name: string, count: number, elapsedMs: number, size: number): void {
  const rate = Math.round((count / elapsedMs) * 1000).toLocaleString("en");
  const speed = ((count * size) / elapsedMs / 1000).toFixed(0);
  const each = ((elapsedMs / count) * 1000).toFixed(2);
  console.log(
    `${name.padEnd(34)} ${rate.padStart(10)} /s ${each.padStart(9)} us ${speed.padStart(6)} MB/s`,
  );
}

function benchAppend(root: string): void {
  using journal = open(root, "append");
  const scratch = new JournalScratch();
  const payload = Uint8Array.from({ length: 54 }, (_, i) => i);
  const fields = { kind: 7, version: 1, unique: 0, connection: 1 };
  const count = Math.round(500_000 * scale);
  for (let round = 0; round < 2; round++) {
    const begin = performance.now();
    for (let i = 0; i < count; i++) {
      scratch.reset();
      scratch.uvarint(i & 0x7f);
      scratch.bytes(payload);
      fields.unique = i;
      if (journal.reserve(scratch.length) !== "ok") drain(journal);
      journal.append(fields, scratch);
    }
    if (round === 1) report("append 100-byte record", count, performance.now() - begin, 100);
    hash = crc32(scratch.payload(), hash);
    drain(journal);
  }
}

function benchWrite(root: string, dataLength: number, total: number): void {
  using journal = open(root, `write-${dataLength}`);
  const spareSize = 4096;
  const buffer = new Uint8Array(WRITE_HEADER_SIZE + dataLength + spareSize);
  for (let i = 0; i < buffer.length; i++) buffer[i] = prng.u32() & 0xff;
  const write: WriteFields = {
    ...emptyWriteArgs(),
    ino: 1,
    dataLength,
    unique: 0,
    connection: 1,
    spareSize,
  };
  const count = Math.ceil((total * scale) / dataLength);
  for (let round = 0; round < 2; round++) {
    // Flushes are timed on their own: here they run between the rounds, or when a limit asks for one.
    const begin = performance.now();
    for (let i = 0; i < count; i++) {
      write.offset = i * dataLength;
      if (journal.reserveWrite(dataLength) !== "ok") throw new Error("the journal is full");
      journal.appendWrite(write, buffer, 0);
    }
    if (round === 1)
      report(`append ${dataLength}-byte WRITE`, count, performance.now() - begin, dataLength);
    hash = crc32(buffer, hash);
    drain(journal);
  }
}

/** Flushes 4 KiB records one by one into a file that was written before, and into one that only has a size. */
function benchFlush(root: string): void {
  const count = Math.ceil(2000 * scale);
  const recordSize = 4096 + WRITE_HEADER_SIZE;
  const size = count * recordSize;
  const record = new Uint8Array(recordSize).fill(7);
  const medians: number[] = [];
  for (const kind of ["recycled", "fresh"]) {
    const fd = disk.open(join(root, kind), "create");
    if (kind === "recycled") disk.write(fd, new Uint8Array(size), 0, size, 0);
    else disk.write(fd, Uint8Array.of(0), 0, 1, size - 1);
    disk.datasync(fd);
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const begin = performance.now();
      disk.write(fd, record, 0, recordSize, i * recordSize);
      disk.datasync(fd);
      times.push(performance.now() - begin);
    }
    disk.close(fd);
    const median = times.toSorted((a, b) => a - b)[count >> 1]!;
    medians.push(median);
    console.log(
      `write 4 KiB + fdatasync, ${kind.padEnd(8)}  median ${(median * 1000).toFixed(0)} us`,
    );
  }
  console.log(`fresh / recycled                    ${(medians[1]! / medians[0]!).toFixed(2)}`);
}

const root = mkdtempSync(join(directory, "shoal-journal-bench-"));
try {
  benchAppend(root);
  benchWrite(root, 4096, 400 * 1024 * 1024);
  benchWrite(root, 1024 * 1024, 400 * 1024 * 1024);
  benchFlush(root);
  console.log(`hash ${hash.toString(16).padStart(8, "0")}`);
} finally {
  rmSync(root, { recursive: true });
}
