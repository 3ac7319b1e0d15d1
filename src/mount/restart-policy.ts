/**
 * When to start a volume process again, and when to stop trying.
 *
 * A death after answers is somebody's SIGKILL, or the kernel's for want of memory: start again at once. Deaths that
 * follow each other with nothing answered in between are a request or a record that kills the engine: each next start
 * waits twice as long, which also rides out a full disk, and after `fruitlessMax` it is a crash loop. One that goes
 * on dying though it answers a little is one after `shortMax`.
 */
import type { RestartLimits } from "./mount-config.ts";

/** With the waits between them about half a minute. */
const FRUITLESS_MAX = 10;
/** As many kills as a torture test may do without being taken for a crash loop. */
const SHORT_MAX = 200;
const STABLE_MS = 30_000;
const FIRST_WAIT_MS = 50;
const WAIT_MAX_MS = 10_000;

export interface Life {
  readonly lifeMs: number;
  /** Requests it answered. */
  readonly answered: number;
}

export type RestartDecision =
  | { readonly kind: "restart"; readonly waitMs: number }
  | { readonly kind: "give-up"; readonly reason: string };

export class RestartPolicy {
  readonly #fruitlessMax: number;
  readonly #shortMax: number;
  readonly #stableMs: number;
  #fruitless = 0;
  #short = 0;

  constructor(limits: RestartLimits = {}) {
    this.#fruitlessMax = limits.fruitlessMax ?? FRUITLESS_MAX;
    this.#shortMax = limits.shortMax ?? SHORT_MAX;
    this.#stableMs = limits.stableMs ?? STABLE_MS;
  }

  died(life: Life): RestartDecision {
    const isStable = life.lifeMs >= this.#stableMs;
    this.#short = isStable ? 0 : this.#short + 1;
    this.#fruitless = isStable || life.answered > 0 ? 0 : this.#fruitless + 1;
    if (this.#fruitless >= this.#fruitlessMax)
      return {
        kind: "give-up",
        reason: `the volume process died ${this.#fruitless} times in sequence without answering one request`,
      };
    if (this.#short >= this.#shortMax)
      return {
        kind: "give-up",
        reason: `the volume process died ${this.#short} times in sequence within ${this.#stableMs} ms of its start`,
      };
    // The first fruitless death is excused: it may have been killed before a request came.
    const doublings = this.#fruitless - 2;
    const waitMs = doublings < 0 ? 0 : Math.min(WAIT_MAX_MS, FIRST_WAIT_MS * 2 ** doublings);
    return { kind: "restart", waitMs };
  }

  /** The operator says: try again. */
  reset(): void {
    this.#fruitless = 0;
    this.#short = 0;
  }
}
