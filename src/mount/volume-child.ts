/**
 * One volume process as its supervisor sees it: started, told to serve, asked, and gone.
 *
 * What always holds: it is started from the running executable (`/proc/self/exe`), not from a path that an upgrade may
 * have replaced; it inherits the device, the memory file and the lock, and nothing else; `exited` resolves only once
 * it is reaped, so nobody else may be using them then (rule J7).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { FsError } from "../core/fs-error.ts";
import { fromControlError } from "./control-message.ts";
import type { EngineEnd } from "./engine-port.ts";
import type { FromVolume, ToVolume } from "./volume-message.ts";

/** As libuv resolves it in the child, before exec: the supervisor's own executable. */
const EXECUTABLE = "/proc/self/exe";

export interface VolumeExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface VolumeChildOptions {
  /** The module to run, absolute. */
  readonly entry: string;
  readonly configPath: string;
  readonly fds: { readonly fuse: number; readonly handoff: number; readonly lock: number };
  /** Where its stdout and stderr go. */
  readonly logFd: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly event?: (value: unknown) => void;
}

interface PendingCall {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly event: ((value: unknown) => void) | undefined;
}

export class VolumeChild {
  readonly pid: number;
  /** Once it is reaped; never rejects. */
  readonly exited: Promise<VolumeExitStatus>;
  /** Once it serves, with what recovery found; rejects when it refuses or dies before. */
  readonly serving: Promise<Readonly<Record<string, unknown>>>;
  /** What it said before it exited in order, or why it refused. */
  end: EngineEnd | undefined;
  refusal: FsError | undefined;
  /** Its code is loaded: "serve" costs the recovery alone. */
  isLoaded = false;
  /** Called when it was sent a signal that asks for the end. */
  onTerminate: ((signal: string) => void) | undefined;

  readonly #process: ChildProcess;
  readonly #calls: Map<number, PendingCall> = new Map();
  readonly #becameServing = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  #lastId = 0;

  constructor(options: VolumeChildOptions) {
    const { fuse, handoff, lock } = options.fds;
    this.#process = spawn(EXECUTABLE, [options.entry, options.configPath], {
      stdio: ["ignore", options.logFd, options.logFd, fuse, handoff, lock, "ipc"],
      cwd: "/",
      argv0: "shoal-volume",
    });
    this.serving = this.#becameServing.promise;
    // Whoever wants to know asks; a process that dies unasked is no unhandled rejection.
    this.serving.catch(() => {});
    const exit = Promise.withResolvers<VolumeExitStatus>();
    this.exited = exit.promise;
    this.pid = this.#process.pid ?? -1;
    this.#process.on("message", (message) => this.#receive(message as FromVolume));
    this.#process.on("error", (error) => {
      // It could not be started at all: there will be no "exit".
      if (this.#process.pid !== undefined) return;
      this.#gone(`it could not be started: ${error.message}`);
      exit.resolve({ code: null, signal: null });
    });
    this.#process.on("exit", (code, signal) => {
      const end = (): void => {
        this.#gone(signal === null ? `it exited with code ${code}` : `it died of ${signal}`);
        exit.resolve({ code, signal });
      };
      // Its last words may still be in the channel; the end of the channel comes behind them.
      if (this.#process.connected) this.#process.once("disconnect", end);
      else end();
    });
  }

  serve(generation: number): void {
    this.#send({ type: "serve", generation });
  }

  /** Throws what the engine answers; EAGAIN when the process dies over it. */
  call(method: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    const { signal } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const onAbort = (): void => {
      this.#calls.delete(id);
      this.#send({ type: "cancel", id });
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#calls.set(id, { method, resolve, reject, event: options.event });
    this.#send({ type: "call", id, method, params });
    return promise.finally(() => signal?.removeEventListener("abort", onAbort));
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }

  #send(message: ToVolume): void {
    // A process that is dying cannot be told anything; `exited` says the rest.
    if (this.#process.connected) this.#process.send(message, () => {});
  }

  #receive(message: FromVolume): void {
    switch (message.type) {
      case "loaded":
        this.isLoaded = true;
        return;
      case "serving":
        this.#becameServing.resolve(message.details);
        return;
      case "refused":
        this.refusal = fromControlError(message.error);
        this.#becameServing.reject(this.refusal);
        return;
      case "ended":
        this.end = message.end;
        return;
      case "terminate":
        this.onTerminate?.(message.signal);
        return;
      case "event":
        this.#calls.get(message.id)?.event?.(message.event);
        return;
      case "result":
        this.#take(message.id)?.resolve(message.result);
        return;
      case "error":
        this.#take(message.id)?.reject(fromControlError(message.error));
    }
  }

  #take(id: number): PendingCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    return call;
  }

  #gone(how: string): void {
    this.#becameServing.reject(new FsError("EIO", `the volume process is gone: ${how}`));
    for (const call of this.#calls.values())
      call.reject(
        new FsError(
          "EAGAIN",
          `the volume process died during "${call.method}" (${how}); try again`,
        ),
      );
    this.#calls.clear();
  }
}
