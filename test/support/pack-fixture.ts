/** What the tests of this folder build packs with: seeded content, a sink and a source in memory. No tests of its own. */
import { toIno, toPackId } from "../../src/core/ids.ts";
import { BLOCK_SIZE_MAX, FRAME_SIZE } from "../../src/core/limits.ts";
import type { Prng } from "../../src/core/prng.ts";
import { buildPack, PackBuffers, type BuiltPack, type PackSink } from "../../src/pack/builder.ts";
import type { Compression } from "../../src/pack/codec.ts";
import type { PackIdentity } from "../../src/pack/pack-format.ts";
import type { PackPlan } from "../../src/pack/pack-index.ts";
import type { PackSource } from "../../src/pack/reader.ts";

export const IDENTITY: PackIdentity = {
  volume: "000102030405060708090a0b0c0d0e0f",
  timeline: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
  pack: toPackId(7),
};

const sharedBuffers = new PackBuffers();

export class MemorySink implements PackSink {
  readonly parts: Uint8Array[] = [];
  committed = false;
  abandoned = false;

  write(bytes: Uint8Array): void {
    this.parts.push(new Uint8Array(bytes));
  }
  commit(): void {
    this.committed = true;
  }
  abandon(): void {
    this.abandoned = true;
  }
  bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.parts));
  }
}

export class MemorySource implements PackSource {
  bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
  get size(): number {
    return this.bytes.length;
  }
  readSync(offset: number, into: Uint8Array): number {
    const part = this.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }
}

export function planOf(blocks: readonly Uint8Array[], identity: PackIdentity = IDENTITY): PackPlan {
  return {
    identity,
    plainLengths: blocks.map((block) => block.length),
    inos: blocks.map((_, i) => toIno(100 + i)),
    filePositions: blocks.map((block, i) => (block.length > FRAME_SIZE ? i * BLOCK_SIZE_MAX : 0)),
  };
}

export interface FixturePack extends BuiltPack {
  readonly bytes: Uint8Array;
}

export function makePack(
  blocks: readonly Uint8Array[],
  compression: Compression,
  identity: PackIdentity = IDENTITY,
): FixturePack {
  const sink = new MemorySink();
  const source = {
    read: (block: number, into: Uint8Array): void => into.set(blocks[block]!),
  };
  const built = buildPack(planOf(blocks, identity), source, sink, {
    compression,
    buffers: sharedBuffers,
  });
  return { ...built, bytes: sink.bytes() };
}

/** Words from a small vocabulary: shrinks to about a third. */
export function textBlock(prng: Prng, length: number): Uint8Array {
  const words = Array.from({ length: 64 }, () => prng.u32().toString(36));
  let text = "";
  while (text.length < length) text += `${words[prng.below(words.length)]!} `;
  return new Uint8Array(Buffer.from(text.slice(0, length), "latin1"));
}

export function noiseBlock(prng: Prng, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = prng.u32();
  return bytes;
}
