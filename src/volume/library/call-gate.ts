/**
 * How much may be asked of the engine at once: calls beyond it wait here, in order, and so does whoever makes them.
 */

/** Calls on their way; each keeps a promise and a message alive. */
export const CALL_COUNT_MAX = 1024;
/** Bytes of data on their way, to and from the engine: what a program's writes may add to its memory. */
export const CALL_SIZE_MAX: number = 64 * 1024 * 1024;

interface Waiter {
  readonly size: number;
  readonly enter: () => void;
}

export class CallGate {
  #count = 0;
  #size = 0;
  #waiters: Waiter[] = [];
  /** Those before it have entered. */
  #first = 0;

  /** Runs `enter` as soon as there is room for a call with `size` bytes, at once if there is; `leave` gives it back. */
  pass(size: number, enter: () => void): void {
    if (this.#first < this.#waiters.length || !this.#hasRoom(size))
      this.#waiters.push({ size, enter });
    else this.#enter({ size, enter });
  }

  leave(size: number): void {
    this.#count--;
    this.#size -= size;
    for (;;) {
      const next = this.#waiters[this.#first];
      if (next === undefined || !this.#hasRoom(next.size)) break;
      this.#first++;
      this.#enter(next);
    }
    this.#forgetEntered();
  }

  /** Seldom, so that a long line costs no more for each of those in it than a short one. */
  #forgetEntered(): void {
    if (this.#first < CALL_COUNT_MAX && this.#first < this.#waiters.length) return;
    this.#waiters = this.#waiters.slice(this.#first);
    this.#first = 0;
  }

  #enter({ size, enter }: Waiter): void {
    this.#count++;
    this.#size += size;
    enter();
  }

  /** One call larger than all the room passes alone. */
  #hasRoom(size: number): boolean {
    if (this.#count >= CALL_COUNT_MAX) return false;
    return this.#size === 0 || this.#size + size <= CALL_SIZE_MAX;
  }
}
