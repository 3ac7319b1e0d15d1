/**
 * What LTX files cost: checksums and LZ4 on pages of 4 KiB, writing, reading, compacting and restoring a database.
 *
 * The database is seeded: a third of its pages text-like, a third half noise, a third noise. Prints the hash of the restored
 * database (the same from run to run), then MB/s of database bytes. Restores go to a directory under the system's temporary
 * one and are flushed.
 * Run: node bench/ltx.bench.ts [--smoke]
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Prng } from "../src/core/prng.ts";
import { compactLtx } from "../src/ltx/compact.ts";
import { Crc64 } from "../src/ltx/crc64.ts";
import { LtxDecoder } from "../src/ltx/decoder.ts";
import { LtxEncoder } from "../src/ltx/encoder.ts";
import type { PageEncoding } from "../src/ltx/encoding.ts";
import type { LtxHeader } from "../src/ltx/header.ts";
import { compressBlock, decompressBlock, spanOf } from "../src/ltx/lz4-block.ts";
import { readWhole } from "../src/ltx/local-source.ts";
import type { RangedSource } from "../src/ltx/ranged-file.ts";
import { restoreChain, verifyLtxFile } from "../src/ltx/restore/restore-chain.ts";
import { XxHash32 } from "../src/ltx/xxhash32.ts";

const SEED = 64;
const PAGE_SIZE = 4096;
const isSmoke = process.argv.includes("--smoke");
const PAGE_COUNT = isSmoke ? 600 : 30_000;
const RUN_COUNT = isSmoke ? 1 : 5;
const WORDS = "invoice customer order shipped pending total amount date name the and of".split(" ");

const prng = new Prng(SEED);
const database = Buffer.alloc(PAGE_COUNT * PAGE_SIZE);
for (let page = 0; page < PAGE_COUNT; page++) fillPage(page);

function fillPage(page: number): void {
  const bytes = database.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  if (page % 3 === 2) {
    prng.fill(bytes);
    return;
  }
  const end = page % 3 === 1 ? PAGE_SIZE / 2 : PAGE_SIZE;
  for (let at = 0; at < end;) {
    at += bytes.write(`${WORDS[prng.below(WORDS.length)]!} ${prng.below(1000)} `, at, "latin1");
  }
  prng.fill(bytes.subarray(end));
}

function pageOf(pgno: number): Uint8Array {
  return database.subarray((pgno - 1) * PAGE_SIZE, pgno * PAGE_SIZE);
}

function headerOf(txid: number): LtxHeader {
  const none = { preApplyChecksum: 0n, walOffset: 0, walSize: 0, walSalt1: 0, walSalt2: 0 };
  const size = { pageSize: PAGE_SIZE, commit: PAGE_COUNT };
  return { flags: 2, minTxid: txid, maxTxid: txid, timestampMs: 0, nodeId: 0n, ...size, ...none };
}

function encode(txid: number, pageEncoding: PageEncoding, step = 1): Uint8Array {
  const encoder = new LtxEncoder(headerOf(txid), { pageEncoding });
  const pieces = [encoder.begin()];
  for (let pgno = 1; pgno <= PAGE_COUNT; pgno += step)
    pieces.push(encoder.page(pgno, pageOf(pgno)));
  pieces.push(...encoder.finish());
  return Buffer.concat(pieces);
}

function sourceOf(bytes: Uint8Array, name: string): RangedSource {
  const read = (offset: number, length: number): Promise<Uint8Array> =>
    Promise.resolve(Uint8Array.prototype.slice.call(bytes, offset, offset + length));
  return { name, size: bytes.length, read };
}

/** The best of some runs: on a shared machine the others say more about the neighbours. */
async function measure(name: string, size: number, act: () => unknown): Promise<void> {
  let best = Infinity;
  for (let i = 0; i < RUN_COUNT; i++) {
    const begin = performance.now();
    await act();
    best = Math.min(best, performance.now() - begin);
  }
  console.log(`${name}: ${(size / 1000 / best).toFixed(0)} MB/s`);
}

async function measurePrimitives(): Promise<void> {
  const { view } = spanOf(database);
  await measure("CRC-64", database.length, () => new Crc64().update(view, 0, database.length));
  await measure("xxHash32", database.length, () => new XxHash32().update(view, 0, database.length));
  const blocks: Uint8Array[] = [];
  await measure("LZ4 compress, pages", database.length, () => {
    blocks.length = 0;
    for (let pgno = 1; pgno <= PAGE_COUNT; pgno++) blocks.push(compressBlock(pageOf(pgno)));
  });
  const target = { ...spanOf(new Uint8Array(PAGE_SIZE + 8)), start: 0 };
  await measure("LZ4 decompress, pages", database.length, () => {
    for (const block of blocks) {
      target.at = 0;
      target.end = PAGE_SIZE;
      decompressBlock(spanOf(block), target);
    }
  });
}

function decode(bytes: Uint8Array): void {
  const decoder = new LtxDecoder({ name: "bench" });
  for (let at = 0; at < bytes.length; at += 65_536) {
    decoder.feed(bytes.subarray(at, at + 65_536));
    while (decoder.next() !== undefined);
  }
  decoder.finish();
}

async function measureFiles(pageEncoding: PageEncoding, directory: string): Promise<void> {
  const size = database.length;
  const name = `v3-${pageEncoding}`;
  await measure(`${name} write`, size, () => encode(1, pageEncoding));
  const file = sourceOf(encode(1, pageEncoding), "snapshot");
  const bytes = await file.read(0, file.size);
  console.log(`${name}: ${(bytes.length / size).toFixed(2)} of the database's size`);
  await measure(`${name} read, streaming`, size, () => decode(bytes));
  for (const threadCount of new Set([0, 1, Math.min(8, availableParallelism())])) {
    const threads = `${threadCount} threads`;
    await measure(`${name} verify, ${threads}`, size, () => verifyLtxFile(file, { threadCount }));
    const path = join(directory, "restored.db");
    await measure(`${name} restore, ${threads}`, size, () =>
      restoreChain([file], { path, threadCount, overwrite: true }),
    );
    const hash = createHash("sha256").update(readFileSync(path)).digest("hex");
    console.log(`sha256 restored: ${hash.slice(0, 16)}`);
  }
  const increment = sourceOf(encode(2, pageEncoding, 10), "increment");
  await measure(`${name} compact snapshot and tenth`, size, async () => {
    const inputs = [file, increment].map((source) => ({
      name: source.name,
      bytes: readWhole(source),
    }));
    for await (const piece of compactLtx(inputs, { pageEncoding })) void piece;
  });
}

const directory = mkdtempSync(join(tmpdir(), "shoal-bench-"));
try {
  console.log(`database: ${PAGE_COUNT} pages of ${PAGE_SIZE}`);
  await measurePrimitives();
  for (const pageEncoding of ["frame", "block"] as const) {
    await measureFiles(pageEncoding, directory);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
