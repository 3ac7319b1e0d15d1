/** Golden bytes: printed by a C program over linux/fuse.h of protocol 7.45 (FUSE_DIRENT_SIZE, FUSE_DIRENTPLUS_SIZE), gcc, x86-64. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { FsError } from "../../core/fs-error.ts";
import { newEntryOut } from "./attr.ts";
import {
  decodeDirent,
  decodeDirentplus,
  direntplusSize,
  direntSize,
  encodeDirent,
  encodeDirentplus,
  newDirent,
  newDirentplus,
  type Dirent,
  type Direntplus,
} from "./dirent.ts";

const DIRENT = bytesOf("64000000000000009a78563412000000050000000800000068e96c6c6f000000");
const DIRENTPLUS = bytesOf(
  "640000000000000001000000000000008051010000000000100e000000000000000000000000000064000000000000000e000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a48100000100000000000000000000000000000000000000000000006400000000000000070000000000000008000000080000006162636465666768",
);

const dirent: Dirent = { ino: 100, cookie: 0x123456789a, type: 8, name: "h\xe9llo" };
const direntplus: Direntplus = {
  entry: newEntryOut(),
  dirent: { ino: 100, cookie: 7, type: 8, name: "abcdefgh" },
};
Object.assign(direntplus.entry, {
  nodeid: 100,
  generation: 1,
  entryValidSec: 86400,
  attrValidSec: 3600,
});
Object.assign(direntplus.entry.attr, { ino: 100, size: 14, mode: 0o100644, nlink: 1 });

describe("fuse_dirent", () => {
  it("is laid out as the C compiler does, padding zeroed", () => {
    const bytes = new Uint8Array(DIRENT.length).fill(0xee);
    assert.equal(encodeDirent(bytes, viewOf(bytes), 0, dirent), DIRENT.length);
    assert.deepEqual(bytes, DIRENT);
    const into = newDirent();
    assert.equal(decodeDirent(viewOf(DIRENT), 0, into), DIRENT.length);
    assert.deepEqual(into, dirent);
  });

  it("is laid out with its entry before it as the C compiler does", () => {
    const bytes = new Uint8Array(DIRENTPLUS.length).fill(0xee);
    assert.equal(encodeDirentplus(bytes, viewOf(bytes), 0, direntplus), DIRENTPLUS.length);
    assert.deepEqual(bytes, DIRENTPLUS);
    const into = newDirentplus();
    assert.equal(decodeDirentplus(viewOf(DIRENTPLUS), 0, into), DIRENTPLUS.length);
    assert.deepEqual(into, direntplus);
  });

  it("is refused at every length that cuts it short", () => {
    const end = 24 + dirent.name.length;
    for (let length = 0; length < end; length++)
      assert.throws(() => decodeDirent(new DataView(DIRENT.buffer, 0, length), 0, newDirent()), {
        code: "EIO",
      });
    for (let length = 0; length < 160; length++)
      assert.throws(
        () => decodeDirentplus(new DataView(DIRENTPLUS.buffer, 0, length), 0, newDirentplus()),
        { code: "EIO" },
      );
  });

  it("comes back as it went for every name of bytes", () => {
    const names = fc.uint8Array({ minLength: 1, maxLength: 255 });
    fc.assert(
      fc.property(names, fc.maxSafeNat(), (nameBytes, cookie) => {
        const name = String.fromCharCode(...nameBytes);
        const from = { ino: 5, cookie, type: 4, name };
        const bytes = new Uint8Array(direntSize(name.length));
        assert.equal(encodeDirent(bytes, viewOf(bytes), 0, from), bytes.length);
        assert.equal(bytes.length % 8, 0);
        const into = newDirent();
        decodeDirent(viewOf(bytes), 0, into);
        assert.deepEqual(into, from);
        assert.equal(direntplusSize(name.length), bytes.length + 128);
      }),
    );
  });

  it("answers noise with a value or EIO", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeDirent(viewOf(bytes), 0, newDirent());
        } catch (error) {
          assert.ok(error instanceof FsError);
          assert.equal(error.code, "EIO");
        }
      }),
    );
  });
});

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
