/** What programs may write for flags and times, and what the engine is told. */
import type { Timestamp } from "../../core/clock.ts";
import { FsError } from "../../core/fs-error.ts";
import { FallocateMode } from "../../vfs/ops/fallocate.ts";
import type { TimeChange } from "./attribute-calls.ts";
import { OpenFlag } from "./open-flags.ts";

/** As node:fs has them. */
export type OpenMode = "r" | "r+" | "w" | "wx" | "w+" | "wx+" | "a" | "ax" | "a+" | "ax+";

const { RDONLY, WRONLY, RDWR, CREAT, TRUNC, EXCL, APPEND } = OpenFlag;
const OPEN_MODES: Readonly<Record<OpenMode, number>> = {
  r: RDONLY,
  "r+": RDWR,
  w: WRONLY | CREAT | TRUNC,
  wx: WRONLY | CREAT | TRUNC | EXCL,
  "w+": RDWR | CREAT | TRUNC,
  "wx+": RDWR | CREAT | TRUNC | EXCL,
  a: WRONLY | CREAT | APPEND,
  ax: WRONLY | CREAT | APPEND | EXCL,
  "a+": RDWR | CREAT | APPEND,
  "ax+": RDWR | CREAT | APPEND | EXCL,
};

/** Numbers are O_* of node:fs constants, and O_PATH and O_TMPFILE of Linux. Throws EINVAL. */
export function openFlags(flags: OpenMode | number): number {
  const value = typeof flags === "number" ? flags : OPEN_MODES[flags];
  if (!Number.isSafeInteger(value)) throw new FsError("EINVAL", `open flags ${String(flags)}`);
  return value;
}

/** What to do with a range of a file. */
export type FallocateKind =
  /** Keep room for it; the file grows to hold it. */
  | "allocate"
  /** Keep room for it; the size stays. */
  | "allocate-keep-size"
  /** Free it: it reads as zeros. The size stays. */
  | "punch"
  /** Make it zeros and keep room for it; the file grows to hold it. */
  | "zero"
  /** The same; the size stays. */
  | "zero-keep-size"
  /** Take it out: what is behind it moves up. In multiples of 4,096 bytes. */
  | "collapse"
  /** Put a hole there: what is behind it moves down. In multiples of 4,096 bytes. */
  | "insert";

const FALLOCATE_MODES: Readonly<Record<FallocateKind, number>> = {
  allocate: 0,
  "allocate-keep-size": FallocateMode.KEEP_SIZE,
  punch: FallocateMode.PUNCH_HOLE | FallocateMode.KEEP_SIZE,
  zero: FallocateMode.ZERO_RANGE,
  "zero-keep-size": FallocateMode.ZERO_RANGE | FallocateMode.KEEP_SIZE,
  collapse: FallocateMode.COLLAPSE_RANGE,
  insert: FallocateMode.INSERT_RANGE,
};

/** Throws EOPNOTSUPP for a kind that there is none of. */
export function fallocateMode(kind: FallocateKind): number {
  const mode = FALLOCATE_MODES[kind] as number | undefined;
  if (mode === undefined) throw new FsError("EOPNOTSUPP", `fallocate ${kind}`);
  return mode;
}

/** A time to set: seconds since 1970, a Date, nanoseconds since 1970, the present, or not at all. */
export type TimeLike = number | Date | bigint | "now" | "omit";

const NSEC_PER_SEC = 1_000_000_000;
const WIDE_NSEC_PER_SEC = 1_000_000_000n;

/** Throws EINVAL. */
export function timeChange(time: TimeLike): TimeChange {
  if (time === "now") return "now";
  if (time === "omit") return undefined;
  if (typeof time === "bigint") {
    const nsec = ((time % WIDE_NSEC_PER_SEC) + WIDE_NSEC_PER_SEC) % WIDE_NSEC_PER_SEC;
    return { sec: Number((time - nsec) / WIDE_NSEC_PER_SEC), nsec: Number(nsec) };
  }
  const seconds = time instanceof Date ? time.getTime() / 1000 : time;
  if (!Number.isFinite(seconds)) throw new FsError("EINVAL", `the time ${String(time)}`);
  return toTimestamp(seconds);
}

function toTimestamp(seconds: number): Timestamp {
  const sec = Math.floor(seconds);
  // As far as a double is exact: to the microsecond for some 200 years around 1970.
  const nsec = Math.round((seconds - sec) * 1e6) * 1000;
  return nsec < NSEC_PER_SEC ? { sec, nsec } : { sec: sec + 1, nsec: 0 };
}
