/**
 * The parent of a mount: owns the device, the memory file, the lock and INIT's answer, keeps one volume process
 * serving, and ends the mount in order (rule J7, DESIGN.md section 4).
 *
 * What always holds:
 * - At most one volume process serves; the next starts once the one before is reaped.
 * - A death is never an error for applications: their requests wait for the next process. Only a crash loop is
 *   answered EIO, by the supervisor itself; the journal stays as it is and `restart` tries again.
 * - A stop loses nothing, however it ends: what is not stored when its time is over stays in the journal.
 * - Nothing here opens a path on the mount, reads the volume or blocks the thread: it must outlive everything.
 */
import type { Clock } from "../core/clock.ts";
import { FsError } from "../core/fs-error.ts";
import type { Log } from "../core/log.ts";
import { DeviceChannel } from "../fuse/channel.ts";
import type { DrainResult, EngineEnd } from "./engine-port.ts";
import type { HandoffArea } from "./handoff-area.ts";
import type { MountConfig } from "./mount-config.ts";
import { refuseAll } from "./refuse-all.ts";
import { RestartPolicy } from "./restart-policy.ts";
import type { VolumeChild } from "./volume-child.ts";
import { isOverAfter, rejectedAt, StopLimit } from "./stop-limit.ts";
import { VolumeExit } from "./volume-message.ts";
import type { EngineStateAnswer } from "./volume-state.ts";

/** After a process serves, before its spare is loaded: recovery and the requests that waited come first. */
const SPARE_DELAY_MS = 1000;
/** A mount that has never served is given up sooner: somebody waits for it at a terminal. */
const START_DEATHS_MAX = 3;
/** A busy mount that was detached is served on that long, for programs that are ending too. */
const DETACH_WAIT_MS = 10_000;
/** How often a stop says what it waits for. */
const DRAIN_SAY_INTERVAL_MS = 5000;

export type SupervisorState =
  | "starting"
  | "serving"
  | "restarting"
  | "crash-loop"
  | "draining"
  | "ended";

/** What the supervisor does to the world, so that tests can do without one. */
export interface SupervisorWorld {
  spawn(): VolumeChild;
  /** EBUSY when somebody uses the mount. */
  unmount(options: { readonly lazy: boolean }): Promise<void>;
  /** Who keeps it busy, a line each. */
  holders(): readonly string[];
  /** Another volume process serves now, or none. */
  served(pid: number | undefined): void;
}

export interface SupervisorOptions {
  readonly config: MountConfig;
  readonly fuseFd: number;
  readonly area: HandoffArea;
  readonly world: SupervisorWorld;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SupervisorEnd {
  /** All that was acknowledged is where the volume keeps it. */
  readonly drained: boolean;
  readonly message?: string;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #policy: RestartPolicy;
  readonly #firstServing = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  readonly #startedMs: number;
  #state: SupervisorState = "starting";
  #current: VolumeChild | undefined;
  #spare: VolumeChild | undefined;
  /** Resolved while a process serves, pending while the next one is awaited, rejected in a crash loop and at the end. */
  #serving = newServing();
  #isServingSettled = false;
  #hasServed = false;
  #refusing: AbortController | undefined;
  #restartAsked: PromiseWithResolvers<void> | undefined;
  #restarts = 0;
  #diedMs = 0;
  #lastDeath: string | undefined;
  #crashLoop: string | undefined;
  #ending: Promise<void> | undefined;
  readonly #stopLimit: StopLimit;
  readonly #ended = new AbortController();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#policy = new RestartPolicy(options.config.restart);
    this.#startedMs = options.clock.monotonicMs();
    this.#stopLimit = new StopLimit({
      clock: options.clock,
      limitMs: options.config.stopLimitMs,
      graceMs: 2 * (options.config.detachWaitMs ?? DETACH_WAIT_MS),
      ended: this.#ended.signal,
    });
    this.#firstServing.promise.catch(() => {});
  }

  /** Once the first volume process serves; rejects when it refuses the volume or keeps dying. */
  get ready(): Promise<Readonly<Record<string, unknown>>> {
    return this.#firstServing.promise;
  }

  get state(): SupervisorState {
    return this.#state;
  }

  get volumePid(): number | undefined {
    return this.#current?.pid;
  }

  /** Runs volume processes until the mount is gone. Throws when the first one never served: the caller unmounts. */
  async run(): Promise<SupervisorEnd> {
    try {
      for (;;) {
        const end = await this.#runOneLife();
        if (end !== undefined) return end;
      }
    } catch (error) {
      this.#firstServing.reject(error as Error);
      throw error;
    } finally {
      this.#state = "ended";
      this.#ended.abort(new FsError("ECANCELED", "the mount has ended"));
      this.#setNotServing(new FsError("ENODEV", "the mount has ended"));
      // The lock is ours alone only when nobody is left who holds its descriptor.
      this.#spare?.kill();
      await this.#spare?.exited;
    }
  }

  /** Drains, unmounts, ends `run`. Asked again it only says how far it is. At a signal it ends in time for a shutdown. */
  shutdown(reason: string, by: "call" | "signal" = "call"): Promise<void> {
    const { log, area } = this.#options;
    if (by === "signal") void this.#stopInTime();
    if (this.#ending === undefined) {
      log.info("draining, then unmounting", { reason });
      this.#ending = this.#shutdown().catch((error: unknown) => {
        log.error("the mount could not be removed; serving on", { error });
        this.#ending = undefined;
        if (this.#state === "draining") this.#state = "serving";
      });
    } else {
      log.info("still draining", { reason, deferred: area.deferred.count });
      void this.#sayProgress();
    }
    return this.#ending;
  }

  /** After a crash loop: try again. */
  restart(): void {
    if (this.#restartAsked === undefined)
      throw new FsError("EINVAL", `the mount is ${this.#state}; there is nothing to restart`);
    this.#policy.reset();
    this.#restartAsked.resolve();
    this.#refusing?.abort(new FsError("ECANCELED", "trying again"));
  }

  /** The spare was loaded with what the mount was told then: another takes its place. */
  async renewSpare(): Promise<void> {
    const spare = this.#spare;
    if (spare === undefined) return;
    this.#spare = undefined;
    spare.kill();
    await spare.exited;
    void this.#loadSpare();
  }

  /** Passes a control call on to the volume process, the next one if it is being restarted. */
  async call(
    method: string,
    params: unknown,
    options: { readonly signal?: AbortSignal; readonly event?: (value: unknown) => void } = {},
  ): Promise<unknown> {
    const child = await this.#serving.promise;
    return child.call(method, params, options);
  }

  /** Needs no volume process. */
  status(): Readonly<Record<string, unknown>> {
    const { config, area, clock } = this.#options;
    return {
      state: this.#state,
      volume: config.volume,
      source: config.source,
      mountPoint: config.mountPoint,
      stateDirectory: config.stateDirectory,
      supervisorPid: process.pid,
      volumePid: this.#current?.pid,
      sparePid: this.#spare?.pid,
      upMs: Math.round(clock.monotonicMs() - this.#startedMs),
      restarts: this.#restarts,
      lastDeath: this.#lastDeath,
      crashLoop: this.#crashLoop,
      generation: area.generation,
      deferred: area.deferred.count,
      answered: area.status.answerCount,
    };
  }

  /** One volume process from its start to its death; `undefined`: another one follows. */
  async #runOneLife(): Promise<SupervisorEnd | undefined> {
    const { area, clock, log, world } = this.#options;
    const child = this.#spare ?? world.spawn();
    const wasWarm = this.#spare !== undefined;
    this.#spare = undefined;
    this.#current = child;
    child.onTerminate = (signal) => void this.shutdown(`${signal} to the volume process`, "signal");
    const generation = area.nextGeneration();
    const answeredBefore = area.status.answerCount;
    const bornMs = clock.monotonicMs();
    world.served(child.pid);
    child.serve(generation);
    child.serving.then(
      (details) => this.#onServing(child, details, { wasWarm, generation }),
      () => {},
    );
    const exit = await child.exited;
    this.#current = undefined;
    this.#diedMs = clock.monotonicMs();
    if (this.#state === "serving") this.#state = "restarting";
    this.#awaitNext();
    if (child.refusal !== undefined) return this.#onRefused(child.refusal);
    if (exit.code === VolumeExit.UNMOUNTED || exit.code === VolumeExit.STOPPED)
      return toSupervisorEnd(child.end);
    if (this.#stopLimit.isCutShort)
      return { drained: false, message: "the time was over; the journal keeps what is not stored" };
    const how = exit.signal ?? `exit code ${exit.code}`;
    this.#lastDeath = how;
    this.#restarts++;
    const answered = area.status.answerCount - answeredBefore;
    if (!this.#hasServed && this.#restarts >= START_DEATHS_MAX)
      throw new FsError(
        "EIO",
        `the volume process died before it served (${how}); why is in ${this.#options.config.stateDirectory}/log`,
      );
    const decision = this.#policy.died({ lifeMs: this.#diedMs - bornMs, answered });
    if (decision.kind === "give-up") return this.#giveUp(`${decision.reason} (last: ${how})`);
    log.warn("the volume process died and is started again", { how, answered, ...decision });
    if (decision.waitMs > 0) await clock.sleep(decision.waitMs);
    return undefined;
  }

  #onServing(
    child: VolumeChild,
    details: Readonly<Record<string, unknown>>,
    life: { readonly wasWarm: boolean; readonly generation: number },
  ): void {
    const { clock, log } = this.#options;
    if (this.#current !== child) return;
    const sinceMs = life.generation === 1 ? this.#startedMs : this.#diedMs;
    const pauseMs = Math.round(clock.monotonicMs() - sinceMs);
    log.info("the volume process serves", { pid: child.pid, ...life, pauseMs, ...details });
    if (this.#ending === undefined) this.#state = "serving";
    this.#crashLoop = undefined;
    this.#hasServed = true;
    this.#firstServing.resolve(details);
    this.#serving.resolve(child);
    this.#isServingSettled = true;
    if (this.#options.config.warmSpare !== false) void this.#loadSpare();
  }

  async #loadSpare(): Promise<void> {
    const { clock, world } = this.#options;
    const { signal } = this.#ended;
    try {
      await clock.sleep(SPARE_DELAY_MS, signal);
    } catch {
      return;
    }
    if (this.#spare !== undefined || this.#current === undefined || signal.aborted) return;
    const spare = world.spawn();
    this.#spare = spare;
    spare.onTerminate = (name) => void this.shutdown(`${name} to the spare process`, "signal");
    await spare.exited;
    // A spare that dies is not loaded again before the next start: it may be what keeps dying.
    if (this.#spare === spare) this.#spare = undefined;
  }

  async #onRefused(refusal: FsError): Promise<SupervisorEnd | undefined> {
    if (!this.#hasServed) throw refusal;
    return this.#giveUp(`the volume cannot be served: ${refusal.message}`);
  }

  /** Answers EIO until somebody unmounts, stops, or asks for another try. */
  async #giveUp(reason: string): Promise<SupervisorEnd | undefined> {
    const { area, clock, fuseFd, log } = this.#options;
    this.#state = "crash-loop";
    this.#crashLoop = reason;
    log.error(
      "giving up: every request is answered EIO from now on; the journal is kept; " +
        "see the lines above; when the cause is mended, unmount and mount again",
      { reason },
    );
    this.#setNotServing(new FsError("EIO", `the mount is in a crash loop: ${reason}`));
    this.#refusing = new AbortController();
    this.#restartAsked = Promise.withResolvers();
    const outcome = await refuseAll({
      channel: new DeviceChannel(fuseFd),
      area,
      clock,
      signal: this.#refusing.signal,
    });
    this.#refusing = undefined;
    this.#restartAsked = undefined;
    if (outcome === "unmounted" || this.#ending !== undefined)
      return { drained: false, message: `${reason}; the journal keeps what is not stored` };
    this.#state = "restarting";
    this.#serving = newServing();
    return undefined;
  }

  async #shutdown(): Promise<void> {
    const { log, world, config, clock } = this.#options;
    if (this.#state !== "crash-loop") {
      this.#state = "draining";
      await this.#drain();
    }
    try {
      await world.unmount({ lazy: false });
      return;
    } catch (error) {
      if (!(error instanceof FsError) || error.code !== "EBUSY") throw error;
    }
    log.warn("the mount is busy; it is detached and ends when nobody uses it", {
      holders: world.holders(),
    });
    await world.unmount({ lazy: true });
    const waitMs = config.detachWaitMs ?? DETACH_WAIT_MS;
    if (await isOverAfter(clock, waitMs, this.#ended.signal)) return;
    log.warn("programs still use the detached mount; they get ENOTCONN from now on");
    this.#refusing?.abort(new FsError("ECANCELED", "the mount ends"));
    if (this.#current !== undefined) await this.#askToStop();
  }

  /** Until a volume process has said how far it came; one that dies over it is followed by the next. */
  async #drain(): Promise<void> {
    const { log } = this.#options;
    const { signal } = this.#stopLimit;
    using progress = this.#keepSaying();
    void progress;
    for (;;) {
      try {
        const drained = this.call("drain", null, { signal }) as Promise<DrainResult>;
        const result = await Promise.race([drained, rejectedAt(signal)]);
        if (!result.drained) log.warn("not all is stored; the journal keeps it", { ...result });
        return;
      } catch (error) {
        if (error instanceof FsError && error.code === "EAGAIN") continue;
        log.error("draining failed; the journal keeps what is not stored", { error });
        return;
      }
    }
  }

  #keepSaying(): Disposable {
    const done = new AbortController();
    const keepSaying = async (): Promise<void> => {
      while (!(await isOverAfter(this.#options.clock, DRAIN_SAY_INTERVAL_MS, done.signal)))
        void this.#sayProgress();
    };
    void keepSaying();
    const reason = new FsError("ECANCELED", "the drain has ended");
    return { [Symbol.dispose]: () => done.abort(reason) };
  }

  /** What a stop waits for. */
  async #sayProgress(): Promise<void> {
    const { log } = this.#options;
    try {
      const state = (await this.call("state", null)) as Partial<EngineStateAnswer>;
      const { dirtyBytes, pendingBytes, pendingPacks, problem } = state;
      const why = problem === undefined ? {} : { problem: problem.message };
      log.info("to be stored", { dirtyBytes, pendingBytes, pendingPacks, ...why });
    } catch (error) {
      log.debug("no volume process says what is to be stored", { error });
    }
  }

  /** From a signal on. When the time is over the volume process is killed, which loses nothing either. */
  async #stopInTime(): Promise<void> {
    const { log, world } = this.#options;
    if (!(await this.#stopLimit.begin())) return;
    log.warn("the stop is cut short: the journal keeps what is not stored");
    await world.unmount({ lazy: true }).catch((error: unknown) => {
      log.debug("unmounting", { error });
    });
    this.#refusing?.abort(new FsError("ECANCELED", "the mount ends"));
    this.#current?.kill();
  }

  async #askToStop(): Promise<void> {
    try {
      await this.call("stop", null);
    } catch (error) {
      // It may have ended before it answered; `run` says how.
      this.#options.log.debug("stop", { error });
    }
  }

  /** Callers that already wait go on waiting. */
  #awaitNext(): void {
    if (!this.#isServingSettled) return;
    this.#isServingSettled = false;
    this.#serving = newServing();
  }

  #setNotServing(error: FsError): void {
    this.#serving.reject(error);
    this.#serving = newServing();
    this.#serving.reject(error);
  }
}

function newServing(): PromiseWithResolvers<VolumeChild> {
  const serving = Promise.withResolvers<VolumeChild>();
  // Whoever calls is told; a rejection that nobody waits for is none.
  serving.promise.catch(() => {});
  return serving;
}

function toSupervisorEnd(end: EngineEnd | undefined): SupervisorEnd {
  if (end === undefined) return { drained: false, message: "the volume process did not say" };
  return end.message === undefined
    ? { drained: end.drained }
    : { drained: end.drained, message: end.message };
}
