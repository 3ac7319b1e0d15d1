/**
 * What the threads of a volume process say to each other. The engine thread is synchronous: whoever sends it something
 * rings its doorbell afterwards.
 */
import type { MessagePort } from "node:worker_threads";
import type { FlushTicket } from "../../journal/flush-ticket.ts";
import type { SpareOrder } from "../../journal/spare.ts";
import type { Compression } from "../../pack/codec.ts";
import type { EngineInput, EngineOutput } from "../../volume/engine-message.ts";

/** The engine's own part of a mount's configuration. JSON. */
export interface VolumeEngineOptions {
  /** The volume's directory: the root of its `file` store. */
  readonly root: string;
  readonly uuid: string;
  readonly timeline: string;
  readonly compression: Compression;
  readonly acl: boolean;
  readonly level: "memory" | "disk";
  readonly readOnly: boolean;
  /** Serve Prometheus metrics on this port of 127.0.0.1. */
  readonly metricsPort: number | undefined;
}

/** What every thread of the process knows; each maps the hand-off area for itself. */
export interface ThreadStart {
  readonly fuseFd: number;
  readonly handoffFd: number;
  readonly doorbellFd: number;
  readonly stateDirectory: string;
  readonly options: VolumeEngineOptions;
}

export interface EngineThreadStart extends ThreadStart {
  readonly flushPort: MessagePort;
  readonly notifierPort: MessagePort;
}

/** Main to engine. */
export type ToEngine =
  | { readonly kind: "serve"; readonly generation: number }
  | { readonly kind: "input"; readonly input: EngineInput }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly method: string;
      readonly params: unknown;
    }
  /** End the loop: nothing more is read from the device. */
  | { readonly kind: "stop" };

/** Engine to main. */
export type FromEngine =
  | { readonly kind: "loaded" }
  | {
      readonly kind: "serving";
      readonly journalDir: string;
      readonly journalUuid: string;
      /** Packs that are still to be stored: what else is staged may go. */
      readonly pendingPacks: readonly number[];
      readonly findings: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "refused"; readonly code: string; readonly message: string }
  | { readonly kind: "output"; readonly output: EngineOutput }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | {
      readonly kind: "failure";
      readonly id: number;
      readonly code: string;
      readonly message: string;
    }
  /** Requests that were answered, while somebody observes. */
  | { readonly kind: "access"; readonly records: readonly AccessEntry[] }
  /** The loop ended and everything is stored. */
  | { readonly kind: "ended"; readonly outcome: "unmounted" | "stopped" };

/** One answered request, as `shoal log --follow` shows it. */
export interface AccessEntry {
  /** When it was answered: milliseconds since 1970. */
  readonly timeMs: number;
  readonly operation: string;
  readonly uid: number;
  readonly pid: number;
  readonly arguments: string;
  /** "ok", "later" (another thread answers), or an error's code. */
  readonly result: string;
  readonly durationUs: number;
}

/** Engine to flush thread. */
export type ToFlush =
  | {
      readonly kind: "flush";
      readonly ticket: FlushTicket;
      /** FSYNCs to be answered when it is done: pairs of unique low, high, and the deferred table's index. */
      readonly waiters: readonly DeferredFsync[];
    }
  | { readonly kind: "spare"; readonly order: SpareOrder };

export interface DeferredFsync {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  /** In the hand-off area's deferred table. */
  readonly index: number;
}

/** Flush thread to engine. */
export type FromFlush =
  | { readonly kind: "flushed" }
  | { readonly kind: "flushFailed"; readonly message: string }
  | { readonly kind: "spareReady"; readonly order: SpareOrder }
  | { readonly kind: "spareFailed" };

/** Main to pack thread. */
export interface ToPacks {
  /** "compare": does the stored pack hold what the plan says? */
  readonly kind: "build" | "compare";
  readonly pack: number;
  readonly plan: Uint8Array;
}

/** Pack thread to main. */
export type FromPacks =
  | { readonly kind: "staged"; readonly pack: number; readonly path: string; readonly size: number }
  | { readonly kind: "compared"; readonly pack: number; readonly isSame: boolean }
  | {
      readonly kind: "failed";
      readonly pack: number;
      readonly code: string;
      readonly message: string;
    };
