import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import * as fc from "fast-check";
import { CorruptError } from "../../core/fs-error.ts";
import { Prng } from "../../core/prng.ts";
import type { LtxHeader } from "../header.ts";
import type { RangedSource } from "../ranged-file.ts";
import { restoreChain, verifyLtxFile } from "./restore-chain.ts";
import {
  decodeLtx,
  encodeLtx,
  filledPage,
  headerOf,
  LTX_VECTORS,
  type Page,
} from "../../../test/support/ltx-fixture.ts";

function sourceOf(bytes: Uint8Array, name = "a.ltx"): RangedSource {
  return {
    name,
    size: bytes.length,
    read(offset, length) {
      assert.ok(offset >= 0 && length >= 0 && offset + length <= bytes.length);
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

/** Pages that compress to about a half. */
function noisyPages(count: number, pageSize: number, seed: number): Page[] {
  const prng = new Prng(seed);
  return Array.from({ length: count }, (_, i) => {
    const data = new Uint8Array(pageSize);
    prng.fill(data.subarray(0, pageSize / 2));
    return { pgno: i + 1, data };
  });
}

function databaseOf(pages: readonly Page[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pages.map(({ data }) => data)));
}

function increment(txid: number, commit: number, fields: Partial<LtxHeader> = {}): LtxHeader {
  return headerOf({ minTxid: txid, maxTxid: txid, commit, ...fields });
}

describe("restoring a database from LTX files", () => {
  let directory: string;
  let path: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "shoal-restore-"));
    path = join(directory, "a.db");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const snapshot = (commit: number, name = "snapshot.ltx"): RangedSource =>
    sourceOf(
      encodeLtx(
        headerOf({ commit }),
        Array.from({ length: commit }, (_, i) => filledPage(i + 1)),
      ),
      name,
    );

  async function refuses(files: readonly RangedSource[], expected: object): Promise<void> {
    await assert.rejects(restoreChain(files, { path }), expected);
    assert.deepEqual(readdirSync(directory), []);
  }

  it("gives the same with every number of threads, for files of many segments", async () => {
    const pages = noisyPages(2000, 1024, 1);
    const changed = noisyPages(2300, 1024, 2).filter(({ pgno }) => pgno % 7 === 0 || pgno > 2000);
    for (const pageEncoding of ["frame", "block"] as const) {
      const first = headerOf({ pageSize: 1024, commit: 2000 });
      const second = increment(2, 2300, { pageSize: 1024 });
      const files = [
        sourceOf(encodeLtx(first, pages, { pageEncoding })),
        sourceOf(encodeLtx(second, changed, { pageEncoding })),
      ];
      const expected = new Map([...pages, ...changed].map((page) => [page.pgno, page]));
      for (const threadCount of [0, 2]) {
        const result = await restoreChain(files, { path, threadCount, overwrite: true });
        assert.equal(result.size, 2300 * 1024);
        const database = databaseOf([...expected.values()]);
        assert.ok(readFileSync(path).equals(database), `${pageEncoding} ${threadCount}`);
        for (const file of files) await verifyLtxFile(file, { threadCount });
      }
    }
  });

  it("gives what a plain model gives, for any history", async () => {
    const histories = fc.array(
      fc.record({
        commit: fc.integer({ min: 1, max: 9 }),
        touched: fc.uniqueArray(fc.integer({ min: 1, max: 9 })),
      }),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const database = new Map([1, 2, 3].map((pgno) => [pgno, pgno]));
        let commit = 3;
        const files = [snapshot(3)];
        for (const [i, step] of history.entries()) {
          const grown = Array.from({ length: 9 }, (_, at) => at + 1).filter((p) => p > commit);
          const touched = new Set([...step.touched, ...grown]);
          const pgnos = [...touched]
            .filter((pgno) => pgno <= step.commit)
            .toSorted((a, b) => a - b);
          for (const pgno of pgnos) database.set(pgno, 100 + i);
          commit = step.commit;
          const pages = pgnos.map((pgno) => filledPage(pgno, 100 + i));
          files.push(sourceOf(encodeLtx(increment(i + 2, commit), pages)));
        }
        await restoreChain(files, { path, overwrite: true });
        const expected = Array.from({ length: commit }, (_, i) =>
          filledPage(i + 1, database.get(i + 1)),
        );
        assert.deepEqual(new Uint8Array(readFileSync(path)), databaseOf(expected));
      }),
      { numRuns: 15 },
    );
  });

  it("reads the files of the first generation too", async () => {
    const { bytes } = LTX_VECTORS.at(-1)!;
    await restoreChain([sourceOf(bytes)], { path });
    assert.deepEqual(
      new Uint8Array(readFileSync(path)),
      databaseOf([filledPage(1), filledPage(2)]),
    );
    const changed = bytes.with(bytes.length - 1, 0);
    await assert.rejects(verifyLtxFile(sourceOf(changed)), /a.ltx: the file checksum is wrong/);
  });

  it("refuses what is no chain, and leaves nothing behind", async () => {
    const next = (txid: number): RangedSource =>
      sourceOf(encodeLtx(increment(txid, 3), [filledPage(2, 9)]), `${txid}.ltx`);
    await refuses([], { code: "EINVAL" });
    await refuses([next(2)], { message: /2.ltx: begins with TXID 0+2, and no snapshot/ });
    await refuses([snapshot(3), next(3)], { message: /3.ltx: .* does not follow snapshot.ltx/ });
    await refuses([snapshot(3), next(2), next(2)], { code: "EINVAL" });
    const grown = sourceOf(encodeLtx(increment(2, 5), [filledPage(5)]), "grown.ltx");
    await refuses([snapshot(3), grown], /grown.ltx: the database has 5 pages, but page 4 is in no/);
    const other = headerOf({ pageSize: 1024, minTxid: 2, maxTxid: 2 });
    const files = [snapshot(1), sourceOf(encodeLtx(other, []), "other.ltx")];
    await refuses(files, /other.ltx: pages of 1024 bytes behind 512 of snapshot.ltx/);
  });

  it("refuses every changed bit and every truncation of a file, and names it", async () => {
    for (const vector of [LTX_VECTORS[0]!, LTX_VECTORS[3]!, LTX_VECTORS[6]!]) {
      const { bytes, pages } = vector;
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)));
        try {
          await verifyLtxFile(sourceOf(changed));
          assert.deepEqual(decodeLtx(changed).pages, pages, `bit ${bit}`);
        } catch (error) {
          assert.ok(error instanceof CorruptError && error.message.startsWith("a.ltx: "));
        }
      }
      for (let length = 0; length < bytes.length; length++) {
        await assert.rejects(
          verifyLtxFile(sourceOf(bytes.subarray(0, length))),
          (error) => error instanceof CorruptError && error.message.startsWith("a.ltx: "),
        );
      }
      await refuses([sourceOf(bytes.subarray(1))], CorruptError);
    }
  });

  it("refuses a damaged segment on a thread as it does here", async () => {
    const bytes = encodeLtx(headerOf({ pageSize: 2048, commit: 900 }), noisyPages(900, 2048, 3));
    bytes[700_000]! ^= 1;
    for (const threadCount of [0, 2]) {
      await assert.rejects(
        restoreChain([sourceOf(bytes)], { path, threadCount }),
        (error) => error instanceof CorruptError && error.message.startsWith("a.ltx: "),
      );
    }
    assert.deepEqual(readdirSync(directory), []);
  });

  it("follows the checksums of the database where files carry them", async () => {
    const pages = [filledPage(1), filledPage(2)];
    const first = encodeLtx(headerOf({ flags: 0, commit: 2 }), pages);
    const pre = 0xad2d_ffe3_3333_3333n;
    const chain = (preApplyChecksum: bigint, postApply: bigint): RangedSource[] => {
      const header = increment(2, 1, { flags: 0, preApplyChecksum });
      return [sourceOf(first, "1.ltx"), sourceOf(encodeLtx(header, [], { postApply }), "2.ltx")];
    };
    await restoreChain(chain(pre, 0xe4e4_aaa1_0237_7eeen), { path, overwrite: true });
    rmSync(path);
    await refuses(chain(pre ^ 1n, 0xe4e4_aaa1_0237_7eeen), /2.ltx: was made for another database/);
    await refuses(chain(pre, 0xe4e4_aaa1_0237_7eefn), /2.ltx: the database's checksum is not/);
  });

  it("never touches a database that is there, nor one whose WAL is, unless told to", async () => {
    for (const name of ["a.db", "a.db-wal", "a.db-shm", "a.db-journal"]) {
      writeFileSync(join(directory, name), "mine");
      const expected = { code: "EEXIST", message: new RegExp(`${name} exists`, "u") };
      await assert.rejects(restoreChain([snapshot(1)], { path }), expected);
      if (name !== "a.db") {
        await assert.rejects(restoreChain([snapshot(1)], { path, overwrite: true }), expected);
      }
      assert.deepEqual(readdirSync(directory), [name]);
      assert.equal(readFileSync(join(directory, name), "utf8"), "mine");
      rmSync(join(directory, name));
    }
    writeFileSync(path, "mine");
    await restoreChain([snapshot(1)], { path, overwrite: true });
    assert.equal(readFileSync(path).length, 512);
  });

  it("stops when told to, and leaves nothing behind", async () => {
    const controller = new AbortController();
    const files = [snapshot(3), sourceOf(encodeLtx(increment(2, 3), [filledPage(1, 9)]))];
    const stopped = restoreChain(files, {
      path,
      signal: controller.signal,
      onFile: () => controller.abort(new Error("enough")),
    });
    await assert.rejects(stopped, /enough/);
    assert.deepEqual(readdirSync(directory), []);
  });

  it("says where it cannot write", async () => {
    const away = join(directory, "nowhere", "a.db");
    await assert.rejects(
      restoreChain([snapshot(1)], { path: away }),
      (error: { code: string; message: string }) =>
        error.code === "ENOENT" && error.message.startsWith(`${away}: `),
    );
  });
});
