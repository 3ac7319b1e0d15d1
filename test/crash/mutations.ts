/** Rules left out by test doubles, and what the crash test says of each. */
import type { FileState } from "../../src/vfs/file-state.ts";
import { buildPack, PackBuffers } from "../../src/pack/builder.ts";
import { StagedPack } from "../../src/pack/staged-pack.ts";
import type { PackId } from "../../src/core/ids.ts";
import { decodePlan } from "../../src/vfs/planned-pack.ts";
import type { StagedResult } from "../../src/volume/pack-builder.ts";
import { MutantDisk } from "../support/mutant-disk.ts";
import type { HarnessOptions, VolumeHarness } from "../support/volume-harness.ts";

export interface Mutation {
  readonly name: string;
  /** What the complaint must say. */
  readonly symptom: RegExp;
  readonly harness: () => HarnessOptions;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "K1: the cut commits without flushing the journal",
    symptom: /record \d+ is missing .* but records up to \d+ were flushed/,
    harness: withoutFlushInCut,
  },
  {
    name: "J9, G4a: segments and packs go before the WAL is flushed",
    symptom:
      /pack \d+ has no row|is missing|stored already with other bytes|the tree is that after/,
    harness: () => ({ syncsWal: false }),
  },
  {
    name: "J5: a new journal is used before its position is flushed",
    symptom: /the tree is that after/,
    harness: () => ({ disk: new MutantDisk((path) => path.endsWith("-wal")) }),
  },
  {
    name: "J6: the journal's directory is not made durable",
    symptom: /the journal .* is missing, but the volume was not stopped cleanly/,
    harness: () => ({ disk: new MutantDisk((path) => path.endsWith("/state")) }),
  },
  {
    name: "K2: packs are rebuilt from the overlay",
    symptom: /with other bytes|the tree is that after/,
    harness: () => ({ buildPack: buildFromOverlay }),
  },
];

function withoutFlushInCut(): HarnessOptions {
  let isCutting = false;
  const onOpen = ({ core }: VolumeHarness): void => {
    const cut = core.cut.bind(core);
    core.cut = (options) => {
      isCutting = true;
      try {
        return cut(options);
      } finally {
        isCutting = false;
      }
    };
  };
  return { onOpen, disk: new MutantDisk((path) => isCutting && path.endsWith(".seg")) };
}

/** Builds a pack from what its files are by now, where its plan says what they were. */
export function buildFromOverlay(
  harness: VolumeHarness,
  pack: PackId,
  planBytes: Uint8Array,
): StagedResult {
  const plan = decodePlan(pack, planBytes);
  const { config, stagingRoot } = harness;
  const sink = new StagedPack(stagingRoot, config.timeline, pack);
  const built = buildPack(
    {
      identity: { volume: config.uuid, timeline: config.timeline, pack },
      plainLengths: plan.blocks.map((block) => block.length),
      inos: plan.blocks.map((block) => block.ino),
      filePositions: plan.blocks.map((block) => block.pos),
    },
    {
      read: (index, into) => {
        const { ino, pos, length } = plan.blocks[index]!;
        into.fill(0);
        const inode = (harness.state as FileState).meta.getInode(ino);
        if (inode !== undefined) harness.core.reader.read(inode, { offset: pos, length }, into, 0);
      },
    },
    sink,
    { compression: config.compression, buffers: new PackBuffers() },
  );
  return { path: sink.path, size: built.size };
}
