/**
 * Builds a pack: reads the planned blocks one by one, compresses their frames, writes them to a sink, then the tail.
 *
 * Synchronous, made for a worker thread. What always holds: blocks appear in the plan's order under the plan's lengths; the
 * same plan and bytes give the same pack, byte for byte, as long as the codec's library is the same (after an upgrade a
 * lost pack is adopted from the store instead, rule K3); every compressed frame was decoded and compared before it
 * was written, so that a fault of a codec or of memory cannot freeze wrong bytes under a right checksum. On any error the
 * sink is abandoned and the error rethrown. Memory is what PackBuffers holds, plus one frame's compressed bytes.
 */
import { assert } from "../core/assert.ts";
import { crc32 } from "../core/crc.ts";
import { CorruptError } from "../core/fs-error.ts";
import { BLOCK_SIZE_MAX, FRAME_SIZE } from "../core/limits.ts";
import {
  chooseCodec,
  Codec,
  compressFrame,
  decompressFrame,
  FRAME_HEADROOM,
  type Compression,
} from "./codec.ts";
import { describePack, encodePackHeader, PACK_HEADER_SIZE } from "./pack-format.ts";
import { encodePackTail, PackIndex, type PackPlan } from "./pack-index.ts";

/** Where the plain bytes of planned blocks come from: the journal, or packs that are being repacked. */
export interface BlockSource {
  /** Fills `into`, which is as long as the block; throws CorruptError when its own checksums do not hold. */
  read(block: number, into: Uint8Array): void;
}

/** Where a pack's bytes go, in order. Either `commit` or `abandon` ends it. */
export interface PackSink {
  /** Takes all of `bytes` or throws; does not keep them. */
  write(bytes: Uint8Array): void;
  /** Everything was written: makes it durable and gives it its name. */
  commit(): void;
  /** Removes what was written. Never throws. */
  abandon(): void;
}

export interface BuildOptions {
  readonly compression: Compression;
  readonly buffers: PackBuffers;
  /** Called before each frame; may sleep to leave the CPU to others, or throw to give the pack up. */
  readonly onFrame?: () => void;
}

export interface BuiltPack {
  readonly index: PackIndex;
  /** Index and footer as written: what a pack row keeps. */
  readonly tail: Uint8Array;
  /** Of the whole object. */
  readonly size: number;
}

/** Sequential writes to the sink are gathered to this. */
const WRITE_SIZE: number = 1024 * 1024;
/** How much of a frame is tried when the frame before it was not compressible. */
const PROBE_SIZE = 4096;

/** What a build works in, a little over 5 MiB; reused from pack to pack, for one build at a time. */
export class PackBuffers {
  readonly block: Buffer = Buffer.allocUnsafeSlow(BLOCK_SIZE_MAX);
  readonly output: Buffer = Buffer.allocUnsafeSlow(WRITE_SIZE);
  readonly check: Buffer = Buffer.allocUnsafeSlow(FRAME_HEADROOM + FRAME_SIZE);
}

export function buildPack(
  plan: PackPlan,
  source: BlockSource,
  sink: PackSink,
  options: BuildOptions,
): BuiltPack {
  try {
    const index = new PackIndex(plan);
    const writer = new GatheringWriter(sink, options.buffers.output);
    writer.append(encodePackHeader());
    for (let block = 0; block < index.blockCount; block++) {
      const plain = options.buffers.block.subarray(0, index.plainLengths[block]!);
      source.read(block, plain);
      writeBlock(index, block, plain, { writer, options });
    }
    const tail = encodePackTail(index);
    assert(writer.length === index.indexOffset, "the index begins where the frames end");
    writer.append(tail);
    writer.flush();
    sink.commit();
    return { index, tail, size: writer.length };
  } catch (error) {
    sink.abandon();
    throw error;
  }
}

interface BlockWork {
  readonly writer: GatheringWriter;
  readonly options: BuildOptions;
}

function writeBlock(index: PackIndex, block: number, plain: Buffer, work: BlockWork): void {
  const { writer, options } = work;
  const codec = chooseCodec(options.compression, plain.length);
  const first = index.firstFrames[block]!;
  const end = index.firstFrames[block + 1]!;
  let compressedCount = 0;
  let wasRaw = false;
  for (let frame = first; frame < end; frame++) {
    options.onFrame?.();
    const from = (frame - first) * FRAME_SIZE;
    const framePlain = plain.subarray(from, from + index.framePlainLength(block, frame));
    const skip: boolean = wasRaw && !probe(codec, framePlain);
    const compressed: Buffer | undefined = skip ? undefined : compressFrame(codec, framePlain);
    if (compressed !== undefined) {
      const name = describePack(index.identity.timeline, index.identity.pack);
      checkFrame(codec, compressed, framePlain, {
        check: options.buffers.check,
        what: `${name}, block ${block}, frame ${frame - first}`,
      });
      compressedCount++;
    }
    wasRaw = compressed === undefined;
    const stored = compressed ?? framePlain;
    index.frameCrcs[frame] = crc32(stored);
    index.frameOffsets[frame + 1] = index.frameOffsets[frame]! + stored.length;
    writer.append(stored);
  }
  index.codecs[block] = compressedCount === 0 ? Codec.none : codec;
}

/** Whether the middle of a frame shrinks: a small price against trying a whole frame of film or ciphertext. */
function probe(codec: Codec, plain: Buffer): boolean {
  if (plain.length <= PROBE_SIZE) return true;
  const from = Math.floor((plain.length - PROBE_SIZE) / 2);
  return compressFrame(codec, plain.subarray(from, from + PROBE_SIZE)) !== undefined;
}

function checkFrame(
  codec: Codec,
  stored: Buffer,
  plain: Buffer,
  context: { readonly check: Buffer; readonly what: string },
): void {
  context.check.set(stored, FRAME_HEADROOM);
  let cause: unknown;
  try {
    const decoded = decompressFrame(codec, context.check, stored.length, plain.length);
    if (decoded.compare(plain) === 0) return;
  } catch (error) {
    cause = error;
  }
  throw new CorruptError(`${context.what}: codec ${codec} does not give back what it was given`, {
    cause,
  });
}

class GatheringWriter {
  readonly #sink: PackSink;
  readonly #buffer: Buffer;
  #used = 0;
  /** Bytes appended so far. */
  length = 0;

  constructor(sink: PackSink, buffer: Buffer) {
    assert(buffer.length >= FRAME_SIZE + PACK_HEADER_SIZE, "a frame fits the output buffer");
    this.#sink = sink;
    this.#buffer = buffer;
  }

  append(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (this.#used + bytes.length > this.#buffer.length) this.flush();
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  flush(): void {
    if (this.#used > 0) this.#sink.write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
