import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import type { PageEncoding } from "./encoding.ts";
import { LtxEncoder } from "./encoder.ts";
import { LTX_HEADER_SIZE } from "./header.ts";
import {
  decodeLtx,
  encodeLtx,
  filledPage,
  headerOf,
  LTX_VECTORS,
  type Page,
} from "../../test/support/ltx-fixture.ts";

const FLAG = 1n << 63n;
const ENCODINGS: readonly PageEncoding[] = ["frame", "block"];

/** Some pages, in a snapshot or in an increment. */
const contents = fc
  .record({
    isSnapshot: fc.boolean(),
    skips: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 12 }),
    seed: fc.nat(),
    pageSize: fc.constantFrom(512, 1024, 65_536),
  })
  .map(({ isSnapshot, skips, seed, pageSize }) => {
    let pgno = 0;
    const pages = skips.map((skip): Page => {
      pgno += isSnapshot ? 1 : skip;
      const data = new Uint8Array(pageSize).map((_, i) => (i % 3 === 0 ? i * pgno + seed : pgno));
      return { pgno, data };
    });
    const txid = isSnapshot ? 1 : 2;
    return { header: headerOf({ pageSize, commit: pgno, minTxid: txid, maxTxid: 9 }), pages };
  })
  .filter(({ header }) => header.commit > 0);

describe("writing an LTX file", () => {
  it("gives the bytes of the Go library but for what LZ4 leaves open", () => {
    for (const vector of LTX_VECTORS) {
      if (!vector.name.includes("LZ4") && vector.name !== "a deletion") continue;
      const pageEncoding = vector.name.includes("blocks") ? "block" : "frame";
      const postApply = vector.pages.length === 0 ? FLAG : undefined;
      const bytes = encodeLtx(vector.header, vector.pages, {
        pageEncoding,
        ...(postApply === undefined ? {} : { postApply }),
      });
      assert.deepEqual(
        bytes.subarray(0, LTX_HEADER_SIZE),
        vector.bytes.subarray(0, LTX_HEADER_SIZE),
      );
      const { trailer } = decodeLtx(bytes);
      const golden = decodeLtx(vector.bytes).trailer;
      assert.equal(trailer.postApplyChecksum, golden.postApplyChecksum, vector.name);
      // The checksum covers the lengths of compressed pages: equal when lz4-napi compresses as well as the Go library does.
      if (bytes.length === vector.bytes.length) assert.deepEqual(trailer, golden, vector.name);
    }
  });

  it("gives a deletion byte for byte", () => {
    const deletion = LTX_VECTORS.find(({ name }) => name === "a deletion")!;
    assert.deepEqual(encodeLtx(deletion.header, [], { postApply: FLAG }), deletion.bytes);
  });

  it("gives what is read back as it was, in both encodings", () => {
    fc.assert(
      fc.property(contents, fc.constantFrom(...ENCODINGS), ({ header, pages }, pageEncoding) => {
        const decoded = decodeLtx(encodeLtx(header, pages, { pageEncoding }));
        assert.deepEqual(decoded.header, header);
        assert.deepEqual(decoded.pages, pages);
      }),
    );
  });

  it("says how many bytes it gave", () => {
    const encoder = new LtxEncoder(headerOf());
    const pieces = [encoder.begin(), encoder.page(1, new Uint8Array(512)), ...encoder.finish()];
    assert.equal(encoder.size, Buffer.concat(pieces).length);
  });

  it("computes the checksum of a snapshot, and takes no other", () => {
    const { pages } = LTX_VECTORS[1]!;
    const header = headerOf({ flags: 0 });
    const { trailer } = decodeLtx(encodeLtx(header, pages));
    assert.equal(trailer.postApplyChecksum, 0xe4e4_aaa1_0237_7eeen);
    encodeLtx(header, pages, { postApply: 0xe4e4_aaa1_0237_7eeen });
    assert.throws(() => encodeLtx(header, pages, { postApply: FLAG | 1n }), { code: "EINVAL" });
  });

  it("refuses what would make a file that cannot be read", () => {
    const increment = headerOf({ commit: 9, minTxid: 2, maxTxid: 2 });
    const tracked = headerOf({ ...increment, flags: 0, preApplyChecksum: FLAG });
    const cases: readonly (readonly [RegExp, () => unknown])[] = [
      [/511 bytes instead of 512/, () => encodeLtx(headerOf(), [filledPage(1, 1, 511)])],
      [/above the database's 9 pages/, () => encodeLtx(increment, [filledPage(10)])],
      [/page 3 comes behind page 3/, () => encodeLtx(increment, [filledPage(3), filledPage(3)])],
      [/page 2 comes behind page 3/, () => encodeLtx(increment, [filledPage(3), filledPage(2)])],
      [/no page number/, () => encodeLtx(increment, [filledPage(0)])],
      [/no page number/, () => encodeLtx(increment, [filledPage(1.5, 1)])],
      [/goes on with page 2/, () => encodeLtx(headerOf({ commit: 3 }), [filledPage(2)])],
      [/ends behind page 1/, () => encodeLtx(headerOf({ commit: 3 }), [filledPage(1)])],
      [/tracks none/, () => encodeLtx(increment, [filledPage(1)], { postApply: FLAG })],
      [/no post-apply/, () => encodeLtx(tracked, [filledPage(1)])],
      [/a deletion must track/, () => encodeLtx(headerOf({ ...increment, commit: 0 }), [])],
      [/header is wrong/, () => new LtxEncoder(headerOf({ pageSize: 100 }))],
    ];
    for (const [message, act] of cases) {
      assert.throws(act, (error: { code: string; message: string }) => {
        assert.match(error.message, message);
        return error.code === "EINVAL";
      });
    }
  });

  it("refuses calls out of order", () => {
    const encoder = new LtxEncoder(headerOf());
    const data = new Uint8Array(512);
    assert.throws(() => encoder.page(1, data), /page 1 before begin/);
    assert.throws(() => encoder.finish(), /finish before begin/);
    encoder.begin();
    assert.throws(() => encoder.begin(), /begin after begin/);
    encoder.page(1, data);
    encoder.finish();
    assert.throws(() => encoder.finish(), /finish after finish/);
    assert.throws(() => encoder.page(1, data), /page 1 after finish/);
  });
});
