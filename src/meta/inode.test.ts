import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ByteReader } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { CorruptError } from "../core/fs-error.ts";
import { toIno } from "../core/ids.ts";
import { FileType, Inode, InodeFlag, TIME_SEC_MAX, decodeInode, encodeInode } from "./inode.ts";

const INO = toIno(12);

function encode(inode: Inode): Buffer {
  const writer = new ByteWriter({ size: 256, start: 0, sizeMax: 256 });
  encodeInode(writer, inode);
  return Buffer.from(writer.buffer.subarray(0, writer.at));
}

function decode(bytes: Uint8Array): Inode {
  return decodeInode(new ByteReader().open(bytes, 0, bytes.length), INO);
}

function make(values: Partial<Inode>): Inode {
  return Object.assign(new Inode(INO), values);
}

function freshFile(): Inode {
  const inode = make({ mode: FileType.REGULAR | 0o644, uid: 1000, gid: 1000, nlink: 1 });
  inode.setAllTimes({ sec: 1_700_000_000, nsec: 1 });
  return inode;
}

/** Every field differs from what another one or a default says. */
const FULL = make({
  mode: FileType.DIRECTORY | 0o1777,
  uid: 0xffff_fffe,
  gid: 300,
  nlink: 4,
  rdev: 259,
  size: 2 ** 53 - 1,
  flags: InodeFlag.XATTR,
  projid: 7,
  allocated: 4096,
  parent: 2 ** 40,
  nextCookie: 200,
  mtimeSec: -1,
  mtimeNsec: 999_999_999,
  ctimeSec: 1,
  ctimeNsec: 2,
  atimeSec: 3,
  atimeNsec: 4,
  btimeSec: 5,
  btimeNsec: 6,
});

const GOLDEN =
  "01 ff ff8701 feffffff0f ac02 04 ffffffffffffff0f 01ffc99a3b 0402000000 0804000000 0c06000000" +
  " 8302 8002 8020 808080808020 c801 07";

describe("an inode's row", () => {
  it("has these bytes", () => {
    assert.equal(
      encode(freshFile()).toString("hex"),
      "01 00 a48302 e807 e807 01 00 80c49fd50c 01000000".replaceAll(" ", ""),
    );
    assert.equal(encode(FULL).toString("hex"), GOLDEN.replaceAll(" ", ""));
  });

  it("of a fresh file takes 20 bytes", () => {
    assert.equal(encode(freshFile()).length, 20);
  });

  it("of a file that was written after it was made takes 5 bytes more", () => {
    const inode = freshFile();
    inode.setMtimeAndCtime({ sec: 1_700_000_001, nsec: 5 });
    assert.equal(encode(inode).length, 25);
  });

  it("holds the times furthest from 1970", () => {
    const inode = make({ mtimeSec: -TIME_SEC_MAX, ctimeSec: TIME_SEC_MAX, atimeSec: TIME_SEC_MAX });
    assert.deepEqual(decode(encode(inode)), inode);
  });

  it("decodes to what was encoded", () => {
    assert.deepEqual(decode(encode(FULL)), FULL);
    assert.deepEqual(decode(encode(freshFile())), freshFile());
    const id = fc.nat(0xffff_ffff);
    const sec = fc.integer({ min: -TIME_SEC_MAX, max: TIME_SEC_MAX });
    const nsec = fc.nat(999_999_999);
    const large = fc.maxSafeNat();
    const values = fc.record({
      mode: fc.nat(0xffff),
      uid: id,
      gid: id,
      nlink: fc.nat(),
      rdev: id,
      size: large,
      allocated: large,
      flags: fc.nat(8191),
      projid: id,
      parent: large,
      nextCookie: large,
      mtimeSec: sec,
      mtimeNsec: nsec,
      ctimeSec: sec,
      atimeSec: sec,
      btimeSec: sec,
      btimeNsec: nsec,
    });
    fc.assert(
      fc.property(values, (some) => {
        const inode = make(some);
        assert.deepEqual(decode(encode(inode)), inode);
      }),
    );
  });

  it("is refused when cut short anywhere, and with bytes left over", () => {
    const bytes = encode(FULL);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decode(bytes.subarray(0, length)), CorruptError);
    }
    assert.throws(() => decode(Buffer.concat([bytes, Buffer.from([0])])), CorruptError);
  });

  it("is refused in another format", () => {
    const bytes = encode(FULL);
    bytes[0] = 2;
    assert.throws(() => decode(bytes), CorruptError);
  });

  it("decodes from noise, or is refused as corrupt", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
        const bytes = Buffer.concat([Buffer.from([1]), noise]);
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
