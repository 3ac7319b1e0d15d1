/**
 * Reads stored blocks of one volume whose packs are on this machine: staged, or in a `file` store's own directory, which
 * is read in place (nothing is cached twice).
 *
 * What always holds: every frame's checksum is verified before its bytes are handed out (pack/locator.ts); a pack that
 * is missing or damaged fails with an error that names it, and only for the range that needs it.
 */
import type { Clock } from "../core/clock.ts";
import { CorruptError } from "../core/fs-error.ts";
import type { PackId } from "../core/ids.ts";
import { FrameCache } from "../pack/frame-cache.ts";
import { PackLocator, ReadOutcome } from "../pack/locator.ts";
import type { PackIndex } from "../pack/pack-index.ts";
import type { BlockBytes, BlockRange } from "../vfs/file-state.ts";

export class LocalBlocks implements BlockBytes, Disposable {
  readonly #locator: PackLocator;
  readonly #storeRoot: string;
  readonly #timeline: string;

  constructor(options: {
    readonly storeRoot: string;
    readonly stagingRoot: string;
    readonly volumeUuid: string;
    readonly timeline: string;
    readonly clock: Clock;
  }) {
    this.#storeRoot = options.storeRoot;
    this.#timeline = options.timeline;
    this.#locator = new PackLocator({
      volume: options.volumeUuid,
      stagingDirectory: options.stagingRoot,
      storeDirectory: options.storeRoot,
      cacheDirectory: undefined,
      frames: new FrameCache(),
      clock: options.clock,
    });
  }

  readBlock(range: BlockRange, into: Uint8Array, at: number): void {
    const { pack, index, offset, length } = range;
    const timeline = this.#timeline;
    const outcome = this.#locator.readSync(timeline, pack, index, offset, length, into, at);
    if (outcome !== ReadOutcome.done) throw this.#missing(pack);
  }

  /** What a pack was made of. Throws CorruptError when its index is damaged, EIO when it is missing. */
  hints(pack: PackId): PackIndex {
    const index = this.#locator.index(this.#timeline, pack);
    if (typeof index === "number") throw this.#missing(pack);
    return index;
  }

  /** The pack is about to be deleted. */
  forget(pack: PackId): void {
    this.#locator.forget(this.#timeline, pack);
  }

  [Symbol.dispose](): void {
    this.#locator[Symbol.dispose]();
  }

  #missing(pack: PackId): CorruptError {
    return new CorruptError(
      `pack ${pack} of timeline ${this.#timeline} is missing in ${this.#storeRoot}`,
    );
  }
}
