/**
 * The engine's loop: one synchronous thread which serves every request to its end before it takes the next.
 *
 * Order of steps: after an answer the device is read again first; when nothing waits there it is looked at for a
 * window (polling.ts), then the thread sleeps in poll(2) on device and doorbell, which also says whether the doorbell
 * rang. However busy the device is, the doorbell is looked at every DOORBELL_INTERVAL requests or looks: what is behind
 * it (room in the journal, finished work) may be what writers wait for (rule K6).
 */
import type { Clock } from "../core/clock.ts";
import { ERRNO } from "../core/fs-error.ts";
import { errnoError } from "../sys/errno.ts";
import type { Channel } from "./channel.ts";
import { AdaptivePolling } from "./polling.ts";

/** Requests served, or looks at an empty device, between two looks at the doorbell: at most about 0.3 ms. */
const DOORBELL_INTERVAL = 32;
const IDLE_TIMEOUT_MS = 1000;
const ECONNABORTED = 103;

export const LoopEnd = {
  /** `shouldStop` said so. */
  STOPPED: "stopped",
  /** The device said ENODEV: drain and exit. */
  UNMOUNTED: "unmounted",
} as const;
export type LoopEnd = (typeof LoopEnd)[keyof typeof LoopEnd];

export interface LoopStatistics {
  requests: number;
  doorbells: number;
  /** Requests that came while we looked for them. */
  pollHits: number;
  /** Windows that passed in vain. */
  pollMisses: number;
  sleeps: number;
}

export interface LoopOptions {
  readonly channel: Channel;
  /** Requests are read here. */
  readonly buffer: Uint8Array;
  /**
   * Sleeps until device or doorbell has something, or `timeoutMs` are over. Returns false when it knows that the doorbell
   * did not ring; after anything else it is asked. `PollSet([fuseFd, doorbellFd])` is one.
   */
  readonly waiter: { wait(timeoutMs: number): unknown };
  /** Takes all rings of the doorbell: true when there was one. Must not block. */
  drainDoorbell(): boolean;
  /** Serve the request of `size` bytes in `buffer`. */
  onRequest(size: number): void;
  onDoorbell(): void;
  /** Before every read into a buffer that held a request: zeroes the length word (rule J7). */
  beforeRead?(): void;
  /**
   * The device has just been found empty: once after each request or doorbell, before anything is waited for. True when
   * that answered somebody, who may ask again at once.
   */
  onEmpty?(): boolean;
  /** Nothing to do right now; before every sleep. */
  onIdle?(): void;
  /** Asked between requests and at least every `idleTimeoutMs`. */
  shouldStop(): boolean;
  readonly clock: Clock;
  /** How many CPUs the thread may use; 1 turns looking off. */
  cpuCount(): number;
  readonly idleTimeoutMs?: number;
  /** Counted up as the loop runs. */
  readonly statistics?: LoopStatistics;
}

export function newLoopStatistics(): LoopStatistics {
  return { requests: 0, doorbells: 0, pollHits: 0, pollMisses: 0, sleeps: 0 };
}

/** Serves until stopped or unmounted. Throws what a handler throws, and an FsError when the device says something new. */
export function runLoop(options: LoopOptions): LoopEnd {
  return new Loop(options).run();
}

class Loop {
  readonly #options: LoopOptions;
  readonly #polling: AdaptivePolling;
  readonly #statistics: LoopStatistics;
  readonly #idleTimeoutMs: number;
  /** When the device was first found empty since the last request; -1 while it has something. */
  #idleSinceMs = -1;
  #windowMs = 0;
  /** How long the device has been empty when the last sleep ended, until a request tells that it ended it; -1 when there was none. */
  #sleptMs = -1;
  #untilDoorbell: number = DOORBELL_INTERVAL;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#polling = new AdaptivePolling(() => options.cpuCount());
    this.#statistics = options.statistics ?? newLoopStatistics();
    this.#idleTimeoutMs = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
  }

  run(): LoopEnd {
    const options = this.#options;
    const { channel, buffer } = options;
    options.beforeRead?.();
    while (!options.shouldStop()) {
      const size = channel.read(buffer);
      if (size > 0) {
        this.#serve(size);
        options.beforeRead?.();
      } else if (size === -ERRNO.EAGAIN) {
        this.#wait();
      } else if (size === -ERRNO.ENODEV || size === -ECONNABORTED || size === 0) {
        return LoopEnd.UNMOUNTED;
      } else if (size !== -ERRNO.ENOENT && size !== -ERRNO.EINTR) {
        throw errnoError(-size, "read of /dev/fuse");
      }
    }
    return LoopEnd.STOPPED;
  }

  #serve(size: number): void {
    const statistics = this.#statistics;
    statistics.requests++;
    if (this.#sleptMs >= 0) {
      this.#polling.slept(this.#sleptMs);
      this.#sleptMs = -1;
    } else if (this.#idleSinceMs >= 0) {
      statistics.pollHits++;
      this.#polling.hit();
    }
    this.#idleSinceMs = -1;
    this.#options.onRequest(size);
    if (--this.#untilDoorbell <= 0) this.#answerDoorbell();
  }

  /** The device is empty: look again, or sleep. */
  #wait(): void {
    const options = this.#options;
    const nowMs = options.clock.monotonicMs();
    if (this.#idleSinceMs < 0) {
      if (options.onEmpty?.() === true) return;
      this.#idleSinceMs = nowMs;
      this.#windowMs = this.#polling.window(nowMs);
    }
    if (nowMs - this.#idleSinceMs < this.#windowMs) {
      if (--this.#untilDoorbell <= 0) this.#answerDoorbell();
      return;
    }
    if (this.#windowMs > 0) {
      this.#statistics.pollMisses++;
      this.#polling.miss();
      this.#windowMs = 0;
    }
    options.onIdle?.();
    this.#statistics.sleeps++;
    const mayHaveRung = options.waiter.wait(this.#idleTimeoutMs) !== false;
    this.#sleptMs = options.clock.monotonicMs() - this.#idleSinceMs;
    if (mayHaveRung) this.#answerDoorbell();
  }

  #answerDoorbell(): void {
    this.#untilDoorbell = DOORBELL_INTERVAL;
    if (!this.#options.drainDoorbell()) return;
    this.#statistics.doorbells++;
    this.#options.onDoorbell();
    // What it did may have answered somebody who asks again at once.
    this.#idleSinceMs = -1;
    this.#sleptMs = -1;
  }
}
