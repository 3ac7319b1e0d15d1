/** What every step on history needs of the world; passed in, so that a simulation can be one. */
import type { Entropy } from "../core/entropy.ts";
import type { ObjectStore } from "../object/object-store.ts";
import type { Instant } from "./instant.ts";
import type { ReplicaLayout } from "./object-keys.ts";

export interface TimelineContext {
  /** May throw ObjectStoreError; `retryable` ones leave open whether the call took effect. */
  readonly store: ObjectStore;
  readonly layout: ReplicaLayout;
  readonly entropy: Entropy;
  readonly seals: SealFormat;
  readonly signal?: AbortSignal;
}

/** What a seal looks like (C6): a batch that changes nothing, marked in its header. */
export interface SealFormat {
  /** Bytes at the beginning of a batch that `isSeal` wants. */
  readonly headerSize: number;
  /** Throws CorruptError when the bytes are no batch's; `where` names it. */
  isSeal(header: Uint8Array, where: string): boolean;
  /**
   * The seal `at`, over what `last` restores: the timeline's last batch, or its parent where it has none; undefined
   * when nothing was ever shipped.
   */
  make(at: Instant, last: Instant | undefined): Promise<Uint8Array>;
}
