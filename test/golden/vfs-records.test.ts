/** The journal payload of every operation of this layer: golden bytes, round trip, every truncation, noise. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ByteReader } from "../../src/core/byte-reader.ts";
import { ByteWriter } from "../../src/core/byte-writer.ts";
import { CorruptError } from "../../src/core/fs-error.ts";
import { toIno, toPackId } from "../../src/core/ids.ts";
import { FILE_SIZE_MAX } from "../../src/core/limits.ts";
import { META_OPERATIONS } from "../../src/meta/op-registry.ts";
import { OpKind, type Operation } from "../../src/meta/operation.ts";
import type { FileState } from "../../src/vfs/file-state.ts";
import { volumeOperations } from "../../src/vfs/op-registry.ts";
import { copyRange } from "../../src/vfs/ops/copy-range.ts";
import { fallocate } from "../../src/vfs/ops/fallocate.ts";
import { packDropped } from "../../src/vfs/ops/pack-dropped.ts";
import { packStored } from "../../src/vfs/ops/pack-stored.ts";
import { reap } from "../../src/vfs/ops/reap.ts";
import { rewrite } from "../../src/vfs/ops/rewrite.ts";
import { setattr } from "../../src/vfs/ops/setattr.ts";

interface Sample {
  readonly title: string;
  readonly operation: Operation<FileState, unknown, unknown>;
  readonly args: unknown;
  readonly result: unknown;
  readonly golden: string;
}

/** Bytes of the time below: svarint -1 and u32 999,999,999. */
const time = { sec: -1, nsec: 999_999_999 };
const TIME = "01ffc99a3b";
const NO_TIME = { sec: 0, nsec: 0 };
const NO_CHANGE = {
  fields: 32,
  mode: 0,
  uid: 0,
  gid: 0,
  atime: NO_TIME,
  mtime: NO_TIME,
  ctime: time,
  accessAcl: new Uint8Array(0),
};

function sample<Args, Result>(
  title: string,
  operation: Operation<FileState, Args, Result>,
  values: { readonly args: Args; readonly result: Result; readonly golden: string },
): Sample {
  const erased = operation as unknown as Operation<FileState, unknown, unknown>;
  return { title, operation: erased, ...values };
}

const SAMPLES: readonly Sample[] = [
  sample("setattr of a size", setattr, {
    args: { ino: toIno(300), size: 5 },
    result: { change: NO_CHANGE },
    golden: `ac02 01 05 20 ${TIME}`,
  }),
  sample("setattr without a size", setattr, {
    args: { ino: toIno(5), size: undefined },
    result: { change: { ...NO_CHANGE, fields: 33, mode: 0o100600 } },
    golden: `05 00 21 808302 ${TIME}`,
  }),
  sample("fallocate", fallocate, {
    args: { ino: toIno(5), mode: 3, offset: 4096, length: FILE_SIZE_MAX },
    result: { killSuidgid: true, ...time },
    golden: `05 03 8020 ffffffffffffff0f 01 ${TIME}`,
  }),
  sample("copy-range", copyRange, {
    args: {
      source: toIno(5),
      sourceOffset: 1,
      target: toIno(6),
      targetOffset: 200,
      length: FILE_SIZE_MAX,
    },
    result: { length: 7, killSuidgid: false, ...time },
    golden: `05 01 06 c801 ffffffffffffff0f 07 00 ${TIME}`,
  }),
  sample("reap", reap, {
    args: { inos: [toIno(5), toIno(300)] },
    result: { inos: [toIno(5), toIno(300)] },
    golden: "02 05 ac02",
  }),
  sample("pack-stored", packStored, {
    args: { pack: toPackId(7), storedSize: 300 },
    result: undefined,
    golden: "07 ac02",
  }),
  sample("pack-dropped", packDropped, {
    args: { pack: toPackId(300) },
    result: undefined,
    golden: "ac02",
  }),
  sample("rewrite", rewrite, {
    args: { ranges: [{ ino: toIno(5), pos: 4096, length: 300 }] },
    result: { pack: toPackId(9) },
    golden: "09 01 05 8020 ac02",
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

    it("is refused when cut short anywhere, and with a byte too many", () => {
      const bytes = encodeSample(one);
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(() => decodeAll(one.operation, bytes.subarray(0, length)), CorruptError);
      }
      const longer = Buffer.concat([bytes, Buffer.from([0])]);
      assert.throws(() => decodeAll(one.operation, longer), CorruptError);
    });
  });
}

describe("records of operations on files", () => {
  it("are sampled for every kind that this layer registers", () => {
    const metaKinds = new Set(META_OPERATIONS.map(({ kind }) => kind));
    const registered: number[] = [];
    const registry = volumeOperations();
    for (const kind of Object.values(OpKind)) {
      if (metaKinds.has(kind as never)) continue;
      try {
        registered.push(registry.get(kind, 1).kind);
      } catch {
        // WRITE has a layout of its own, the cut has no record, settings come later.
        assert.ok([OpKind.WRITE, OpKind.CUT, OpKind.SETTING].includes(kind as never), `${kind}`);
      }
    }
    assert.deepEqual(new Set(SAMPLES.map(({ operation }) => operation.kind)), new Set(registered));
  });

  it("decode from noise, or are refused as corrupt; nothing else happens", () => {
    const changed = fc
      .tuple(fc.constantFrom(...SAMPLES), fc.nat(), fc.nat(255))
      .map(([one, place, byte]) => {
        const bytes = Buffer.from(encodeSample(one));
        bytes[place % bytes.length] = byte;
        return { one, bytes: bytes as Uint8Array };
      });
    const random = fc
      .tuple(fc.constantFrom(...SAMPLES), fc.uint8Array({ maxLength: 60 }))
      .map(([one, bytes]) => ({ one, bytes }));
    fc.assert(
      fc.property(fc.oneof(changed, random), ({ one, bytes }) => {
        try {
          decodeAll(one.operation, bytes);
        } catch (error) {
          assert.ok(error instanceof CorruptError, String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });
});
