/** What the engine and the threads that work for it say to each other. Plain objects: they may be posted. */
import type { PackId } from "../core/ids.ts";

/** From the engine. */
export type EngineOutput =
  | {
      /** A cut was committed: flush the WAL, build and store the packs (K1, K3). */
      readonly kind: "cut";
      readonly cut: number;
      readonly packs: readonly PackOrder[];
    }
  | {
      /** Packs that died before they were stored: building them is in vain. */
      readonly kind: "cancel";
      readonly packs: readonly PackId[];
    }
  | {
      /** Dead packs whose death is flushed: delete their objects (G4a). */
      readonly kind: "delete";
      readonly packs: readonly PackId[];
    };

export interface PackOrder {
  readonly pack: PackId;
  /** Encoded plan (vfs/planned-pack.ts). */
  readonly plan: Uint8Array;
}

/** To the engine. */
export type EngineInput =
  | { readonly kind: "walSynced"; readonly cut: number }
  | { readonly kind: "packStored"; readonly pack: PackId; readonly storedSize: number }
  /** A pack was given up as asked; nothing of it is in the store. */
  | { readonly kind: "packCancelled"; readonly pack: PackId }
  | { readonly kind: "packDeleted"; readonly pack: PackId }
  /** The store has no room or is away: told so that writers can be told. undefined: it works again. */
  | { readonly kind: "storeProblem"; readonly code: string | undefined; readonly message: string };
