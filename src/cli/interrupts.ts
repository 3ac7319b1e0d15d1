/**
 * Ctrl-C and the signals of a shutdown, as an AbortSignal.
 *
 * What always holds: the first one asks for an orderly end, and no later one abandons it; each is answered with a line
 * that says what is being waited for.
 */

const SIGNALS: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

export interface InterruptWords {
  /** Said at the first one and again at every further one; undefined: nothing. */
  readonly first: string | undefined;
  readonly further: string | undefined;
}

export class Interrupts {
  readonly #source: SignalSource;
  readonly #say: (text: string) => void;

  constructor(source: SignalSource, say: (text: string) => void) {
    this.#source = source;
    this.#say = say;
  }

  /** Runs `work` with a signal that aborts at the first interrupt; the signals act as ever before and after. */
  async during<T>(words: InterruptWords, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const onSignal = (): void => {
      const text = controller.signal.aborted ? words.further : words.first;
      if (text !== undefined) this.#say(`${text}\n`);
      controller.abort(new Error("interrupted"));
    };
    for (const signal of SIGNALS) this.#source.on(signal, onSignal);
    try {
      return await work(controller.signal);
    } finally {
      for (const signal of SIGNALS) this.#source.off(signal, onSignal);
    }
  }
}
