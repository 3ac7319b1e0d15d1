/** The journal payload of every operation of this layer: golden bytes, round trip, every truncation, noise. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { ByteWriter } from "../../src/core/byte-writer.ts";
import { CorruptError } from "../../src/core/fs-error.ts";
import { toIno } from "../../src/core/ids.ts";
import type { MetaState } from "../../src/meta/meta-state.ts";
import { META_OPERATIONS } from "../../src/meta/op-registry.ts";
import type { Operation } from "../../src/meta/operation.ts";
import { atime } from "../../src/meta/ops/atime.ts";
import { create } from "../../src/meta/ops/create.ts";
import { link } from "../../src/meta/ops/link.ts";
import { removexattr } from "../../src/meta/ops/removexattr.ts";
import { rename } from "../../src/meta/ops/rename.ts";
import { rmdir } from "../../src/meta/ops/rmdir.ts";
import { setInodeFlags } from "../../src/meta/ops/set-inode-flags.ts";
import { setxattr } from "../../src/meta/ops/setxattr.ts";
import { unlink } from "../../src/meta/ops/unlink.ts";

interface Sample {
  readonly title: string;
  readonly operation: Operation<MetaState, unknown, unknown>;
  readonly args: unknown;
  readonly result: unknown;
  readonly golden: string;
}

/** Bytes of the time below: svarint -1 and u32 999,999,999. */
const time = { sec: -1, nsec: 999_999_999 };
const TIME = "01ffc99a3b";

function sample<Args, Result>(
  title: string,
  operation: Operation<MetaState, Args, Result>,
  values: { readonly args: Args; readonly result: Result; readonly golden: string },
): Sample {
  const erased = operation as unknown as Operation<MetaState, unknown, unknown>;
  return { title, operation: erased, ...values };
}

const SAMPLES: readonly Sample[] = [
  sample("create a file", create, {
    args: { parent: toIno(1), name: "a\xff", mode: 0o100644, rdev: 0 },
    result: {
      ino: toIno(300),
      mode: 0o100600,
      uid: 1,
      gid: 2,
      flags: 4,
      projid: 7,
      accessAcl: undefined,
      defaultAcl: undefined,
      ...time,
    },
    golden: `01 0261ff a48302 00 00 ac02 808302 01 02 04 07 00 00 ${TIME}`,
  }),
  sample("create without a name, every other field set", create, {
    args: { parent: toIno(2), name: undefined, mode: 0o120777, rdev: 259, target: "/t" },
    result: {
      ino: toIno(2 ** 40),
      mode: 0o120777,
      uid: 0,
      gid: 0xffff_fffe,
      flags: 0,
      projid: 0,
      accessAcl: new Uint8Array([2, 0, 0, 0]),
      defaultAcl: new Uint8Array([1]),
      ...time,
    },
    golden: `02 00 ffc302 8302 022f74 808080808020 ffc302 00 feffffff0f 00 00 0402000000 0101 ${TIME}`,
  }),
  sample("unlink", unlink, {
    args: { parent: toIno(1), name: "f" },
    result: { ino: toIno(5), ...time },
    golden: `01 0166 05 ${TIME}`,
  }),
  sample("rmdir", rmdir, {
    args: { parent: toIno(1), name: "d" },
    result: { ino: toIno(5), ...time },
    golden: `01 0164 05 ${TIME}`,
  }),
  sample("rename", rename, {
    args: { parent: toIno(1), name: "a", newParent: toIno(2), newName: "bc", flags: 0 },
    result: { ino: toIno(5), otherIno: toIno(6), whiteout: undefined, ...time },
    golden: `01 0161 02 026263 00 05 06 ${TIME} 00`,
  }),
  sample("rename with a whiteout", rename, {
    args: { parent: toIno(1), name: "a", newParent: toIno(1), newName: "b", flags: 4 },
    result: {
      ino: toIno(5),
      otherIno: undefined,
      whiteout: { ino: toIno(9), uid: 1, gid: 2, flags: 8, projid: 3 },
      ...time,
    },
    golden: `01 0161 01 0162 04 05 00 ${TIME} 09 01 02 08 03`,
  }),
  sample("link", link, {
    args: { ino: toIno(5), parent: toIno(1), name: "l" },
    result: { ...time },
    golden: `05 01 016c ${TIME}`,
  }),
  sample("setxattr", setxattr, {
    args: {
      ino: toIno(5),
      name: "user.x",
      value: new Uint8Array([1, 2]),
      flags: 1,
      killSgid: false,
    },
    result: { value: new Uint8Array([1, 2]), mode: 0o100644, ...time },
    golden: `09 05 06757365722e78 020102 a48302 ${TIME}`,
  }),
  sample("setxattr of an empty value", setxattr, {
    args: { ino: toIno(5), name: "user.x", value: new Uint8Array(0), flags: 0, killSgid: false },
    result: { value: new Uint8Array(0), mode: 0o100644, ...time },
    golden: `08 05 06757365722e78 00 a48302 ${TIME}`,
  }),
  sample("setxattr that leaves only a mode", setxattr, {
    args: { ino: toIno(5), name: "s", value: new Uint8Array(0), flags: 0, killSgid: true },
    result: { value: undefined, mode: 0o100600, ...time },
    golden: `04 05 0173 808302 ${TIME}`,
  }),
  sample("removexattr", removexattr, {
    args: { ino: toIno(5), name: "user.x" },
    result: { existed: true, ...time },
    golden: `05 06757365722e78 01 ${TIME}`,
  }),
  sample("set-inode-flags", setInodeFlags, {
    args: { ino: toIno(5), flags: 3, projid: 1000 },
    result: { ...time },
    golden: `05 03 e807 ${TIME}`,
  }),
  sample("atime", atime, {
    args: { ino: toIno(5) },
    result: { ...time },
    golden: `05 ${TIME}`,
  }),
];

function encodeSample({ operation, args, result }: Sample): Buffer {
  const writer = new ByteWriter({ size: 1, start: 0, sizeMax: 1024 });
  operation.encode(writer, args, result);
  return writer.buffer.subarray(0, writer.at);
}

function decodeAll(operation: Sample["operation"], bytes: Uint8Array): unknown {
  const reader = new ByteReader().open(bytes, 0, bytes.length);
  const decoded = operation.decode(reader, operation.version);
  reader.finish();
  return decoded;
}

for (const one of SAMPLES) {
  describe(`the record of ${one.title}`, () => {
    it("has these bytes", () => {
      assert.equal(encodeSample(one).toString("hex"), one.golden.replaceAll(" ", ""));
    });

    it("decodes to what was encoded", () => {
      const decoded = decodeAll(one.operation, encodeSample(one));
      assert.deepEqual(decoded, { args: one.args, result: one.result });
    });

    it("is refused when cut short anywhere", () => {
      const bytes = encodeSample(one);
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => decodeAll(one.operation, bytes.subarray(0, length)), CorruptError);
      }
    });

    it("is refused with a byte too many", () => {
      const bytes = Buffer.concat([encodeSample(one), Buffer.from([0])]);
      assert.throws(() => decodeAll(one.operation, bytes), CorruptError);
    });
  });
}

describe("records of operations", () => {
  it("are sampled for every registered kind", () => {
    const sampled = new Set(SAMPLES.map((one) => one.operation.kind));
    assert.deepEqual(sampled, new Set(META_OPERATIONS.map((operation) => operation.kind)));
  });

  it("decode from noise, or are refused as corrupt; nothing else happens", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SAMPLES), fc.uint8Array({ maxLength: 60 }), (one, noise) => {
        try {
          decodeAll(one.operation, noise);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("decode from a sample with one byte changed, or are refused as corrupt", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SAMPLES), fc.nat(), fc.nat(255), (one, place, byte) => {
        const bytes = Buffer.from(encodeSample(one));
        bytes[place % bytes.length] = byte;
        try {
          decodeAll(one.operation, bytes);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
