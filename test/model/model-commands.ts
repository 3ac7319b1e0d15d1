/**
 * Random commands for a filesystem and its model: plain values, so that a run can be printed, shortened and replayed.
 *
 * Few names at few depths, so that commands meet; three callers, each with their own umask and open handles.
 * A seed gives the same commands everywhere (Prng, not fast-check: runs are thousands of commands long, and are
 * shortened by leaving commands out, which keeps every command valid).
 */
import type { Prng } from "../../src/core/prng.ts";
import {
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFSOCK,
  XATTR_CREATE,
  XATTR_REPLACE,
} from "../support/posix-constants.ts";

/** Open files at a time. */
export const SLOT_COUNT = 5;
/** Root, and two others; index into the runner's table. */
const CALLER_COUNT = 3;

interface By {
  readonly who: number;
}
interface Path extends By {
  readonly path: string;
}
interface Slot {
  readonly slot: number;
}
/** Nanoseconds since 1970, long ago. */
type CommandTime = number | "now" | "omit";

export type Command =
  | ({ readonly op: "mkdir" | "chmod"; readonly mode: number } & Path)
  | ({ readonly op: "mknod"; readonly mode: number } & Path)
  | ({ readonly op: "symlink"; readonly target: string } & Path)
  | ({ readonly op: "link"; readonly to: string; readonly follow: boolean } & Path)
  | ({ readonly op: "rename"; readonly to: string; readonly flags: number } & Path)
  | ({ readonly op: "unlink" | "rmdir" | "readlink" | "stat" | "lstat" | "list" } & Path)
  | ({ readonly op: "access"; readonly mode: number } & Path)
  | ({ readonly op: "chown"; readonly uid?: number; readonly gid?: number } & Path & Follow)
  | ({ readonly op: "utimens"; readonly atime: CommandTime; readonly mtime: CommandTime } & Path &
      Follow)
  | ({ readonly op: "truncate"; readonly size: number } & Path)
  | ({ readonly op: "setXattr"; readonly flags: number; readonly value: string } & Attribute)
  | ({ readonly op: "getXattr" | "removeXattr" } & Attribute)
  | ({ readonly op: "listXattrs" } & Path & Follow)
  | ({ readonly op: "open"; readonly flags: number; readonly mode: number } & Path & Slot)
  | ({ readonly op: "close" | "fstat" } & Slot)
  | ({ readonly op: "linkAs"; readonly path: string } & Slot)
  | ({ readonly op: "write"; readonly seed: number } & Range & Slot)
  | ({ readonly op: "read" } & Range & Slot)
  | ({ readonly op: "fchmod"; readonly mode: number } & Slot)
  | ({ readonly op: "ftruncate"; readonly size: number } & Slot)
  | ({ readonly op: "allocate"; readonly mode: number } & Range & Slot)
  | {
      readonly op: "copy";
      readonly slot: number;
      readonly target: number;
      readonly from: number;
      readonly to: number;
      readonly length: number;
    };

interface Follow {
  readonly follow: boolean;
}
interface Range {
  readonly offset: number;
  readonly length: number;
}
interface Attribute extends Path, Follow {
  readonly name: string;
}

export interface CommandOptions {
  /** Directories with the sticky bit: Linux adds rules of its own there (sysctls fs.protected_*), unless they are off. */
  readonly sticky: boolean;
  /** Renames that leave a whiteout. */
  readonly whiteout: boolean;
  /** COLLAPSE_RANGE and INSERT_RANGE, which the kernel hands to no FUSE filesystem; true unless said. */
  readonly shiftRanges?: boolean;
  /** chown(2) that leaves both ids: FUSE is not told enough to say EPERM; true unless said. */
  readonly emptyChown?: boolean;
}

/** What most directories are called, and most of the rest: so that paths lead somewhere. */
const DIRECTORY_NAMES = ["a", "b", "c"];
const OTHER_NAMES = ["f", "g", "h", "i"];
const ODD_NAMES = ["\xff\x01", "n".repeat(255), "..."];
const TOO_LONG = "n".repeat(256);
const XATTR_NAMES = ["user.a", "user.b", "user.\xe9", "trusted.t", "security.s", "user.", "bad.x"];
const UNIT = 4096;
const SIZES = [0, 1, 4095, 4096, 4097, 65_536, 131_072, 131_073, 200_000];

type Make = (from: Source) => Command;

/** How often each is chosen, and how it is made. */
const RECIPES: readonly (readonly [number, Make])[] = [
  [7, (from) => ({ op: "mkdir", ...from.directoryPath(), mode: from.mode() })],
  [2, (from) => ({ op: "mknod", ...from.path(), mode: S_IFSOCK | from.mode() })],
  [4, (from) => ({ op: "symlink", ...from.path(), target: from.target() })],
  [6, (from) => ({ op: "link", ...from.path(), to: from.name(), follow: from.oneIn(4) })],
  [10, (from) => ({ op: "rename", ...from.path(), to: from.name(), flags: from.renameFlags() })],
  [5, (from) => ({ op: "rename", ...from.move(), flags: from.renameFlags() })],
  [6, (from) => ({ op: "unlink", ...from.path() })],
  [5, (from) => ({ op: "rmdir", ...from.directoryPath() })],
  [2, (from) => ({ op: "readlink", ...from.path() })],
  [2, (from) => ({ op: "stat", ...from.path() })],
  [2, (from) => ({ op: "lstat", ...from.path() })],
  [3, (from) => ({ op: "list", ...from.directoryPath() })],
  [2, (from) => ({ op: "access", ...from.path(), mode: from.below(8) })],
  [5, (from) => ({ op: "chmod", ...from.path(), mode: from.mode() })],
  [4, (from) => ({ op: "chown", ...from.path(), ...from.owner(), follow: !from.oneIn(3) })],
  [3, (from) => ({ op: "utimens", ...from.path(), ...from.times(), follow: !from.oneIn(3) })],
  [3, (from) => ({ op: "truncate", ...from.path(), size: from.size() })],
  [5, (from) => ({ op: "setXattr", ...from.attribute(), ...from.xattrChange() })],
  [3, (from) => ({ op: "getXattr", ...from.attribute() })],
  [2, (from) => ({ op: "removeXattr", ...from.attribute() })],
  [2, (from) => ({ op: "listXattrs", ...from.path(), follow: !from.oneIn(3) })],
  [16, (from) => ({ op: "open", ...from.path(), ...from.slot(), ...from.opening() })],
  [3, (from) => ({ op: "open", ...from.directoryPath(), ...from.slot(), ...from.temporary() })],
  [1, (from) => ({ op: "close", ...from.slot() })],
  [2, (from) => ({ op: "fstat", ...from.slot() })],
  [3, (from) => ({ op: "linkAs", ...from.slot(), path: from.name() })],
  [16, (from) => ({ op: "write", ...from.slot(), ...from.range(), seed: from.below(256) })],
  [8, (from) => ({ op: "read", ...from.slot(), ...from.range() })],
  [2, (from) => ({ op: "fchmod", ...from.slot(), mode: from.mode() })],
  [4, (from) => ({ op: "ftruncate", ...from.slot(), size: from.size() })],
  [8, (from) => ({ op: "allocate", ...from.slot(), ...from.allocation() })],
  [6, (from) => ({ op: "copy", ...from.slot(), ...from.copy() })],
];

const WEIGHT_SUM = RECIPES.reduce((sum, [weight]) => sum + weight, 0);

export function randomCommand(prng: Prng, options: CommandOptions): Command {
  const source = new Source(prng, options);
  let at = prng.below(WEIGHT_SUM);
  for (const [weight, make] of RECIPES) {
    if (at < weight) return make(source);
    at -= weight;
  }
  throw new Error("the weights do not add up");
}

/** The parts of commands. */
class Source {
  readonly #prng: Prng;
  readonly #options: CommandOptions;

  constructor(prng: Prng, options: CommandOptions) {
    this.#prng = prng;
    this.#options = options;
  }

  below(bound: number): number {
    return this.#prng.below(bound);
  }
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Mostly a short path through directories to something else. */
  name(): string {
    return `${this.#way()}${this.#lastName(this.oneIn(3) ? DIRECTORY_NAMES : OTHER_NAMES)}`;
  }
  directoryName(): string {
    return `${this.#way()}${this.#lastName(this.oneIn(6) ? OTHER_NAMES : DIRECTORY_NAMES)}`;
  }
  #way(): string {
    const depth = Math.min(this.below(4), this.below(4));
    return Array.from({ length: depth }, () => `${this.#lastName(DIRECTORY_NAMES)}/`).join("");
  }
  #lastName(names: readonly string[]): string {
    if (this.oneIn(200)) return TOO_LONG;
    return this.pick(this.oneIn(20) ? ODD_NAMES : names);
  }
  path(): Path {
    return { ...this.who(), path: this.name() };
  }
  directoryPath(): Path {
    return { ...this.who(), path: this.directoryName() };
  }
  /** Root half the time, so that the tree grows. */
  who(): By {
    return { who: this.oneIn(2) ? 0 : this.below(CALLER_COUNT) };
  }
  move(): Path & { to: string } {
    return { ...this.directoryPath(), to: this.directoryName() };
  }
  slot(): Slot {
    return { slot: this.below(SLOT_COUNT) };
  }
  /** Never upwards: see `demandInside` of the runner. */
  target(): string {
    return this.pick([this.name(), this.name(), this.name(), ".", "a", "x".repeat(80)]);
  }
  mode(): number {
    const common = [
      0o777, 0o777, 0o755, 0o775, 0o700, 0o644, 0o666, 0o000, 0o2777, 0o6777, 0o2765, 0o1777,
    ];
    const mode = this.oneIn(4) ? this.below(0o10000) : this.pick(common);
    return this.#options.sticky ? mode : mode & 0o6777;
  }
  renameFlags(): number {
    const flags = [0, 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE, 3];
    if (this.#options.whiteout && this.oneIn(12)) return RENAME_WHITEOUT;
    return this.pick(flags);
  }
  owner(): { uid?: number; gid?: number } {
    const ids = [undefined, 0, 1001, 1002];
    const groups = [undefined, 0, 2001, 2002, 3000];
    const [uid, gid] = [this.pick(ids), this.pick(groups)];
    if (uid === undefined && gid === undefined && this.#options.emptyChown === false)
      return { uid: 0 };
    return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
  }
  times(): { atime: CommandTime; mtime: CommandTime } {
    const time = (): CommandTime => this.pick(["now", "omit", this.below(2 ** 40), 1, 0]);
    return { atime: time(), mtime: time() };
  }
  size(): number {
    return this.oneIn(2) ? this.pick(SIZES) : this.below(20_000);
  }
  range(): Range {
    const offset = this.oneIn(2) ? this.pick(SIZES) : this.below(20_000);
    return { offset, length: this.oneIn(4) ? this.pick(SIZES) : this.below(6000) };
  }
  attribute(): Attribute {
    return { ...this.path(), name: this.pick(XATTR_NAMES), follow: !this.oneIn(4) };
  }
  xattrChange(): { flags: number; value: string } {
    const flags = this.pick([0, 0, 0, XATTR_CREATE, XATTR_REPLACE, 3]);
    return { flags, value: String.fromCharCode(this.below(256)).repeat(this.below(40)) };
  }
  opening(): { flags: number; mode: number } {
    let flags = this.pick([O_RDONLY, O_WRONLY, O_RDWR, O_RDWR]);
    if (this.oneIn(10)) flags |= O_TRUNC;
    if (this.oneIn(8)) flags |= O_APPEND;
    if (this.oneIn(12)) flags |= O_NOFOLLOW;
    if (!this.oneIn(3)) flags |= this.oneIn(6) ? O_CREAT | O_EXCL : O_CREAT;
    else if (this.oneIn(8)) flags |= O_DIRECTORY;
    return { flags, mode: this.mode() };
  }
  temporary(): { flags: number; mode: number } {
    const flags = O_TMPFILE | this.pick([O_RDWR, O_RDWR, O_WRONLY, O_RDONLY, O_RDWR | O_EXCL]);
    return { flags, mode: this.mode() };
  }
  allocation(): { mode: number } & Range {
    const mode = this.pick([
      0,
      FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_ZERO_RANGE,
      FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
      FALLOC_FL_COLLAPSE_RANGE,
      FALLOC_FL_INSERT_RANGE,
      FALLOC_FL_PUNCH_HOLE,
    ]);
    if (mode !== FALLOC_FL_COLLAPSE_RANGE && mode !== FALLOC_FL_INSERT_RANGE) {
      return { mode, ...this.range() };
    }
    if (this.#options.shiftRanges === false) return { mode: 0, ...this.range() };
    const odd = this.oneIn(10) ? 1 : 0;
    return { mode, offset: UNIT * this.below(8), length: UNIT * (1 + this.below(4)) + odd };
  }
  copy(): { target: number; from: number; to: number; length: number } {
    const target = this.below(SLOT_COUNT);
    if (this.oneIn(2))
      return { target, from: this.below(5000), to: this.below(5000), length: 3000 };
    const { offset, length } = this.range();
    return { target, from: offset, to: this.range().offset, length };
  }
}
