/**
 * Wakes the engine's thread, which sleeps without an event loop: a counter in shared memory that is waited upon.
 *
 * Whoever sends it something rings afterwards. What always holds: a ring between `read` and `wait` ends the wait at
 * once, so nothing is slept through. Node ends the wait when it ends the thread, so no process hangs at its exit.
 */
export class Doorbell {
  readonly #count: Int32Array<SharedArrayBuffer>;

  static create(): Doorbell {
    return new Doorbell(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  }

  /** Over memory that another thread's doorbell gave as `memory`. */
  constructor(memory: SharedArrayBuffer) {
    this.#count = new Int32Array(memory);
  }

  get memory(): SharedArrayBuffer {
    return this.#count.buffer;
  }

  ring(): void {
    Atomics.add(this.#count, 0, 1);
    Atomics.notify(this.#count, 0);
  }

  /** How often it rang so far, for `wait`; to be read before one looks for messages. */
  read(): number {
    return Atomics.load(this.#count, 0);
  }

  /** Sleeps until it has rung since `read` gave `seen`, at most `timeoutMs`. */
  wait(seen: number, timeoutMs: number): void {
    Atomics.wait(this.#count, 0, seen, timeoutMs);
  }
}
