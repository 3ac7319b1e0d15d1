/**
 * What the threads of a volume process say to each other. The engine thread is synchronous: whoever sends it something
 * rings its doorbell afterwards.
 */
import type { MessagePort } from "node:worker_threads";
import type { Compression } from "../../pack/codec.ts";
import type { EngineInput, EngineOutput } from "../../volume/engine-message.ts";
import type { FlushOrder } from "../../volume/flush-work.ts";

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
  /** False with noatime: reads change nothing. */
  readonly keepsAtime: boolean;
  /** Serve Prometheus metrics on this port of 127.0.0.1. */
  readonly metricsPort: number | undefined;
  /** What all processes of the mount may take together, in bytes; undefined: the default. */
  readonly memorySize: number | undefined;
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
  | (Extract<FlushOrder, { kind: "flush" }> & {
      /** FSYNCs to be answered when it is done: pairs of unique low, high, and the deferred table's index. */
      readonly waiters: readonly DeferredFsync[];
    })
  | Extract<FlushOrder, { kind: "spare" }>;

export interface DeferredFsync {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  /** In the hand-off area's deferred table. */
  readonly index: number;
}
