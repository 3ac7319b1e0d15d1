/**
 * Reads stored blocks whose packs lie in a local directory: the staging directory, or a `file` store read in place
 * (nothing is cached twice).
 *
 * What always holds: at most OPEN_COUNT_MAX packs are open; every frame's checksum is verified before its bytes are
 * handed out (pack/reader.ts).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FsError } from "../core/fs-error.ts";
import type { PackId } from "../core/ids.ts";
import { FrameCache } from "../pack/frame-cache.ts";
import { packKey, packPath } from "../pack/pack-name.ts";
import { FilePackSource, PackReader, readPackIndexSync } from "../pack/reader.ts";
import type { BlockBytes, BlockRange } from "../vfs/file-state.ts";

/** Open descriptors are few: 20,000 a process here, and other parts want some too. */
const OPEN_COUNT_MAX = 128;

interface OpenPack {
  readonly source: FilePackSource;
  readonly reader: PackReader;
}

export class LocalBlocks implements BlockBytes, Disposable {
  readonly #storeRoot: string;
  readonly #stagingRoot: string;
  readonly #volume: string;
  readonly #timeline: string;
  readonly #frames = new FrameCache();
  /** Least lately used first. */
  readonly #open = new Map<PackId, OpenPack>();

  constructor(options: {
    readonly storeRoot: string;
    readonly stagingRoot: string;
    readonly volumeUuid: string;
    readonly timeline: string;
  }) {
    this.#storeRoot = options.storeRoot;
    this.#stagingRoot = options.stagingRoot;
    this.#volume = options.volumeUuid;
    this.#timeline = options.timeline;
  }

  readBlock(range: BlockRange, into: Uint8Array, at: number): void {
    const { reader } = this.#get(range.pack);
    reader.readBlockSync(range.index, range.offset, range.length, into, at);
  }

  /** The pack is about to be deleted. */
  forget(pack: PackId): void {
    this.#open.get(pack)?.source[Symbol.dispose]();
    this.#open.delete(pack);
  }

  [Symbol.dispose](): void {
    for (const open of this.#open.values()) open.source[Symbol.dispose]();
    this.#open.clear();
  }

  #get(pack: PackId): OpenPack {
    const known = this.#open.get(pack);
    if (known !== undefined) {
      this.#open.delete(pack);
      this.#open.set(pack, known);
      return known;
    }
    const source = new FilePackSource(this.#find(pack));
    try {
      const identity = { volume: this.#volume, timeline: this.#timeline, pack };
      const reader = new PackReader(
        readPackIndexSync(source, identity),
        source,
        this.#frames,
        this.#frames.newReaderKey(),
      );
      this.#evict();
      const open = { source, reader };
      this.#open.set(pack, open);
      return open;
    } catch (error) {
      source[Symbol.dispose]();
      throw error;
    }
  }

  #find(pack: PackId): string {
    const stored = join(this.#storeRoot, packKey(this.#timeline, pack));
    if (existsSync(stored)) return stored;
    const staged = join(this.#stagingRoot, packPath(this.#timeline, pack));
    if (existsSync(staged)) return staged;
    throw new FsError("EIO", `pack ${pack} is missing: ${stored} does not exist`);
  }

  #evict(): void {
    for (const [pack, open] of this.#open) {
      if (this.#open.size < OPEN_COUNT_MAX) return;
      open.source[Symbol.dispose]();
      this.#open.delete(pack);
    }
  }
}
