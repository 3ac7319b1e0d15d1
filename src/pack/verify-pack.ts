/**
 * Checks all of a pack: what fsck runs, and what an adopted pack is held against (rule K3).
 *
 * Header, index and footer must be right as a whole; frames are checked and decoded one by one, so that the answer says
 * which blocks, of which inodes, are lost.
 */
import type { FrameCache } from "./frame-cache.ts";
import { FRAME_SIZE } from "../core/limits.ts";
import type { PackIdentity } from "./pack-format.ts";
import type { PackIndex, PackPlan } from "./pack-index.ts";
import { DamagedFrameError, PackReader, readPackIndexSync, type PackSource } from "./reader.ts";

export interface PackVerdict {
  readonly index: PackIndex;
  /** One for each frame that cannot be read. */
  readonly damaged: readonly DamagedFrameError[];
}

/** Throws CorruptError when header, index or footer are damaged or another pack's. */
export function verifyPack(
  source: PackSource,
  expected: PackIdentity,
  frames: FrameCache,
): PackVerdict {
  const index = readPackIndexSync(source, expected);
  const reader = new PackReader(index, source, frames, frames.newReaderKey());
  const plain = new Uint8Array(FRAME_SIZE);
  const damaged: DamagedFrameError[] = [];
  for (let block = 0; block < index.blockCount; block++) {
    for (let frame = index.firstFrames[block]!; frame < index.firstFrames[block + 1]!; frame++) {
      const offset = (frame - index.firstFrames[block]!) * FRAME_SIZE;
      try {
        reader.readBlockSync(block, offset, index.framePlainLength(block, frame), plain, 0);
      } catch (error) {
        if (!(error instanceof DamagedFrameError)) throw error;
        damaged.push(error);
      }
    }
  }
  return { index, damaged };
}

/** Whether a pack has exactly the blocks of a plan; their bytes are compared by who has the plan's CRCs. */
export function fitsPlan(index: PackIndex, plan: PackPlan): boolean {
  if (index.blockCount !== plan.plainLengths.length) return false;
  for (let block = 0; block < index.blockCount; block++) {
    const same =
      index.plainLengths[block] === plan.plainLengths[block] &&
      index.inos[block] === plan.inos[block] &&
      index.filePositions[block] === plan.filePositions[block];
    if (!same) return false;
  }
  return true;
}
