/**
 * Requests that were read and are answered later: FSYNCs that wait for a flush, IOCTLs that wait for the notifier.
 *
 * What always holds (rule J7): the engine enters a request before it reads the next; whoever answered it releases the
 * entry after the answer. So after a kill each unanswered one is found, and one that was answered but not released
 * is answered twice, which the kernel refuses with ENOENT. One thread adds, any thread releases.
 *
 * Layout, little-endian, 256 entries of 32 bytes:
 *    0 u32 kind: 0 = free (stored last)   4 u32 opcode   8 u32 unique, low half   12 u32 unique, high half   16 f64 nodeid
 */
import { CorruptError } from "../core/fs-error.ts";

export const DEFERRED_COUNT = 256;
export const DEFERRED_ENTRY_SIZE = 32;

export const DeferredKind = { FREE: 0, FSYNC: 1, IOCTL: 2 } as const;

export interface DeferredRequest {
  /** One of DeferredKind, not FREE. */
  kind: number;
  opcode: number;
  uniqueLow: number;
  uniqueHigh: number;
  nodeid: number;
}

const ENTRY_WORDS: number = DEFERRED_ENTRY_SIZE / 4;
const ENTRY_DOUBLES: number = DEFERRED_ENTRY_SIZE / 8;

export class DeferredTable {
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  #hint = 0;

  constructor(buffer: ArrayBuffer, at: number) {
    this.#words = new Uint32Array(buffer, at, DEFERRED_COUNT * ENTRY_WORDS);
    this.#doubles = new Float64Array(buffer, at, DEFERRED_COUNT * ENTRY_DOUBLES);
  }

  /** Returns the entry's index, or -1 when all are taken: then the request is answered in place. */
  add(request: Readonly<DeferredRequest>): number {
    const words = this.#words;
    for (let tried = 0; tried < DEFERRED_COUNT; tried++) {
      const index = this.#hint;
      this.#hint = (index + 1) % DEFERRED_COUNT;
      const at = index * ENTRY_WORDS;
      if (Atomics.load(words, at) !== DeferredKind.FREE) continue;
      words[at + 1] = request.opcode;
      words[at + 2] = request.uniqueLow;
      words[at + 3] = request.uniqueHigh;
      this.#doubles[index * ENTRY_DOUBLES + 2] = request.nodeid;
      Atomics.store(words, at, request.kind);
      return index;
    }
    return -1;
  }

  /** After the answer was written, from any thread. */
  release(index: number): void {
    Atomics.store(this.#words, index * ENTRY_WORDS, DeferredKind.FREE);
  }

  /** `undefined` for a free entry. Throws CorruptError for one that no engine wrote. */
  get(index: number): DeferredRequest | undefined {
    const words = this.#words;
    const at = index * ENTRY_WORDS;
    const kind = Atomics.load(words, at);
    if (kind === DeferredKind.FREE) return undefined;
    const request: DeferredRequest = {
      kind,
      opcode: words[at + 1]!,
      uniqueLow: words[at + 2]!,
      uniqueHigh: words[at + 3]!,
      nodeid: this.#doubles[index * ENTRY_DOUBLES + 2]!,
    };
    if (kind > DeferredKind.IOCTL || !isCount(request.nodeid))
      throw new CorruptError(`deferred request ${index} in the hand-off area is damaged`);
    return request;
  }

  get count(): number {
    let count = 0;
    for (let i = 0; i < DEFERRED_COUNT; i++)
      if (Atomics.load(this.#words, i * ENTRY_WORDS) !== DeferredKind.FREE) count++;
    return count;
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
