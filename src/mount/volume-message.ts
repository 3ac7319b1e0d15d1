/**
 * What the supervisor and a volume process say to each other, over Node's IPC channel. Both run the same private copy
 * of the program, so there is no version.
 */
import type { ControlError } from "./control-message.ts";
import type { EngineEnd } from "./engine-port.ts";

/** Descriptors a volume process inherits. */
export const VolumeFd = { FUSE: 3, HANDOFF: 4, LOCK: 5 } as const;

/** How a volume process exits. Anything else, and any signal, is a death: it is started again. */
export const VolumeExit = {
  /** It was asked to stop, or its supervisor went before it served. */
  STOPPED: 0,
  /** The device said ENODEV. */
  UNMOUNTED: 10,
  /** The volume must not be served; starting again would end the same way. */
  REFUSED: 11,
} as const;

export type ToVolume =
  | { readonly type: "serve"; readonly generation: number }
  | {
      readonly type: "call";
      readonly id: number;
      readonly method: string;
      readonly params: unknown;
    }
  | { readonly type: "cancel"; readonly id: number };

export type FromVolume =
  /** All code is loaded; it waits for "serve". */
  | { readonly type: "loaded" }
  | { readonly type: "serving"; readonly details: Readonly<Record<string, unknown>> }
  /** It exits with VolumeExit.REFUSED next. */
  | { readonly type: "refused"; readonly error: ControlError }
  /** It exits with STOPPED or UNMOUNTED next. */
  | { readonly type: "ended"; readonly end: EngineEnd }
  /** It was sent a signal that asks for the end; the supervisor decides. */
  | { readonly type: "terminate"; readonly signal: string }
  | { readonly type: "event"; readonly id: number; readonly event: unknown }
  | { readonly type: "result"; readonly id: number; readonly result: unknown }
  | { readonly type: "error"; readonly id: number; readonly error: ControlError };
