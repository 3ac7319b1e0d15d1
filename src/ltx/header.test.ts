import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { CorruptError } from "../core/fs-error.ts";
import {
  decodeLtxHeader,
  decodeLtxTrailer,
  encodeLtxHeader,
  lockPage,
  LTX_HEADER_SIZE,
  LTX_TRAILER_SIZE,
  type LtxHeader,
} from "./header.ts";
import { headerOf, LTX_VECTORS } from "../../test/support/ltx-fixture.ts";

const FLAG = 1n << 63n;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Headers that a file may have. */
const headers: fc.Arbitrary<LtxHeader> = fc
  .record({
    flags: fc.constantFrom(0, 2),
    pageSize: fc.constantFrom(512, 4096, 65_536),
    commit: fc.nat(0xffff_ffff),
    txids: fc.tuple(fc.integer({ min: 1 }), fc.nat()),
    timestampMs: fc.maxSafeInteger(),
    checksum: fc.bigInt({ min: 0n, max: FLAG - 1n }),
    walOffset: fc.nat(),
    walSize: fc.nat(),
    walSalt1: fc.nat(0xffff_ffff),
    walSalt2: fc.nat(0xffff_ffff),
    nodeId: fc.bigInt({ min: 0n, max: 2n * FLAG - 1n }),
  })
  .map(({ txids: [minTxid, more], checksum, ...rest }) => ({
    ...rest,
    minTxid,
    maxTxid: minTxid + more,
    preApplyChecksum: rest.flags === 0 && minTxid > 1 ? FLAG | checksum : 0n,
    ...(rest.walOffset === 0 ? { walSize: 0, walSalt1: 0, walSalt2: 0 } : {}),
  }));

describe("the header of an LTX file", () => {
  it("has the bytes that the Go library writes", () => {
    const increment = LTX_VECTORS.find(({ name }) => name === "an increment of LZ4 blocks")!;
    const golden = increment.bytes.subarray(0, LTX_HEADER_SIZE);
    assert.deepEqual(encodeLtxHeader(increment.header), golden);
    assert.deepEqual(decodeLtxHeader(viewOf(increment.bytes), 0, "v3"), increment.header);
  });

  it("comes back as it was", () => {
    fc.assert(
      fc.property(headers, (header) => {
        assert.deepEqual(decodeLtxHeader(viewOf(encodeLtxHeader(header)), 0, "v3"), header);
      }),
    );
  });

  it("is refused at every truncation, and with any bit of the magic changed", () => {
    const bytes = encodeLtxHeader(headerOf());
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(
        () => decodeLtxHeader(viewOf(bytes.subarray(0, length)), 0, "v3"),
        CorruptError,
      );
    }
    for (let bit = 0; bit < 32; bit++) {
      const changed = bytes.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.throws(() => decodeLtxHeader(viewOf(changed), 0, "v3"), /not an LTX file/);
    }
  });

  it("made of noise is refused, or one that can be written again", () => {
    const magic = Uint8Array.of(0x4c, 0x54, 0x58, 0x31, 0, 0, 0);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 93, maxLength: 93 }), (noise) => {
        const bytes = new Uint8Array(Buffer.concat([magic, noise]));
        let header: LtxHeader;
        try {
          header = decodeLtxHeader(viewOf(bytes), 0, "v3");
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
          return;
        }
        assert.deepEqual(encodeLtxHeader(header).subarray(0, 80), bytes.subarray(0, 80));
      }),
    );
  });

  it("is refused on both ways when it contradicts itself", () => {
    const increment = { minTxid: 2, maxTxid: 2 };
    const wrong: readonly (readonly [string, Partial<LtxHeader>])[] = [
      ["unknown flags 0x4", { flags: 4 }],
      ["unknown flags 0x1", { flags: 1 }],
      ["no page size", { pageSize: 256 }],
      ["no page size", { pageSize: 1000 }],
      ["no page size", { pageSize: 131_072 }],
      ["min TXID is 0", { minTxid: 0 }],
      ["above the max TXID", { minTxid: 3, maxTxid: 2 }],
      ["salts without a WAL offset", { walSalt2: 1 }],
      ["size without a WAL offset", { walSize: 1 }],
      ["WAL offset is negative", { walOffset: -1 }],
      ["WAL size is negative", { walOffset: 32, walSize: -1 }],
      ["snapshot with a pre-apply", { preApplyChecksum: FLAG }],
      ["tracks none", { ...increment, preApplyChecksum: FLAG }],
      ["no pre-apply", { ...increment, flags: 0 }],
      ["no pre-apply", { ...increment, flags: 0, preApplyChecksum: 5n }],
    ];
    for (const [message, fields] of wrong) {
      const header = headerOf(fields);
      const says = (code: string) => (error: { code: string; message: string }) =>
        error.code === code && error.message.includes(message);
      assert.throws(() => encodeLtxHeader(header), says("EINVAL"), message);
      const bytes = encodeLtxHeader(headerOf());
      const view = viewOf(bytes);
      view.setUint32(4, header.flags);
      view.setUint32(8, header.pageSize);
      view.setBigUint64(16, BigInt(header.minTxid));
      view.setBigUint64(24, BigInt(header.maxTxid));
      view.setBigUint64(40, header.preApplyChecksum);
      view.setBigInt64(48, BigInt(header.walOffset));
      view.setBigInt64(56, BigInt(header.walSize));
      view.setUint32(64, header.walSalt1);
      view.setUint32(68, header.walSalt2);
      assert.throws(() => decodeLtxHeader(view, 0, "v3"), says("EIO"), message);
    }
  });

  it("of the first generation may say compressed, and has a WAL size wherever it has an offset", () => {
    const view = viewOf(encodeLtxHeader(headerOf({ walOffset: 32 })));
    decodeLtxHeader(view, 0, "v3");
    view.setUint32(4, 1);
    assert.throws(() => decodeLtxHeader(view, 0, "v1"), /without a WAL size/);
    view.setBigInt64(56, 1072n);
    assert.equal(decodeLtxHeader(view, 0, "v1").flags, 1);
    view.setUint32(4, 2);
    assert.throws(() => decodeLtxHeader(view, 0, "v1"), /unknown flags 0x2/);
  });
});

describe("the trailer of an LTX file", () => {
  const trailer = (post: bigint, file: bigint): DataView => {
    const view = new DataView(new ArrayBuffer(LTX_TRAILER_SIZE));
    view.setBigUint64(0, post);
    view.setBigUint64(8, file);
    return view;
  };

  it("must fit the header", () => {
    const tracked = headerOf({ flags: 0 });
    const cases: readonly (readonly [RegExp, LtxHeader, DataView])[] = [
      [/tracks none/, headerOf(), trailer(FLAG, FLAG)],
      [/no post-apply/, tracked, trailer(0n, FLAG)],
      [/no file checksum/, headerOf(), trailer(0n, 5n)],
      [/a deletion must track/, headerOf({ commit: 0 }), trailer(0n, FLAG)],
      [/of an empty database/, headerOf({ flags: 0, commit: 0 }), trailer(FLAG | 1n, FLAG)],
    ];
    for (const [message, header, view] of cases) {
      assert.throws(() => decodeLtxTrailer(view, 0, header), message);
    }
    const expected = { postApplyChecksum: FLAG | 3n, fileChecksum: FLAG | 7n };
    const view = trailer(FLAG | 3n, FLAG | 7n);
    assert.deepEqual(decodeLtxTrailer(view, 0, tracked), expected);
    const cut = new DataView(view.buffer, 0, LTX_TRAILER_SIZE - 1);
    assert.throws(() => decodeLtxTrailer(cut, 0, tracked), /cut short/);
  });
});

describe("the lock page", () => {
  it("is the page that holds byte 2^30", () => {
    const sizes = [512, 1024, 4096, 8192, 65_536];
    assert.deepEqual(sizes.map(lockPage), [2_097_153, 1_048_577, 262_145, 131_073, 16_385]);
  });
});
