import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { CorruptError } from "../core/fs-error.ts";
import { Crc64 } from "./crc64.ts";
import { LtxDecoder } from "./decoder.ts";
import { LtxEncoder } from "./encoder.ts";
import { lockPage } from "./header.ts";
import { spanOf } from "./lz4-block.ts";
import { decodeLtx, headerOf, hexBytes, LTX_VECTORS } from "../../test/support/ltx-fixture.ts";

const FLAG = 1n << 63n;

/** A v3 file of these bytes behind the header, with a file checksum over what the bytes say they hold. */
function forged(options: {
  readonly header: Uint8Array;
  /** Each is taken into the checksum as it is, but for what stands in its place. */
  readonly parts: readonly (
    | Uint8Array
    | { readonly stored: Uint8Array; readonly hashed: Uint8Array }
  )[];
}): Uint8Array {
  const crc = new Crc64();
  const post = new Uint8Array(8);
  const stored: Uint8Array[] = [];
  for (const part of [options.header, ...options.parts, post]) {
    const both = part instanceof Uint8Array ? { stored: part, hashed: part } : part;
    crc.update(spanOf(both.hashed).view, 0, both.hashed.length);
    stored.push(both.stored);
  }
  const checksum = new Uint8Array(8);
  spanOf(checksum).view.setBigUint64(0, crc.digest() | FLAG);
  return new Uint8Array(Buffer.concat([...stored, checksum]));
}

describe("reading an LTX file", () => {
  it("gives what the Go library wrote, of every generation, fed in any steps", () => {
    for (const { name, bytes, header, pages } of LTX_VECTORS) {
      for (const step of [1, 2, 7, 100, bytes.length]) {
        const content = decodeLtx(bytes, { step });
        assert.deepEqual(content.header, header, name);
        assert.deepEqual(content.pages, pages, name);
      }
    }
  });

  it("finds out the generation, or is told", () => {
    const generations = ["v3", "v3", "v3", "v3", "v3", "v3", "v2", "v2", "v1", "v1"] as const;
    for (const [i, { name, bytes }] of LTX_VECTORS.entries()) {
      const decoder = new LtxDecoder({ name });
      decoder.feed(bytes);
      decoder.next();
      assert.equal(decoder.generation, generations[i], name);
      decodeLtx(bytes, { generation: generations[i]! });
      const other = generations[i] === "v3" ? "v2" : "v3";
      assert.throws(() => decodeLtx(bytes, { generation: other }), CorruptError, name);
    }
  });

  it("refuses every truncation, and bytes too many, and names the file", () => {
    for (const { name, bytes } of LTX_VECTORS) {
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(
          () => decodeLtx(bytes.subarray(0, length), { name }),
          (error) => error instanceof CorruptError && error.message.startsWith(`${name}: `),
          `${name}: ${length} bytes`,
        );
      }
      assert.throws(() => decodeLtx(Buffer.concat([bytes, Uint8Array.of(0)])), CorruptError);
    }
  });

  it("refuses every changed bit, unless the pages are the same all the same", () => {
    for (const { name, bytes, header, pages } of LTX_VECTORS) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = bytes.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        try {
          const content = decodeLtx(changed);
          assert.deepEqual([content.header, content.pages], [header, pages], `${name}: bit ${bit}`);
        } catch (error) {
          assert.ok(error instanceof CorruptError, `${name}: bit ${bit}: ${String(error)}`);
        }
      }
    }
  });

  it("refuses noise, whole and behind a header", () => {
    const header = LTX_VECTORS[2]!.bytes.subarray(0, 100);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (noise, hasHeader) => {
        const bytes = new Uint8Array(Buffer.concat(hasHeader ? [header, noise] : [noise]));
        assert.throws(() => decodeLtx(bytes, { step: 50 }), CorruptError);
      }),
    );
  });

  it("refuses a page of the wrong length though the file checksum is right", () => {
    const header = LTX_VECTORS[0]!.bytes.subarray(0, 100);
    const literals = (size: number): Uint8Array =>
      new Uint8Array(Buffer.concat([Uint8Array.of(0xf0, 255, size - 270), new Uint8Array(size)]));
    for (const [size, message] of [
      [511, /decodes to 511 bytes instead of 512/],
      [513, /too many bytes/],
    ] as const) {
      const block = literals(size);
      const prefix = hexBytes(`00000001 0001 0000${block.length.toString(16).padStart(4, "0")}`);
      const bytes = forged({
        header,
        parts: [
          prefix,
          { stored: block, hashed: new Uint8Array(size) },
          hexBytes(`000000000000 01 64 ${(block.length + 10 - 384).toString(16)}`),
        ],
      });
      assert.throws(() => decodeLtx(bytes), message);
    }
  });

  it("refuses unknown flags of a page, a page longer than any can be, and page 0 with flags", () => {
    const header = LTX_VECTORS[0]!.bytes.subarray(0, 100);
    const cases: readonly (readonly [RegExp, string])[] = [
      [/unknown flags 0x2/, "00000001 0002 00000018"],
      [/unknown flags 0x101/, "00000001 0101 00000018"],
      [/longer than any page can be/, "00000001 0001 00000213"],
      [/page number 0 with flags/, "00000000 0001 00000018"],
    ];
    for (const [message, hex] of cases) {
      const bytes = new Uint8Array(Buffer.concat([header, hexBytes(hex), new Uint8Array(600)]));
      assert.throws(() => decodeLtx(bytes, { generation: "v3" }), message, hex);
    }
    const endless = hexBytes(`00000001 0000 04224d186440a7 ${"01000000 00".repeat(300)}`);
    const bytes = new Uint8Array(Buffer.concat([header, endless]));
    assert.throws(() => decodeLtx(bytes, { step: 64 }), /longer than any page's can be/);
  });

  it("refuses pages out of order, above the commit, missing from a snapshot, or the lock page", () => {
    const encoder = new LtxEncoder(headerOf({ commit: 9, minTxid: 2, maxTxid: 2 }));
    const data = new Uint8Array(512);
    const pieces = [encoder.begin(), encoder.page(3, data)];
    const second = encoder.size;
    pieces.push(encoder.page(5, data), ...encoder.finish());
    const good = new Uint8Array(Buffer.concat(pieces));
    for (const [pgno, message] of [
      [3, /page 3 comes behind page 3/],
      [2, /page 2 comes behind page 3/],
      [10, /above the database's 9 pages/],
    ] as const) {
      const changed = good.slice();
      spanOf(changed).view.setUint32(second, pgno);
      assert.throws(() => decodeLtx(changed), message);
    }
    const snapshot = LTX_VECTORS[0]!.bytes.slice();
    spanOf(snapshot).view.setUint32(12, 2);
    assert.throws(() => decodeLtx(snapshot), /a snapshot of 2 pages ends behind page 1/);
    spanOf(snapshot).view.setUint32(100, 2);
    assert.throws(() => decodeLtx(snapshot), /goes on with page 2 behind page 0/);
    const locked = LTX_VECTORS[2]!.bytes.slice();
    spanOf(locked).view.setUint32(12, 0xffff_ffff);
    spanOf(locked).view.setUint32(100, lockPage(512));
    assert.throws(() => decodeLtx(locked), /lock page/);
  });

  it("refuses a snapshot whose database checksum is not that of its pages", () => {
    const { bytes } = LTX_VECTORS[1]!;
    const end = bytes.length;
    const crc = new Crc64();
    const changed = bytes.slice();
    changed[end - 9]! ^= 1;
    for (const piece of [
      changed.subarray(0, 110),
      new Uint8Array(512).fill(1),
      changed.subarray(134, end - 8),
    ]) {
      crc.update(spanOf(piece).view, 0, piece.length);
    }
    spanOf(changed).view.setBigUint64(end - 8, crc.digest() | FLAG);
    assert.throws(() => decodeLtx(changed), /the checksum of the database is wrong/);
  });

  it("refuses an index that does not fit its pages though the file checksum is right", () => {
    const { bytes } = LTX_VECTORS[0]!;
    const index = hexBytes("01 64 23 00 0000000000000004");
    const forgedBytes = forged({
      header: bytes.subarray(0, 100),
      parts: [
        bytes.subarray(100, 110),
        { stored: bytes.subarray(110, 134), hashed: new Uint8Array(512).fill(1) },
        new Uint8Array(6),
        index,
      ],
    });
    assert.throws(() => decodeLtx(forgedBytes), /page index does not fit/);
    index[2] = 0x22;
    const right = forged({
      header: bytes.subarray(0, 100),
      parts: [
        bytes.subarray(100, 110),
        { stored: bytes.subarray(110, 134), hashed: new Uint8Array(512).fill(1) },
        new Uint8Array(6),
        index,
      ],
    });
    assert.deepEqual(right, bytes);
  });

  it("gives nothing more once it has refused", () => {
    const changed = LTX_VECTORS[0]!.bytes.slice();
    changed[0] = 0;
    const decoder = new LtxDecoder({ name: "a.ltx" });
    decoder.feed(changed);
    assert.throws(() => decoder.next(), /a.ltx: not an LTX file/);
    assert.throws(() => decoder.next(), { code: "EINVAL" });
    assert.throws(() => decoder.finish(), { code: "EINVAL" });
  });
});
