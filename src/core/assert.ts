/**
 * Assertions for our own bugs; they stay on in production. Bytes from the kernel, the disk, the network or a
 * user are checked with FsError instead. A failed assertion stops the volume (the engine answers EIO first).
 */

export class AssertionFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AssertionFailure";
  }
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message);
}

/** For the branch that cannot be reached; the argument lets the compiler prove it. */
export function unreachable(value: never, message: string): never {
  throw new AssertionFailure(`${message}: ${String(value)}`);
}
