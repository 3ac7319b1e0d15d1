/**
 * What a key may be, and the one order keys are listed in. Every store checks with `checkKey`, so that what one
 * store holds, each other can hold too.
 *
 * The first segment never begins with ".": there a directory store keeps its own (`.tmp`, `.lock`).
 * Source of the limits: Amazon S3 "Object key naming" (1,024 bytes of UTF-8); NAME_MAX of limits.h for a segment.
 */
import { FsError } from "../core/fs-error.ts";
import { NAME_SIZE_MAX } from "../core/limits.ts";

/** Bytes of UTF-8 in a key, as Amazon S3 has it; most other stores allow as much. */
export const KEY_SIZE_MAX = 1024;
/** Bytes in one segment: it is a file name in a directory store. */
export const KEY_SEGMENT_SIZE_MAX: number = NAME_SIZE_MAX;
/** Keys in one page of a list, as Amazon S3 has it. */
export const LIST_PAGE_COUNT_MAX = 1000;
/** How much of a refused key a message repeats. */
const SHOWN_LENGTH_MAX = 80;

/** Throws EINVAL, naming the key and the rule it breaks. */
export function checkKey(key: string): void {
  const reason = faultOfText(key) ?? (key === "" ? "is empty" : faultOfSegments(key));
  if (reason !== undefined) throw new FsError("EINVAL", `object key ${shown(key)} ${reason}`);
}

/** A prefix may end in the middle of a segment. Throws EINVAL for text that could begin no key because it is no text. */
export function checkPrefix(prefix: string): void {
  const reason = faultOfText(prefix);
  if (reason !== undefined) throw new FsError("EINVAL", `list prefix ${shown(prefix)} ${reason}`);
}

/** How many keys a page may hold: `limit`, at most LIST_PAGE_COUNT_MAX. Throws EINVAL below 1. */
export function pageLimit(limit: number | undefined): number {
  if (limit === undefined) return LIST_PAGE_COUNT_MAX;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new FsError("EINVAL", `a list of ${limit} keys is asked for; it must be at least 1`);
  }
  return Math.min(limit, LIST_PAGE_COUNT_MAX);
}

/** Throws EINVAL unless offset and length are whole numbers of bytes from 0 to 2^53 - 1. */
export function checkRange(range: { readonly offset: number; readonly length: number }): void {
  const { offset, length } = range;
  if (!isSize(offset) || !isSize(length)) {
    throw new FsError("EINVAL", `no range of bytes: offset ${offset}, length ${length}`);
  }
}

/** Negative, 0 or positive: by the bytes of UTF-8, which is by code point and not by UTF-16 unit as `<` has it. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** The part before the last "/", "" for a key of one segment. */
export function directoryOf(key: string): string {
  const slash = key.lastIndexOf("/");
  return slash < 0 ? "" : key.slice(0, slash);
}

/** What a store that can notice it answers to a key that would be a folder of another, or inside one. */
export function nestedKeyError(key: string, other: string): FsError {
  return new FsError(
    "EINVAL",
    `object key ${key} cannot be created beside ${other}: one would be a folder of the other`,
  );
}

/** Units of a surrogate pair (U+10000 and above) sort behind U+E000 to U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x1_0000 : unit;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function faultOfText(text: string): string | undefined {
  if (!text.isWellFormed()) return "is not well-formed Unicode";
  if (text.includes("\0")) return "holds a NUL";
  const size = Buffer.byteLength(text);
  if (size > KEY_SIZE_MAX) return `has ${size} bytes; ${KEY_SIZE_MAX} are the limit`;
  return undefined;
}

function faultOfSegments(key: string): string | undefined {
  if (key.startsWith(".")) return "begins with a dot, which is kept for the store itself";
  for (const segment of key.split("/")) {
    if (segment === "") return "has an empty segment";
    if (segment === "." || segment === "..") return `has the segment "${segment}"`;
    const size = Buffer.byteLength(segment);
    if (size > KEY_SEGMENT_SIZE_MAX) {
      return `has a segment of ${size} bytes; ${KEY_SEGMENT_SIZE_MAX} are the limit`;
    }
  }
  return undefined;
}

function shown(text: string): string {
  const cut = text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
  return JSON.stringify(cut);
}
