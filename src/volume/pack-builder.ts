/**
 * Builds pending packs from their plans into the staging directory (rules K2, K3). Synchronous: runs in a worker
 * thread, or in the engine's own thread in tests.
 */
import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { PackId } from "../core/ids.ts";
import { CorruptError, FsError } from "../core/fs-error.ts";
import type { Disk } from "../journal/disk.ts";
import { JournalRangeReader, type JournalRange } from "../journal/range-reader.ts";
import { buildPack, PackBuffers, type BlockSource } from "../pack/builder.ts";
import type { Compression } from "../pack/codec.ts";
import { StagedPack } from "../pack/staged-pack.ts";
import type { BlockBytes } from "../vfs/file-state.ts";
import { decodePlan, isBlockSource, type PlannedPack } from "../vfs/planned-pack.ts";

export interface PackBuilderOptions {
  readonly disk: Disk;
  readonly journalDir: string;
  readonly journalUuid: Uint8Array;
  readonly stagingRoot: string;
  readonly volumeUuid: string;
  readonly timeline: string;
  readonly compression: Compression;
  /** Stored blocks that are rewritten. */
  readonly blocks: BlockBytes;
}

export interface StagedResult {
  /** Where the frozen bytes are. */
  readonly path: string;
  readonly size: number;
}

export class PackBuilder implements Disposable {
  readonly #options: PackBuilderOptions;
  readonly #ranges: JournalRangeReader;
  readonly #buffers = new PackBuffers();
  readonly #range: JournalRange = {
    segment: 0,
    dataOffset: 0,
    dataLength: 0,
    dataCrc: 0,
    subOffset: 0,
    subLength: 0,
  };

  constructor(options: PackBuilderOptions) {
    this.#options = options;
    const { disk, journalDir: dir, journalUuid: uuid } = options;
    this.#ranges = new JournalRangeReader({ disk, dir, uuid });
  }

  build(pack: PackId, planBytes: Uint8Array): StagedResult {
    const { stagingRoot, timeline, volumeUuid, compression } = this.#options;
    const plan = decodePlan(pack, planBytes);
    const sink = new StagedPack(stagingRoot, timeline, pack);
    const packPlan = {
      identity: { volume: volumeUuid, timeline, pack },
      plainLengths: plan.blocks.map((block) => block.length),
      inos: plan.blocks.map((block) => block.ino),
      filePositions: plan.blocks.map((block) => block.pos),
    };
    const options = { compression, buffers: this.#buffers };
    try {
      const { size } = buildPack(packPlan, this.#source(plan), sink, options);
      return { path: sink.path, size };
    } catch (error) {
      const isStaged = error instanceof FsError && error.code === "EEXIST";
      if (!isStaged || !this.decodesToPlan(pack, planBytes)) throw error;
      // Frozen by a process that died since, and that had another version of a codec: only those bytes may be sent (K3).
      syncDirectories(stagingRoot, sink.path);
      return { path: sink.path, size: statSync(sink.path).size };
    }
  }

  /**
   * Whether the pack that is staged or stands in the store under this name holds what the plan says, block by block: then it is ours
   * from before a crash, packed by another version of a codec, and is adopted (K3).
   */
  decodesToPlan(pack: PackId, planBytes: Uint8Array): boolean {
    const plan = decodePlan(pack, planBytes);
    const source = this.#source(plan);
    for (const [index, block] of plan.blocks.entries()) {
      const planned = this.#buffers.block.subarray(0, block.length);
      const found = Buffer.alloc(block.length);
      source.read(index, planned);
      try {
        const range = { pack, index, offset: 0, length: block.length };
        this.#options.blocks.readBlock(range, found, 0);
      } catch (error) {
        if (error instanceof FsError) return false;
        throw error;
      }
      if (planned.compare(found) !== 0) return false;
    }
    return true;
  }

  [Symbol.dispose](): void {
    this.#ranges[Symbol.dispose]();
  }

  #source(plan: PlannedPack): BlockSource {
    return {
      read: (index, into) => {
        let at = 0;
        const block = plan.blocks[index];
        if (block === undefined) throw new CorruptError(`pack ${plan.id} has no block ${index}`);
        for (const { source, skip, length } of block.pieces) {
          if (isBlockSource(source)) {
            const range = { pack: source.pack, index: source.index, offset: skip, length };
            this.#options.blocks.readBlock(range, into, at);
          } else {
            const range = this.#range;
            range.segment = source.segment;
            range.dataOffset = source.dataAt;
            range.dataLength = source.dataLength;
            range.dataCrc = source.dataCrc;
            range.subOffset = skip;
            range.subLength = length;
            this.#ranges.read(range, into, at);
          }
          at += length;
        }
      },
    };
  }
}

/** Of `path` up to `root`: whoever gave the file its name may have died before. */
function syncDirectories(root: string, path: string): void {
  for (let at = dirname(path); at.length >= root.length; at = dirname(at)) {
    const fd = openSync(at, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}
