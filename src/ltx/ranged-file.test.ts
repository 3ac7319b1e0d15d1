import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CorruptError } from "../core/fs-error.ts";
import { RangedLtxFile, type RangedSource, readLtxEnds } from "./ranged-file.ts";
import {
  encodeLtx,
  filledPage,
  headerOf,
  LTX_VECTORS,
  type Page,
} from "../../test/support/ltx-fixture.ts";

interface CountedSource extends RangedSource {
  readCount: number;
}

function sourceOf(bytes: Uint8Array): CountedSource {
  return {
    name: "a.ltx",
    size: bytes.length,
    readCount: 0,
    read(offset: number, length: number): Promise<Uint8Array> {
      assert.ok(offset >= 0 && length > 0 && offset + length <= bytes.length);
      this.readCount++;
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

function manyPages(count: number): Page[] {
  return Array.from({ length: count }, (_, i) => filledPage(i + 1, i * 7));
}

describe("reading single pages of an LTX file", () => {
  it("gives every page of every file that has an index, and no other", async () => {
    for (const { name, bytes, header, pages } of LTX_VECTORS) {
      const source = sourceOf(bytes);
      assert.deepEqual((await readLtxEnds(source)).header, header, name);
      if (name.includes("first generation")) {
        await assert.rejects(RangedLtxFile.open(source), { code: "EOPNOTSUPP" });
        continue;
      }
      const file = await RangedLtxFile.open(source);
      assert.deepEqual(
        [...file.index].map(({ pgno }) => pgno),
        pages.map(({ pgno }) => pgno),
      );
      for (const { pgno, data } of pages) assert.deepEqual(await file.readPage(pgno), data);
      assert.equal(await file.readPage(4), undefined);
    }
  });

  it("reads the ends at once, and a page with one read", async () => {
    const pages = manyPages(20);
    const source = sourceOf(encodeLtx(headerOf({ commit: 20 }), pages));
    const file = await RangedLtxFile.open(source);
    assert.equal(source.readCount, 2);
    assert.deepEqual(await file.readPage(17), pages[16]!.data);
    assert.equal(source.readCount, 3);
  });

  it("reads an index that is larger than the tail with one read more", async () => {
    const pages = manyPages(9000);
    const source = sourceOf(
      encodeLtx(headerOf({ commit: 9000 }), pages, { pageEncoding: "block" }),
    );
    const file = await RangedLtxFile.open(source);
    assert.equal(source.readCount, 3);
    assert.equal(file.index.count, 9000);
    assert.deepEqual(await file.readPage(8999), pages[8998]!.data);
  });

  it("refuses a page that is not where the index says, an index larger than its file, and truncations", async () => {
    const { bytes } = LTX_VECTORS[2]!;
    const moved = bytes.slice();
    moved[103] = 1;
    const file = await RangedLtxFile.open(sourceOf(moved));
    await assert.rejects(file.readPage(2), /a.ltx: page 2 is not where the page index says/);
    const large = bytes.slice();
    large[bytes.length - 18] = 1;
    await assert.rejects(RangedLtxFile.open(sourceOf(large)), /larger than its file/);
    for (let length = 0; length < bytes.length; length++) {
      await assert.rejects(
        RangedLtxFile.open(sourceOf(bytes.subarray(0, length))),
        (error) => error instanceof CorruptError && error.message.startsWith("a.ltx: "),
      );
    }
  });

  it("refuses a page that does not decode", async () => {
    const { bytes } = LTX_VECTORS[3]!;
    const changed = bytes.slice();
    changed[120]! ^= 4;
    const file = await RangedLtxFile.open(sourceOf(changed));
    await assert.rejects(file.readPage(1), CorruptError);
  });
});
