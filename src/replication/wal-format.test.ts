import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { FsError } from "../core/fs-error.ts";
import {
  decodeFrame,
  decodeWalHeader,
  FRAME_HEADER_SIZE,
  headerChecksum,
  WAL_HEADER_SIZE,
  WalChecksum,
} from "./wal-format.ts";

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A log as the format describes it: a header, and frames of one page each. */
function makeLog(isBigEndian: boolean, pages: readonly number[]): Uint8Array {
  const pageSize = 512;
  const bytes = new Uint8Array(WAL_HEADER_SIZE + pages.length * (FRAME_HEADER_SIZE + pageSize));
  const log = view(bytes);
  log.setUint32(0, 0x377f_0682 | Number(isBigEndian));
  log.setUint32(4, 3_007_000);
  log.setUint32(8, pageSize);
  log.setUint32(16, 0x1122_3344);
  log.setUint32(20, 0x5566_7788);
  const checksum = new WalChecksum(isBigEndian);
  checksum.add(log, 0, 24);
  log.setUint32(24, checksum.first);
  log.setUint32(28, checksum.second);
  pages.forEach((pgno, index) => {
    const at = WAL_HEADER_SIZE + index * (FRAME_HEADER_SIZE + pageSize);
    log.setUint32(at, pgno);
    log.setUint32(at + 4, index + 1 === pages.length ? 3 : 0);
    log.setUint32(at + 8, 0x1122_3344);
    log.setUint32(at + 12, 0x5566_7788);
    bytes.fill(pgno, at + FRAME_HEADER_SIZE, at + FRAME_HEADER_SIZE + pageSize);
    checksum.add(log, at, 8);
    checksum.add(log, at + FRAME_HEADER_SIZE, pageSize);
    log.setUint32(at + 16, checksum.first);
    log.setUint32(at + 20, checksum.second);
  });
  return bytes;
}

describe("a write-ahead log", () => {
  for (const isBigEndian of [false, true]) {
    it(`is read in either order of words (${isBigEndian ? "big" : "little"}-endian)`, () => {
      const log = view(makeLog(isBigEndian, [2, 3]));
      const header = decodeWalHeader(log, "log")!;
      assert.deepEqual(header, {
        pageSize: 512,
        salt1: 0x1122_3344,
        salt2: 0x5566_7788,
        isBigEndian,
      });
      const checksum = headerChecksum(log, header);
      assert.deepEqual(decodeFrame(log, 32, header, checksum), { pgno: 2, commit: 0 });
      assert.deepEqual(decodeFrame(log, 32 + 536, header, checksum), { pgno: 3, commit: 3 });
    });
  }

  it("is refused, by name, when its header is cut short or not what it must be", () => {
    const bytes = makeLog(false, []);
    assert.equal(decodeWalHeader(view(bytes.subarray(0, 0)), "log"), undefined);
    for (let length = 1; length < WAL_HEADER_SIZE; length++) {
      assert.throws(() => decodeWalHeader(view(bytes.subarray(0, length)), "log"), {
        code: "EIO",
        message: /^log has \d+ bytes/,
      });
    }
    for (let at = 0; at < WAL_HEADER_SIZE; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 0x10;
      assert.throws(() => decodeWalHeader(view(damaged), "log"), FsError, `byte ${at}`);
    }
  });

  it("ends at the first frame of which any bit is another", () => {
    const bytes = makeLog(false, [2]);
    const header = decodeWalHeader(view(bytes), "log")!;
    for (let at = WAL_HEADER_SIZE; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1;
      const checksum = headerChecksum(view(damaged), header);
      assert.equal(decodeFrame(view(damaged), 32, header, checksum), undefined, `byte ${at}`);
    }
  });

  it("takes any bytes for a header without harm", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (noise) => {
        assert.throws(() => decodeWalHeader(view(noise), "log"), FsError);
      }),
    );
  });
});
