/**
 * Where the journal ends, in memory that outlives this process (rule J7): the supervisor's memory file. After a kill it
 * says which records were acknowledged, so that recovery in the same boot can refuse a log that lost one of them.
 *
 * What always holds: the JSN is stored last, as one aligned word, so a kill in between leaves an old JSN, never a wrong
 * one. Only the JSN decides; segment and offset are for messages. Layout, in 8-byte floats: 0 JSN, 1 segment, 2 offset.
 */

export const APPENDED_END_WORD_COUNT = 3;

/** Told after each append, before the reply; must not throw. */
export interface AppendedEndSink {
  /** `offset` is where the next record of `segment` would begin. */
  appended(segment: number, offset: number, jsn: number): void;
}

export interface AppendedEnd {
  readonly jsn: number;
  readonly segment: number;
  readonly offset: number;
}

export class AppendedEndWords implements AppendedEndSink {
  readonly #words: Float64Array;

  /** `words` is shared memory of at least APPENDED_END_WORD_COUNT words. */
  constructor(words: Float64Array) {
    this.#words = words;
  }

  appended(segment: number, offset: number, jsn: number): void {
    const words = this.#words;
    words[1] = segment;
    words[2] = offset;
    words[0] = jsn;
  }

  /** undefined when nothing was published since the words were zeroed. */
  read(): AppendedEnd | undefined {
    const [jsn, segment, offset] = this.#words;
    if (jsn === undefined || jsn === 0) return undefined;
    return { jsn, segment: segment ?? 0, offset: offset ?? 0 };
  }

  /** For a new journal: its JSNs mean nothing beside the old one's (rule J5). */
  clear(): void {
    this.#words[0] = 0;
  }
}

/** For a journal without a supervisor. */
export const noAppendedEnd: AppendedEndSink = { appended: () => {} };
