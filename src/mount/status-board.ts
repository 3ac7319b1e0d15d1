/**
 * A sign of life that the engine leaves without being asked: the supervisor reads it after a death.
 * Layout, little-endian, offsets from the page's start: 0 f64 answers sent since the mount began, one aligned store.
 */
export class StatusBoard {
  readonly #words: Float64Array;

  constructor(buffer: ArrayBuffer, at: number) {
    this.#words = new Float64Array(buffer, at, 1);
  }

  /** One more. */
  answered(): void {
    this.#words[0]!++;
  }

  get answerCount(): number {
    return this.#words[0]!;
  }
}
