/**
 * What a volume process needs of the engine it runs: the port between the two, so that either can be tested with a fake.
 *
 * The module named in the mount's configuration exports `loadEngine`. Loading may take as long as it likes, for a warm
 * spare does it ahead of time; it opens nothing that belongs to the volume. `serve` opens, recovers and serves: only
 * that counts as a client's pause after a death.
 */
import type { Log } from "../core/log.ts";

export interface EngineFds {
  /** /dev/fuse, mounted, non-blocking, INIT answered. */
  readonly fuse: number;
  /** The memory file of handoff-area.ts. */
  readonly handoff: number;
}

export interface EngineStart {
  readonly fds: EngineFds;
  readonly stateDirectory: string;
  readonly mountPoint: string;
  /** The volume's uuid. */
  readonly volume: string;
  /** As the mount's configuration has it: JSON, the engine's own. */
  readonly options: unknown;
  readonly log: Log;
}

/** How an engine ended in order. */
export interface EngineEnd {
  /** "unmounted": the device said ENODEV. "stopped": it was asked to. */
  readonly outcome: "unmounted" | "stopped";
  /** All that was acknowledged is where the volume keeps it; false: some of it only in the journal. */
  readonly drained: boolean;
  /** What is left and why, when it is not drained. */
  readonly message?: string;
}

export interface EngineCall {
  readonly method: string;
  readonly params: unknown;
  readonly signal: AbortSignal;
  readonly event: (value: unknown) => void;
}

/** What "drain" answers. */
export interface DrainResult {
  readonly drained: boolean;
  readonly message?: string;
}

export interface Engine {
  /**
   * Opens the volume, recovers, answers what the process before left unanswered, and serves. Resolves once it serves,
   * with what recovery found, for the log. Rejects with an FsError when the volume must not be served (corrupt, fenced,
   * of a newer format): that is a refusal, and is not tried again. Any other error is a crash (rule J2): the process
   * dies and is started again. `generation` is 1 for a kernel connection's first engine.
   */
  serve(generation: number): Promise<Readonly<Record<string, unknown>>>;
  /**
   * Control methods. Two are always there: "drain" stores all that was acknowledged so far and goes on serving
   * (DrainResult); "stop" ends the engine after a last drain. EOPNOTSUPP for one it does not know.
   */
  request(call: EngineCall): Promise<unknown>;
  /** Resolves at an end in order, after a last drain. Rejects when the engine failed: the process then dies (rule J2). */
  readonly ended: Promise<EngineEnd>;
}

export type LoadEngine = (start: EngineStart) => Promise<Engine>;

/** The shape of the module that the configuration names. */
export interface EngineModule {
  readonly loadEngine: LoadEngine;
}
