/**
 * How many retries a client may still make: each costs a token, each success earns a part of one back.
 *
 * While a store is down, all callers together then add only a tenth to what they ask of it anyway, instead of
 * multiplying it. Source: gRPC retry design (gRFC A6), "Throttling Retry Attempts and Hedged RPCs".
 */

/** Enough to ride out a burst of errors; a store that is down spends it in seconds. */
export const RETRY_TOKEN_COUNT_MAX = 100;
/** Of a token, for each success. */
const SUCCESS_GAIN = 0.1;

export class RetryBudget {
  readonly #max: number;
  #tokens: number;

  constructor(tokenCountMax: number = RETRY_TOKEN_COUNT_MAX) {
    this.#max = tokenCountMax;
    this.#tokens = tokenCountMax;
  }

  /** False when no retry is left. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  succeed(): void {
    this.#tokens = Math.min(this.#max, this.#tokens + SUCCESS_GAIN);
  }
}
