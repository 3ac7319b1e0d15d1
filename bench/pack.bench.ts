/**
 * What packs cost: each codec on frames of 128 KiB and blocks of 4 KiB, building a pack, and reading from one.
 *
 * Contents: TypeScript declarations (text), a part of the node binary (binary), seeded noise (random). Prints ratios, a hash
 * of the uncompressed pack (the same from run to run while the samples are), then the timings.
 * Run: node bench/pack.bench.ts [--smoke]
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { bench, run, summary } from "mitata";
import { crc32 } from "../src/core/crc.ts";
import { toPackId } from "../src/core/ids.ts";
import { FRAME_SIZE } from "../src/core/limits.ts";
import { Prng } from "../src/core/prng.ts";
import { buildPack, PackBuffers, type PackSink } from "../src/pack/builder.ts";
import {
  Codec,
  compressFrame,
  decompressFrame,
  FRAME_HEADROOM,
  type Compression,
} from "../src/pack/codec.ts";
import { FrameCache } from "../src/pack/frame-cache.ts";
import type { PackPlan } from "../src/pack/pack-index.ts";
import { PackReader, readPackIndexSync } from "../src/pack/reader.ts";

const SEED = 20;
const isSmoke = process.argv.includes("--smoke");
const SAMPLE_SIZE = isSmoke ? 4 * FRAME_SIZE : 16 * FRAME_SIZE;
const SMALL_SIZE = 4096;
const COMPRESSIONS: readonly Compression[] = ["none", "lz4", "zstd", "adaptive"];

interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

function textSample(): Buffer {
  const root = join(import.meta.dirname, "../node_modules/@types/node");
  const names = readdirSync(root).filter((name) => name.endsWith(".d.ts"));
  const files = names.sort().map((name) => readFileSync(join(root, name)));
  return Buffer.concat(files).subarray(0, SAMPLE_SIZE);
}

function binarySample(): Buffer {
  const bytes = Buffer.alloc(SAMPLE_SIZE);
  const fd = openSync(process.execPath, "r");
  // Past the headers and the read-only data, in the middle of machine code.
  readSync(fd, bytes, 0, SAMPLE_SIZE, 30 * 1024 * 1024);
  closeSync(fd);
  return bytes;
}

function noiseSample(): Buffer {
  const prng = new Prng(SEED);
  const bytes = Buffer.alloc(SAMPLE_SIZE);
  for (let i = 0; i < bytes.length; i++) bytes[i] = prng.u32();
  return bytes;
}

const samples: readonly Sample[] = [
  { name: "text", bytes: textSample() },
  { name: "binary", bytes: binarySample() },
  { name: "random", bytes: noiseSample() },
];

function pieces(bytes: Buffer, size: number): Buffer[] {
  const count = Math.floor(bytes.length / size);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

function benchCodec(sample: Sample, size: number, codec: Codec, codecName: string): void {
  const plain = pieces(sample.bytes, size);
  const stored = plain.map((piece) => compressFrame(codec, piece));
  const storedSize = stored.reduce((sum, piece, i) => sum + (piece ?? plain[i]!).length, 0);
  const ratio = ((plain.length * size) / storedSize).toFixed(2);
  console.log(`ratio ${sample.name} ${size} ${codecName}: ${ratio}`);
  let next = 0;
  bench(`compress ${sample.name} ${size} ${codecName} (${ratio})`, () => {
    next = (next + 1) % plain.length;
    return compressFrame(codec, plain[next]!);
  });
  const compressed = stored.filter((piece) => piece !== undefined);
  if (compressed.length === 0) return;
  const scratch = Buffer.alloc(FRAME_HEADROOM + size);
  bench(`decompress ${sample.name} ${size} ${codecName}`, () => {
    next = (next + 1) % compressed.length;
    const piece = compressed[next]!;
    scratch.set(piece, FRAME_HEADROOM);
    return decompressFrame(codec, scratch, piece.length, size);
  });
}

class GatheringSink implements PackSink {
  readonly parts: Uint8Array[] = [];
  write(bytes: Uint8Array): void {
    this.parts.push(new Uint8Array(bytes));
  }
  commit(): void {}
  abandon(): void {}
}

const buffers = new PackBuffers();

function build(bytes: Buffer, blockSize: number, compression: Compression): GatheringSink {
  const blocks = pieces(bytes, blockSize);
  const plan: PackPlan = {
    identity: {
      volume: "00112233445566778899aabbccddeeff",
      timeline: "ffeeddccbbaa99887766554433221100",
      pack: toPackId(1),
    },
    plainLengths: blocks.map((block) => block.length),
    inos: blocks.map((_, i) => 100 + i),
    filePositions: blocks.map(() => 0),
  };
  const sink = new GatheringSink();
  const source = { read: (block: number, into: Uint8Array): void => into.set(blocks[block]!) };
  buildPack(plan, source, sink, { compression, buffers });
  return sink;
}

function benchPack(sample: Sample, blockSize: number, compression: Compression): void {
  const name = `${sample.name} ${SAMPLE_SIZE >>> 10} KiB of ${blockSize >>> 10} KiB blocks, ${compression}`;
  const bytes = Buffer.concat(build(sample.bytes, blockSize, compression).parts);
  if (compression === "none") {
    const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    console.log(`sha256 ${name}: ${hash}`);
  }
  bench(`build ${name}`, () => build(sample.bytes, blockSize, compression));
  const source = {
    size: bytes.length,
    readSync: (offset: number, into: Uint8Array): number => {
      into.set(bytes.subarray(offset, offset + into.length));
      return into.length;
    },
  };
  const identity = {
    volume: "00112233445566778899aabbccddeeff",
    timeline: "ffeeddccbbaa99887766554433221100",
    pack: toPackId(1),
  };
  const frames = new FrameCache();
  const index = readPackIndexSync(source, identity);
  const reader = new PackReader(index, source, frames, frames.newReaderKey());
  const into = new Uint8Array(blockSize);
  let block = 0;
  bench(`read block ${name}`, () => {
    block = (block + 1) % index.blockCount;
    reader.readBlockSync(block, 0, index.plainLengths[block]!, into, 0);
  });
  if (blockSize < FRAME_SIZE) return;
  let at = 0;
  bench(`read 4 KiB of a frame not decoded yet ${name}`, () => {
    block = (block + 1) % index.blockCount;
    const fresh = new PackReader(index, source, frames, frames.newReaderKey());
    fresh.readBlockSync(block, 0, SMALL_SIZE, into, 0);
  });
  bench(`read 4 KiB of a decoded frame ${name}`, () => {
    at = (at + SMALL_SIZE) % blockSize;
    reader.readBlockSync(0, at, SMALL_SIZE, into, 0);
  });
}

for (const sample of samples) {
  for (const size of [SMALL_SIZE, FRAME_SIZE]) {
    summary(() => {
      benchCodec(sample, size, Codec.lz4, "lz4");
      benchCodec(sample, size, Codec.zstd, "zstd-1");
    });
  }
}
const noise = samples[2]!.bytes;
bench("crc32 4096", () => crc32(noise.subarray(0, SMALL_SIZE)));
bench("crc32 131072", () => crc32(noise.subarray(0, FRAME_SIZE)));
for (const sample of samples) {
  for (const compression of COMPRESSIONS) {
    benchPack(sample, SAMPLE_SIZE / 4, compression);
    if (sample.name === "text") benchPack(sample, SMALL_SIZE, compression);
  }
}

/** `mitata` measures each for half a second or so; smoke runs only see that everything still works. */
if (!isSmoke) await run({ format: "quiet", print: () => {} }).then(report);

interface Stats {
  readonly p50: number;
  readonly avg: number;
}

interface Trial {
  readonly runs: readonly { readonly name: string; readonly stats?: Stats | undefined }[];
}

function report(result: { readonly benchmarks: readonly Trial[] }): void {
  for (const { runs } of result.benchmarks) {
    for (const { name, stats } of runs) {
      if (stats === undefined) continue;
      console.log(
        `${name}: median ${(stats.p50 / 1000).toFixed(1)} us, mean ${(stats.avg / 1000).toFixed(1)} us`,
      );
    }
  }
}
