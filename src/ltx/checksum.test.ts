import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EMPTY_DATABASE_CHECKSUM, formatChecksum, PageChecksum, togglePage } from "./checksum.ts";
import { spanOf } from "./lz4-block.ts";

const page = new PageChecksum();

function checksumOf(pgno: number): bigint {
  const { view } = spanOf(new Uint8Array(512).fill(pgno));
  return page.of(pgno, view, { at: 0, size: 512 });
}

describe("page and database checksums", () => {
  it("are those of the Go library", () => {
    const expected = ["e4e4aaa102377eee", "c9c9554231044ddd", "c2d2001cdfeaa333"];
    assert.deepEqual(
      [1, 2, 3].map((pgno) => formatChecksum(checksumOf(pgno))),
      expected,
    );
    const all = [1, 2, 3].map(checksumOf).reduce(togglePage, EMPTY_DATABASE_CHECKSUM);
    assert.equal(formatChecksum(all), "efffffffecd99000");
  });

  it("take pages in any order, and give them back", () => {
    const [one, two] = [checksumOf(1), checksumOf(2)];
    const both = togglePage(togglePage(EMPTY_DATABASE_CHECKSUM, two), one);
    assert.equal(both, togglePage(togglePage(EMPTY_DATABASE_CHECKSUM, one), two));
    assert.equal(togglePage(togglePage(both, two), one), EMPTY_DATABASE_CHECKSUM);
  });
});
