import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { CorruptError } from "../core/fs-error.ts";
import { compactLtx, type CompactOptions, type LtxInput } from "./compact.ts";
import type { LtxHeader } from "./header.ts";
import {
  decodeLtx,
  encodeLtx,
  filledPage,
  headerOf,
  type LtxContent,
  type Page,
} from "../../test/support/ltx-fixture.ts";

const FLAG = 1n << 63n;

interface File {
  readonly header: LtxHeader;
  readonly pages: readonly Page[];
}

function inputOf(bytes: Uint8Array, name: string): LtxInput & { isClosed: boolean } {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < bytes.length; at += 97) yield bytes.subarray(at, at + 97);
    } finally {
      input.isClosed = true;
    }
  }
  const input = { name, bytes: chunks(), isClosed: false };
  return input;
}

async function collect(inputs: readonly LtxInput[], options?: CompactOptions): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of compactLtx(inputs, options)) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

async function compact(files: readonly File[], options?: CompactOptions): Promise<LtxContent> {
  const inputs = files.map((file, i) => inputOf(encodeLtx(file.header, file.pages), `file ${i}`));
  return decodeLtx(await collect(inputs, options));
}

function increment(txids: readonly [number, number], commit: number, pages: readonly Page[]): File {
  const [minTxid, maxTxid] = txids;
  return { header: headerOf({ minTxid, maxTxid, commit, timestampMs: maxTxid * 10 }), pages };
}

const snapshot: File = {
  header: headerOf({ commit: 3, maxTxid: 4 }),
  pages: [filledPage(1), filledPage(2), filledPage(3)],
};

describe("compacting LTX files", () => {
  it("keeps the newest version of each page, up to the last commit", async () => {
    const merged = await compact([
      snapshot,
      increment([5, 5], 5, [filledPage(2, 50), filledPage(4, 50), filledPage(5, 50)]),
      increment([5, 7], 4, [filledPage(1, 70), filledPage(4, 70)]),
    ]);
    assert.deepEqual(merged.header, headerOf({ commit: 4, maxTxid: 7, timestampMs: 70 }));
    assert.deepEqual(merged.pages, [
      filledPage(1, 70),
      filledPage(2, 50),
      filledPage(3),
      filledPage(4, 70),
    ]);
  });

  it("does what applying one file after the other does", async () => {
    const histories = fc.array(
      fc.record({
        commit: fc.integer({ min: 1, max: 12 }),
        touched: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(histories, fc.boolean(), async (history, block) => {
        const expected = new Map<number, number>();
        const files = history.map(({ commit, touched }, i) => {
          const pages = touched.filter((pgno) => pgno <= commit).toSorted((a, b) => a - b);
          for (const pgno of pages) expected.set(pgno, i + 1);
          return increment(
            [i + 2, i + 2],
            commit,
            pages.map((pgno) => filledPage(pgno, i + 1)),
          );
        });
        const { commit } = history.at(-1)!;
        const pages = [...expected]
          .filter(([pgno]) => pgno <= commit)
          .toSorted(([a], [b]) => a - b);
        const merged = await compact(files, { pageEncoding: block ? "block" : "frame" });
        assert.deepEqual(
          merged.pages,
          pages.map(([pgno, byte]) => filledPage(pgno, byte)),
        );
      }),
    );
  });

  it("carries checksums only when asked to, and only from files that have them", async () => {
    const tracked = encodeLtx({ ...snapshot.header, flags: 0 }, snapshot.pages);
    const post = decodeLtx(tracked).trailer.postApplyChecksum;
    const header = headerOf({
      ...{ flags: 0, minTxid: 5, maxTxid: 5, commit: 1, preApplyChecksum: post },
    });
    const next = encodeLtx(header, [], { postApply: 0xe4e4_aaa1_0237_7eeen });
    const inputs = (): LtxInput[] => [inputOf(tracked, "one"), inputOf(next, "two")];
    const without = decodeLtx(await collect(inputs()));
    assert.equal(without.header.flags, 2);
    assert.equal(without.trailer.postApplyChecksum, 0n);
    const { header: kept, trailer } = decodeLtx(await collect(inputs(), { trackChecksums: true }));
    assert.equal(kept.flags, 0);
    assert.equal(trailer.postApplyChecksum, 0xe4e4_aaa1_0237_7eeen);
    const increments = [increment([2, 2], 1, [])];
    await assert.rejects(compact(increments, { trackChecksums: true }), {
      code: "EINVAL",
      message: /file 0: tracks no checksums/,
    });
    const wrong = encodeLtx(header, [], { postApply: FLAG | 1n });
    await assert.rejects(
      collect([inputOf(tracked, "one"), inputOf(wrong, "two")], { trackChecksums: true }),
      /one to two: together they make no LTX file/,
    );
  });

  it("refuses gaps, files that add nothing, other page sizes, and nothing at all", async () => {
    const cases: readonly (readonly [RegExp, readonly File[]])[] = [
      [/file 1: does not follow file 0/, [snapshot, increment([6, 6], 3, [])]],
      [/file 1: does not follow file 0/, [snapshot, increment([2, 4], 3, [])]],
      [/file 1: does not follow file 0/, [increment([5, 5], 3, []), snapshot]],
      [/no file to compact/, []],
      [
        /file 1: pages of 1024 bytes behind 512 of file 0/,
        [snapshot, { header: headerOf({ minTxid: 5, maxTxid: 5, pageSize: 1024 }), pages: [] }],
      ],
    ];
    for (const [message, files] of cases) {
      await assert.rejects(compact(files), { code: "EINVAL", message });
    }
  });

  it("refuses a snapshot that grew without its pages", async () => {
    await assert.rejects(
      compact([snapshot, increment([5, 5], 5, [filledPage(5)])]),
      /file 0 to file 1: together they make no LTX file/,
    );
  });

  it("refuses a damaged input, names it, and lets go of all of them", async () => {
    const good = encodeLtx(snapshot.header, snapshot.pages);
    for (const damage of [
      (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1),
      (bytes: Uint8Array) => bytes.subarray(0, 50),
      (bytes: Uint8Array) => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1),
    ]) {
      const inputs = [
        inputOf(good, "good"),
        inputOf(damage(encodeLtx(increment([5, 5], 3, []).header, [])), "bad"),
      ];
      await assert.rejects(
        collect(inputs),
        (error) => error instanceof CorruptError && error.message.startsWith("bad: "),
      );
      assert.deepEqual(
        inputs.map((input) => input.isClosed),
        [true, true],
      );
    }
  });
});
