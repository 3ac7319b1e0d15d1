/**
 * How far the journal is appended: what recovery must find whole, whatever a torn tail would otherwise excuse (rule J6).
 *
 * The engine sets it after every append and before the reply. Two slots take turns, and the sequence, stored last, says
 * which one counts: a process killed in between leaves the end before. The check word catches our own stray stores.
 *
 * Layout, little-endian, offsets from the page's start:
 *     0 u32 sequence: slot `sequence & 1` counts; 0 = never set
 *    64 slot 0   128 slot 1:  0 u32 segment   4 u32 index of the uuid   8 u64 offset   16 u64 JSN   24 u32 check   28 u32 sequence
 *   192 u8[16] journal uuid 0   208 u8[16] journal uuid 1
 *   check = the seven other words of the slot, each multiplied and mixed in order.
 */
import { assert } from "../core/assert.ts";
import { CorruptError } from "../core/fs-error.ts";

const PAGE_WORDS = 1024;
const SLOT_WORDS_AT = 16;
const SLOT_WORDS_STEP = 16;
const UUID_AT = 192;
export const JOURNAL_UUID_SIZE = 16;
const TWO_32 = 0x1_0000_0000;

/** Position just behind the last whole record. */
export interface JournalEnd {
  /** 16 bytes, a copy. */
  readonly journalUuid: Uint8Array;
  readonly segment: number;
  /** Bytes from the segment's start. */
  readonly offset: number;
  /** Of the last record. */
  readonly jsn: number;
}

export class AppendedEnd {
  readonly #words: Uint32Array;
  readonly #uuids: Uint8Array;
  #sequence: number;
  #uuidIndex: number;

  constructor(buffer: ArrayBuffer, at: number) {
    this.#words = new Uint32Array(buffer, at, PAGE_WORDS);
    this.#uuids = new Uint8Array(buffer, at + UUID_AT, 2 * JOURNAL_UUID_SIZE);
    this.#sequence = Atomics.load(this.#words, 0);
    this.#uuidIndex = this.#words[SLOT_WORDS_AT + (this.#sequence & 1) * SLOT_WORDS_STEP + 1]! & 1;
  }

  /** Begins with a journal, after recovery or when there was none. `end.journalUuid` is copied. */
  begin(end: JournalEnd): void {
    assert(end.journalUuid.length === JOURNAL_UUID_SIZE, "a journal's uuid has 16 bytes");
    const index = this.#uuidIndex ^ 1;
    this.#uuids.set(end.journalUuid, index * JOURNAL_UUID_SIZE);
    this.#uuidIndex = index;
    this.set(end.segment, end.offset, end.jsn);
  }

  /** After every append to the journal `begin` named. Numbers are integers from 0 to 2^53 - 1, the segment below 2^32. */
  set(segment: number, offset: number, jsn: number): void {
    // 0 means "never set", so the count goes on at 2, which has the same parity.
    const sequence = (this.#sequence + 1) >>> 0 || 2;
    const words = this.#words;
    const at = SLOT_WORDS_AT + (sequence & 1) * SLOT_WORDS_STEP;
    words[at] = segment;
    words[at + 1] = this.#uuidIndex;
    words[at + 2] = offset;
    words[at + 3] = offset / TWO_32;
    words[at + 4] = jsn;
    words[at + 5] = jsn / TWO_32;
    words[at + 7] = sequence;
    words[at + 6] = checkOf(words, at);
    Atomics.store(words, 0, sequence);
    this.#sequence = sequence;
  }

  /** `undefined`: never set. May be called in another process while the engine sets. Throws CorruptError. */
  get(): JournalEnd | undefined {
    for (;;) {
      const sequence = Atomics.load(this.#words, 0);
      if (sequence === 0) return undefined;
      const slot = this.#words.slice(
        SLOT_WORDS_AT + (sequence & 1) * SLOT_WORDS_STEP,
        SLOT_WORDS_AT + (sequence & 1) * SLOT_WORDS_STEP + 8,
      );
      const uuidAt = (slot[1]! & 1) * JOURNAL_UUID_SIZE;
      const journalUuid = this.#uuids.slice(uuidAt, uuidAt + JOURNAL_UUID_SIZE);
      if (Atomics.load(this.#words, 0) !== sequence) continue;
      if (slot[6] !== checkOf(slot, 0) || slot[7] !== sequence || slot[1]! > 1)
        throw new CorruptError("the journal's appended end in the hand-off area is damaged");
      const offset = slot[3]! * TWO_32 + slot[2]!;
      const jsn = slot[5]! * TWO_32 + slot[4]!;
      if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(jsn))
        throw new CorruptError("the journal's appended end in the hand-off area is above 2^53 - 1");
      return { journalUuid, segment: slot[0]!, offset, jsn };
    }
  }
}

/** Mixes words 0 to 5 and 7 of a slot; written out, for it runs once an operation. */
function checkOf(words: Uint32Array, at: number): number {
  let h = 0x9e37_79b9;
  h = Math.imul(h ^ words[at]!, 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 15) ^ words[at + 1]!, 0xc2b2_ae35);
  h = Math.imul(h ^ (h >>> 13) ^ words[at + 2]!, 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 15) ^ words[at + 3]!, 0xc2b2_ae35);
  h = Math.imul(h ^ (h >>> 13) ^ words[at + 4]!, 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 15) ^ words[at + 5]!, 0xc2b2_ae35);
  h = Math.imul(h ^ (h >>> 13) ^ words[at + 7]!, 0x85eb_ca6b);
  return (h ^ (h >>> 16)) >>> 0;
}
