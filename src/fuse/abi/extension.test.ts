/**
 * Golden bytes: printed by a C program which builds the extensions as fs/fuse/dir.c does (get_security_context,
 * get_create_supp_group), over linux/fuse.h of protocol 7.45, gcc, x86-64.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { FsError } from "../../core/fs-error.ts";
import { decodeExtensions, newExtensions, type Extensions } from "./extension.ts";

const GOLDEN = bytesOf(
  "3800000001000000160000000000000073656375726974792e73656c696e757800757365725f753a6f626a6563745f723a746d705f74000010000000200000000100000092100000",
);
const LABEL = "user_u:object_r:tmp_t\0";

describe("the extensions of a request", () => {
  it("hold a security context and a group as the kernel builds them", () => {
    const got = decode(GOLDEN);
    assert.equal(got.securityName, "security.selinux");
    const value = GOLDEN.subarray(got.securityValueAt, got.securityValueAt + got.securityValueSize);
    assert.equal(Buffer.from(value).toString("latin1"), LABEL);
    assert.equal(got.suppGroup, 4242);
  });

  it("are none in an empty range, whatever was there before", () => {
    const into = newExtensions();
    Object.assign(into, { securityName: "x", securityValueSize: 3, suppGroup: 1 });
    decodeExtensions(GOLDEN, viewOf(GOLDEN), 8, 8, into);
    assert.deepEqual(into, newExtensions());
  });

  it("hold no context when the kernel counts none", () => {
    assert.deepEqual(decode(bytesOf("0800000000000000")), newExtensions());
  });

  it("are skipped when their type is of a newer kernel", () => {
    const newer = bytesOf("0c0000004000000001020304000000001000000020000000010000000a000000");
    assert.equal(decode(newer).suppGroup, 10);
  });

  it("are refused with EIO at every length that cuts one short", () => {
    const whole = new Set([0, 56, GOLDEN.length]);
    for (let length = 0; length < GOLDEN.length; length++) {
      if (whole.has(length)) continue;
      assert.throws(() => decode(GOLDEN.slice(0, length)), { code: "EIO" }, `length ${length}`);
    }
  });

  it("are refused when a count or size reaches past the end", () => {
    const bytes = GOLDEN.slice();
    bytes[8] = 0xff;
    assert.throws(() => decode(bytes), { code: "EIO" });
    const groups = bytesOf("1000000020000000030000000a000000");
    assert.throws(() => decode(groups), { code: "EIO" });
  });

  it("answer noise with a value within the bytes or EIO", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), (bytes) => {
        try {
          const got = decode(bytes);
          assert.ok(got.securityValueAt + got.securityValueSize <= bytes.length);
        } catch (error) {
          assert.ok(error instanceof FsError);
          assert.equal(error.code, "EIO");
        }
      }),
    );
  });
});

function decode(bytes: Uint8Array): Extensions {
  return decodeExtensions(bytes, viewOf(bytes), 0, bytes.length, newExtensions());
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
