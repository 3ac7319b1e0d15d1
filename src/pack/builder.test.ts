import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { Prng } from "../core/prng.ts";
import { buildPack, PackBuffers, type BlockSource } from "./builder.ts";
import { Codec } from "./codec.ts";
import { FrameCache } from "./frame-cache.ts";
import { FilePackSource, PackReader, readPackIndexSync } from "./reader.ts";
import { removeTemporaries, StagedPack } from "./staged-pack.ts";
import {
  IDENTITY,
  makePack,
  MemorySink,
  noiseBlock,
  planOf,
  textBlock,
} from "../../test/support/pack-fixture.ts";

/** Put together by hand with Python's struct and zlib.crc32, from docs/format/pack.md. */
const GOLDEN_PACK =
  "53484f414c50414b01000000000000000102030403c8010000001d80bc550102000000942b6fd500" +
  "0102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff070000000000000004" +
  "000000000000001400000000000000130000009b29b72302000000010000000000000041a1d2ac53" +
  "484f414c454e44";

const FRAME = 128 * 1024;
const buffers = new PackBuffers();
const options = { compression: "lz4", buffers } as const;
const roots: string[] = [];
after(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});

function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "shoal-pack-"));
  roots.push(root);
  return root;
}

function failing(): never {
  throw new Error("broken");
}

function sourceOf(blocks: readonly Uint8Array[]): BlockSource {
  return { read: (block, into) => into.set(blocks[block]!) };
}

describe("buildPack", () => {
  it("makes the same bytes of the same plan, whatever was built before in the same buffers", () => {
    const prng = new Prng(10);
    const blocks = [textBlock(prng, 700_000), noiseBlock(prng, 300_000), textBlock(prng, 12)];
    for (const compression of ["none", "lz4", "zstd", "adaptive"] as const) {
      const first = makePack(blocks, compression);
      makePack([noiseBlock(prng, 4 * 1024 * 1024)], compression);
      assert.deepEqual(makePack(blocks, compression).bytes, first.bytes);
    }
  });

  it("makes the golden pack, uncompressed, byte for byte", () => {
    const { bytes } = makePack([new Uint8Array([1, 2, 3]), new Uint8Array([4])], "none");
    assert.equal(Buffer.from(bytes).toString("hex"), GOLDEN_PACK);
  });

  it("stores a frame raw when it would not shrink by a sixteenth, frame by frame", () => {
    const prng = new Prng(12);
    const block = Buffer.concat([
      textBlock(prng, FRAME),
      noiseBlock(prng, FRAME),
      noiseBlock(prng, FRAME),
      textBlock(prng, FRAME),
    ]);
    for (const compression of ["lz4", "zstd"] as const) {
      const { index } = makePack([block, noiseBlock(prng, 50)], compression);
      const raw = [0, 1, 2, 3].map((frame) => index.frameStoredLength(frame) === FRAME);
      assert.deepEqual(raw, [false, true, true, false]);
      assert.equal(index.codecs[0], Codec[compression]);
      assert.equal(index.codecs[1], Codec.none);
    }
  });

  it("tries only the middle of a frame that follows a raw one", () => {
    const prng = new Prng(16);
    const hard = Buffer.concat([
      new Uint8Array(FRAME / 2 - 4096),
      noiseBlock(prng, 8192),
      new Uint8Array(FRAME / 2 - 4096),
    ]);
    const { index } = makePack([hard, Buffer.concat([noiseBlock(prng, FRAME), hard])], "lz4");
    assert.ok(index.frameStoredLength(0) < FRAME);
    assert.equal(index.frameStoredLength(2), FRAME);
  });

  it("freezes nothing when a compressed frame does not decode to what was compressed", () => {
    const block = Buffer.alloc(4 * 1024 * 1024);
    const overlapping = { block, output: buffers.output, check: block.subarray(0, FRAME + 4) };
    const sink = new MemorySink();
    const blocks = [textBlock(new Prng(17), 5000)];
    const faulty = { compression: "lz4", buffers: overlapping } as const;
    assert.throws(() => buildPack(planOf(blocks), sourceOf(blocks), sink, faulty), {
      code: "EIO",
      message: /block 0, frame 0: codec 1 does not give back what it was given/,
    });
    assert.ok(sink.abandoned && !sink.committed);
  });

  it("takes lz4 for small blocks and zstd for large ones when adaptive", () => {
    const prng = new Prng(13);
    const { index } = makePack([textBlock(prng, 32_768), textBlock(prng, 32_769)], "adaptive");
    assert.deepEqual([...index.codecs], [Codec.lz4, Codec.zstd]);
  });

  it("takes the largest pack: 8,192 blocks, and one of four 4 MiB blocks", () => {
    const prng = new Prng(14);
    const tiny = Array.from({ length: 8192 }, () => noiseBlock(prng, 1 + prng.below(20)));
    const { index, bytes } = makePack(tiny, "lz4");
    assert.equal(index.blockCount, 8192);
    assert.equal(bytes.length, index.indexOffset + encodedTailLength(bytes));
    const zeros = Array.from({ length: 5 }, () => new Uint8Array(4 * 1024 * 1024));
    assert.equal(makePack(zeros, "lz4").index.plainSize, 20 * 1024 * 1024);
  });

  it("asks onFrame before each frame and abandons the pack when it throws", () => {
    const sink = new MemorySink();
    let count = 0;
    const onFrame = (): void => {
      count++;
      if (count === 3) throw new Error("enough");
    };
    const blocks = [new Uint8Array(2 * FRAME), new Uint8Array(1)];
    assert.throws(
      () => buildPack(planOf(blocks), sourceOf(blocks), sink, { ...options, onFrame }),
      {
        message: "enough",
      },
    );
    assert.equal(sink.abandoned, true);
    assert.equal(sink.committed, false);
  });

  it("abandons the pack when the source or the sink fails", () => {
    const blocks = [new Uint8Array(10)];
    const sink = new MemorySink();
    assert.throws(() => buildPack(planOf(blocks), { read: failing }, sink, options), /broken/);
    assert.ok(sink.abandoned && !sink.committed);
    for (const method of ["write", "commit"] as const) {
      const broken = new MemorySink();
      broken[method] = failing;
      assert.throws(() => buildPack(planOf(blocks), sourceOf(blocks), broken, options), /broken/);
      assert.equal(broken.abandoned, true);
    }
  });
});

describe("StagedPack", () => {
  const prng = new Prng(15);
  const blocks = [textBlock(prng, 300_000), noiseBlock(prng, 5)];
  const build = (root: string, content = blocks): StagedPack => {
    const staged = new StagedPack(root, IDENTITY.timeline, IDENTITY.pack);
    buildPack(planOf(content), sourceOf(content), staged, options);
    return staged;
  };

  it("gives the pack its name only when all its bytes are there", () => {
    const root = makeRoot();
    const staged = new StagedPack(root, IDENTITY.timeline, IDENTITY.pack);
    const source: BlockSource = {
      read: (block, into) => {
        assert.equal(existsSync(staged.path), false);
        into.set(blocks[block]!);
      },
    };
    const built = buildPack(planOf(blocks), source, staged, options);
    assert.equal(readFileSync(staged.path).length, built.size);
    assert.deepEqual(readdirSync(dirname(staged.path)), ["0000000007"]);
    using file = new FilePackSource(staged.path);
    const reader = new PackReader(readPackIndexSync(file, IDENTITY), file, new FrameCache(), 0);
    const into = new Uint8Array(300_000);
    reader.readBlockSync(0, 0, 300_000, into, 0);
    assert.deepEqual(into, blocks[0]);
  });

  it("leaves nothing behind when it is abandoned, and refuses to go on", () => {
    const root = makeRoot();
    const staged = new StagedPack(root, IDENTITY.timeline, IDENTITY.pack);
    staged.write(new Uint8Array(5));
    staged.abandon();
    staged.abandon();
    assert.deepEqual(readdirSync(dirname(staged.path)), []);
    assert.throws(() => staged.write(new Uint8Array(1)), { code: "EBADF" });
    assert.throws(() => staged.commit(), { code: "EBADF" });
  });

  it("builds the same pack again over itself, and never another under its name", () => {
    const root = makeRoot();
    const { path } = build(root);
    const bytes = readFileSync(path);
    build(root);
    assert.throws(() => build(root, [blocks[0]!, new Uint8Array(5)]), { code: "EEXIST" });
    assert.deepEqual(readFileSync(path), bytes);
    assert.deepEqual(readdirSync(dirname(path)), ["0000000007"]);
  });

  it("lets temporary files of a crash be removed, and packs stay", () => {
    const root = makeRoot();
    const { path } = build(root);
    writeFileSync(`${path}.0011223344556677.tmp`, "half a pack");
    assert.equal(removeTemporaries(root), 1);
    assert.deepEqual(readdirSync(dirname(path)), ["0000000007"]);
  });

  it("says which directory it could not use", () => {
    assert.throws(() => new StagedPack("/proc/none", IDENTITY.timeline, IDENTITY.pack), {
      code: "ENOENT",
      message: /cannot stage pack 7 of timeline f0f1/,
    });
  });
});

function encodedTailLength(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(bytes.length - 88 + 56, true) + 88;
}
