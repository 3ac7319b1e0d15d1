/**
 * The process that serves a volume: its main thread, which loads the engine, speaks with the supervisor, and passes
 * signals and control calls on.
 *
 * What always holds:
 * - A failure of the engine ends the process at once by SIGKILL (rule J2): nothing is cleaned up, recovery replays.
 * - Signals that ask for the end go to the supervisor, which drains and unmounts.
 * - Without a supervisor a process that serves goes on serving, answers the control socket itself, and drains and
 *   unmounts at a signal; it has no net then. One that does not serve yet exits.
 */
import { createRequire } from "node:module";
import { FsError } from "../core/fs-error.ts";
import type { Log } from "../core/log.ts";
import { unmount } from "../fuse/unmount.ts";
import { toControlError } from "./control-message.ts";
import { ControlSocket, type ControlMethods } from "./control-socket.ts";
import type { DrainResult, Engine, EngineEnd, EngineModule } from "./engine-port.ts";
import { readMountConfig, type MountConfig } from "./mount-config.ts";
import { StateDirectory } from "../volume/state-directory.ts";
import { type FromVolume, type ToVolume, VolumeExit, VolumeFd } from "./volume-message.ts";

/** The parts of `process` that are used, so that a test can be one. */
export interface ParentLink {
  send(message: FromVolume): void;
  onMessage(listener: (message: ToVolume) => void): void;
  onDisconnect(listener: () => void): void;
  onSignal(signal: "SIGTERM" | "SIGINT", listener: () => void): void;
  /** After what was sent has left. */
  exit(code: number): void;
  /** SIGKILL to ourselves: the only way that stops an engine thread in the middle of a system call. */
  die(): void;
}

export interface VolumeProcessOptions {
  readonly configPath: string;
  readonly log: Log;
  readonly link: ParentLink;
}

/** Returns once the engine is loaded; what follows comes from the supervisor. */
export async function runVolumeProcess(options: VolumeProcessOptions): Promise<void> {
  const volume = new VolumeProcess(options, readMountConfig(options.configPath));
  await volume.load();
}

class VolumeProcess {
  readonly #config: MountConfig;
  readonly #log: Log;
  readonly #link: ParentLink;
  readonly #calls: Map<number, AbortController> = new Map();
  #engine: Engine | undefined;
  #isServing = false;
  #isAlone = false;
  #isEnding = false;
  #control: ControlSocket | undefined;

  constructor(options: VolumeProcessOptions, config: MountConfig) {
    this.#config = config;
    this.#log = options.log;
    this.#link = options.link;
  }

  async load(): Promise<void> {
    const link = this.#link;
    link.onDisconnect(() => this.#onDisconnect());
    for (const signal of ["SIGTERM", "SIGINT"] as const)
      link.onSignal(signal, () => this.#onSignal(signal));
    const { stateDirectory, mountPoint, volume, engine } = this.#config;
    const require = createRequire(import.meta.url);
    const module = require(engine.module) as Partial<EngineModule>;
    if (typeof module.loadEngine !== "function")
      throw new FsError("EINVAL", `the engine module ${engine.module} exports no loadEngine`);
    this.#engine = await module.loadEngine({
      fds: { fuse: VolumeFd.FUSE, handoff: VolumeFd.HANDOFF },
      stateDirectory,
      mountPoint,
      volume,
      options: engine.options,
      log: this.#log.child("engine"),
    });
    this.#engine.ended.then(
      (end) => this.#onEnded(end),
      (error: unknown) => this.#onFailed(error),
    );
    link.onMessage((message) => this.#onMessage(message));
    link.send({ type: "loaded" });
  }

  #onMessage(message: ToVolume): void {
    switch (message.type) {
      case "serve":
        void this.#serve(message.generation);
        return;
      case "call":
        void this.#call(message.id, message.method, message.params);
        return;
      case "cancel":
        this.#calls.get(message.id)?.abort(new FsError("ECANCELED", "the caller gave up"));
    }
  }

  async #serve(generation: number): Promise<void> {
    try {
      const details = await this.#engine!.serve(generation);
      this.#isServing = true;
      this.#link.send({ type: "serving", details });
      if (this.#isAlone) await this.#takeOverControl();
    } catch (error) {
      // Only an FsError is a refusal; anything else is a crash in recovery, which may pass.
      if (!(error instanceof FsError)) {
        this.#onFailed(error);
        return;
      }
      this.#log.error("the volume cannot be served", { error });
      this.#link.send({ type: "refused", error: toControlError(error) });
      this.#link.exit(VolumeExit.REFUSED);
    }
  }

  async #call(id: number, method: string, params: unknown): Promise<void> {
    const cancel = new AbortController();
    this.#calls.set(id, cancel);
    try {
      const event = (value: unknown): void => this.#link.send({ type: "event", id, event: value });
      const result = await this.#engine!.request({ method, params, signal: cancel.signal, event });
      this.#link.send({ type: "result", id, result: result ?? null });
    } catch (error) {
      this.#link.send({ type: "error", id, error: toControlError(error) });
    } finally {
      this.#calls.delete(id);
    }
  }

  #onEnded(end: EngineEnd): void {
    this.#log.info("the engine has ended", { ...end });
    this.#link.send({ type: "ended", end });
    void this.#exit(end.outcome === "unmounted" ? VolumeExit.UNMOUNTED : VolumeExit.STOPPED);
  }

  #onFailed(error: unknown): void {
    this.#log.error("the engine failed; this process ends, recovery replays", {
      error,
      stack: error instanceof Error ? error.stack : undefined,
    });
    this.#link.die();
  }

  #onSignal(signal: string): void {
    if (!this.#isAlone) this.#link.send({ type: "terminate", signal });
    else if (this.#isEnding) this.#log.info("still draining");
    else void this.#endAlone();
  }

  #onDisconnect(): void {
    this.#isAlone = true;
    if (!this.#isServing) {
      this.#link.exit(VolumeExit.STOPPED);
      return;
    }
    this.#log.error("the supervisor is gone; serving on without a net");
    void this.#takeOverControl();
  }

  async #takeOverControl(): Promise<void> {
    const directory = StateDirectory.peek(this.#config.stateDirectory);
    if (directory === undefined) return;
    try {
      this.#control = await ControlSocket.listen(
        directory.controlSocket,
        this.#controlMethods,
        this.#log,
      );
    } catch (error) {
      this.#log.error("the control socket could not be taken over", { error });
    }
  }

  readonly #controlMethods: ControlMethods = (method) => {
    if (method === "status") return () => Promise.resolve(this.#statusAlone());
    if (method === "unmount")
      return () => {
        if (!this.#isEnding) void this.#endAlone();
        return Promise.resolve({ state: "draining" });
      };
    return ({ params, signal, event }) => this.#engine!.request({ method, params, signal, event });
  };

  #statusAlone(): unknown {
    const { volume, mountPoint, source } = this.#config;
    const state = this.#isEnding ? "draining" : "serving-without-supervisor";
    return { state, volume, mountPoint, source, volumePid: process.pid };
  }

  /** Drain, unmount; the engine then meets ENODEV, drains the rest and ends. */
  async #endAlone(): Promise<void> {
    this.#isEnding = true;
    try {
      const result = (await this.#engine!.request({
        method: "drain",
        params: null,
        signal: new AbortController().signal,
        event: ignore,
      })) as DrainResult;
      if (!result.drained) this.#log.warn("not all is stored", { ...result });
    } catch (error) {
      this.#log.error("draining failed; the journal keeps what is left", { error });
    }
    try {
      await unmountOrDetach(this.#config.mountPoint);
    } catch (error) {
      this.#log.error("the mount could not be removed", { error });
      this.#isEnding = false;
    }
  }

  async #exit(code: number): Promise<void> {
    await this.#control?.[Symbol.asyncDispose]();
    this.#link.exit(code);
  }
}

async function unmountOrDetach(mountPoint: string): Promise<void> {
  try {
    await unmount(mountPoint);
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== "EBUSY") throw error;
    await unmount(mountPoint, { lazy: true });
  }
}

/** A drain's progress has nobody to go to without a supervisor. */
function ignore(): void {}
