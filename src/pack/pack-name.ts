/**
 * The name of a pack: its key in the store, and its path below every local directory that holds packs.
 *
 *   packs/<timeline>/<shard>/<n>
 *
 * `timeline` is 32 lower-case hex digits, `n` the pack's number as 10, `shard` the first 7 of those 10. All parts have a
 * fixed width, so a listing of a timeline is in the order of the numbers and can start after any of them, and a
 * directory of a `file` store or of the cache holds at most 4,096 packs (64 GiB). A shard never is also a pack, so
 * no key is a prefix segment of another (object/object-store.ts).
 */
import { assert } from "../core/assert.ts";
import { toPackId, type PackId } from "../core/ids.ts";

/** Forty bits: 16 EiB in packs of 16 MiB. */
export const PACK_ID_MAX: number = 2 ** 40 - 1;
/** The first segment of every pack's key. */
export const PACKS_PREFIX = "packs/";

const ID_DIGIT_COUNT = 10;
const SHARD_DIGIT_COUNT = 7;
const TIMELINE_PATTERN = /^[0-9a-f]{32}$/;
const PATH_PATTERN = /^([0-9a-f]{32})\/([0-9a-f]{7})\/([0-9a-f]{10})$/;

export interface PackName {
  /** 32 lower-case hex digits. */
  readonly timeline: string;
  readonly pack: PackId;
}

/** `<timeline>/<shard>/<n>`: the path below a directory of packs. */
export function packPath(timeline: string, pack: PackId): string {
  assert(TIMELINE_PATTERN.test(timeline), `a timeline is 32 hex digits, not ${timeline}`);
  assert(
    Number.isInteger(pack) && pack >= 1 && pack <= PACK_ID_MAX,
    `pack ${pack} lies in [1, 2^40)`,
  );
  const digits = pack.toString(16).padStart(ID_DIGIT_COUNT, "0");
  return `${timeline}/${digits.slice(0, SHARD_DIGIT_COUNT)}/${digits}`;
}

/** The key in the object store. */
export function packKey(timeline: string, pack: PackId): string {
  return PACKS_PREFIX + packPath(timeline, pack);
}

/** undefined when `path` (without the prefix) is not exactly what `packPath` makes. */
export function parsePackPath(path: string): PackName | undefined {
  const match = PATH_PATTERN.exec(path);
  if (match === null) return undefined;
  const [, timeline, shard, digits] = match as unknown as [string, string, string, string];
  const pack = Number.parseInt(digits, 16);
  if (!digits.startsWith(shard) || pack === 0) return undefined;
  return { timeline, pack: toPackId(pack) };
}

/** undefined when `key` is not a pack's. */
export function parsePackKey(key: string): PackName | undefined {
  return key.startsWith(PACKS_PREFIX) ? parsePackPath(key.slice(PACKS_PREFIX.length)) : undefined;
}
