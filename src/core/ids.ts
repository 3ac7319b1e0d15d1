/** Branded numbers and strings, so that an inode can never be passed for a pack. */

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** An inode number: 1 is the root, never reused, at most 2^48. */
export type Ino = Branded<number, "Ino">;
/** A pack's number within its timeline; counts from 1. */
export type PackId = Branded<number, "PackId">;
/** Journal sequence number: counts from 1 within one journal uuid. */
export type Jsn = Branded<number, "Jsn">;

export const ROOT_INO: Ino = 1 as Ino;

export function toIno(value: number): Ino {
  return value as Ino;
}
export function toPackId(value: number): PackId {
  return value as PackId;
}
export function toJsn(value: number): Jsn {
  return value as Jsn;
}
