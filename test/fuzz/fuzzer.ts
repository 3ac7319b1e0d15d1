/**
 * Feeds a reader with damaged and made-up bytes. What must hold of every input: the reader takes it or refuses it with an
 * FsError; it throws nothing else, never hangs, and never needs memory beyond a bound, whatever lengths the bytes claim.
 *
 * Inputs are valid ones (the corpus) with a few changes each, or noise. One seed is one sequence: a failure names the seed,
 * the input's number, and its bytes.
 */
import { FsError } from "../../src/core/fs-error.ts";
import { Prng } from "../../src/core/prng.ts";

const CHANGE_COUNT_MAX = 4;
const GROWTH_MAX = 40;
const NOISE_SIZE_MAX = 300;
/** Every how-manieth input is noise alone. */
const NOISE_EVERY = 16;
/** Numbers at which lengths, counts and offsets go wrong, in the low bytes of a field. */
const EDGES: readonly bigint[] = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
/** More than any reader needs for inputs as small as these, with what the test itself keeps. */
const GROWTH_SIZE_MAX: number = 512 * 1024 * 1024;

export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, each of which must be taken. */
  readonly corpus: readonly Uint8Array[];
  /**
   * Reads one input, which it may change. Throws FsError to refuse; an input that is taken though it is none of the corpus
   * is looked at here: whatever else is thrown is a failure.
   */
  readonly read: (bytes: Uint8Array, original: Uint8Array | undefined) => void;
  /** False for readers that refuse nothing. */
  readonly refuses?: false;
}

export interface FuzzReport {
  readonly taken: number;
  readonly refused: number;
}

/** Throws at the first input that breaks the rule. */
export function fuzz(
  target: FuzzTarget,
  { count, seed }: { readonly count: number; readonly seed: number },
): FuzzReport {
  for (const bytes of target.corpus) target.read(new Uint8Array(bytes), bytes);
  const prng = new Prng(seed);
  const sizeBefore = process.resourceUsage().maxRSS * 1024;
  let taken = 0;
  let refused = 0;
  for (let index = 0; index < count; index++) {
    const { bytes, original } = nextInput(target.corpus, prng);
    // The reader may change what it is given.
    const shown = new Uint8Array(bytes);
    try {
      target.read(bytes, original);
      taken++;
    } catch (error) {
      if (!(error instanceof FsError)) {
        const hex = Buffer.from(shown).toString("hex");
        throw new Error(`SEED=${seed} ${target.name}, input ${index}: ${hex}`, { cause: error });
      }
      refused++;
    }
  }
  const growth = process.resourceUsage().maxRSS * 1024 - sizeBefore;
  if (growth > GROWTH_SIZE_MAX) throw new Error(`${target.name} took ${growth} bytes of memory`);
  return { taken, refused };
}

function nextInput(
  corpus: readonly Uint8Array[],
  prng: Prng,
): { readonly bytes: Uint8Array; readonly original: Uint8Array | undefined } {
  if (corpus.length === 0 || prng.below(NOISE_EVERY) === 0) {
    const bytes = Uint8Array.from({ length: prng.below(NOISE_SIZE_MAX) }, () => prng.u32());
    return { bytes, original: undefined };
  }
  const original = corpus[prng.below(corpus.length)]!;
  let bytes: Uint8Array = new Uint8Array(original);
  for (let rest = 1 + prng.below(CHANGE_COUNT_MAX); rest > 0; rest--) {
    bytes = changed(bytes, corpus, prng);
  }
  return { bytes, original };
}

function changed(bytes: Uint8Array, corpus: readonly Uint8Array[], prng: Prng): Uint8Array {
  const at = prng.below(bytes.length + 1);
  switch (prng.below(9)) {
    case 0:
    case 1:
    case 2:
      if (at < bytes.length) bytes[at]! ^= 1 << prng.below(8);
      return bytes;
    case 3:
      if (at < bytes.length) bytes[at] = prng.u32();
      return bytes;
    case 4:
    case 5:
      return withEdge(bytes, at, prng);
    case 6:
      return bytes.slice(0, at);
    case 7: {
      const other = corpus[prng.below(corpus.length)]!;
      const from = prng.below(other.length + 1);
      const part = other.subarray(from, from + prng.below(GROWTH_MAX));
      return joined(bytes.subarray(0, at), part, bytes.subarray(at));
    }
    default:
      return joined(bytes.subarray(0, at), bytes.subarray(at + prng.below(GROWTH_MAX)));
  }
}

/** A field of 1, 2, 4 or 8 bytes gets a number from EDGES, or one beside it. */
function withEdge(bytes: Uint8Array, at: number, prng: Prng): Uint8Array {
  const size = 1 << prng.below(4);
  if (at + size > bytes.length) return bytes;
  let value = BigInt.asUintN(64, EDGES[prng.below(EDGES.length)]! + BigInt(prng.below(3) - 1));
  for (let index = 0; index < size; index++) {
    bytes[at + index] = Number(value & 0xffn);
    value >>= 8n;
  }
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
