/** Runs commands on one filesystem and says what came of each, in words that can be compared. */
import { crc32 } from "../../src/core/crc.ts";
import type { PosixDirectory, PosixStat } from "../conformance/posix/posix-directory.ts";
import type { PosixFile } from "../conformance/posix/posix-file.ts";
import { ALICE, BOB } from "../conformance/posix/posix-suite.ts";
import { bytes, namesOf, pattern, text } from "../support/posix-actions.ts";
import { RENAME_WHITEOUT, S_IFDIR, S_IFMT } from "../support/posix-constants.ts";
import { type Command, SLOT_COUNT } from "./model-commands.ts";

const ROOT = { uid: 0, gid: 0, groups: [] } as const;
/** An explicit time that both sides are given where Linux says too little or too much. */
const LONG_AGO = 1n;
const NO_HANDLE = "no handle";

type Actions = {
  readonly [Op in Command["op"]]: (runner: CommandRunner, command: CommandOf<Op>) => Result;
};
/** What there is to compare; nothing: it is enough that it was done. */
type Result = string | number | void;
type CommandOf<Op extends Command["op"]> = Extract<Command, { readonly op: Op }>;

export class CommandRunner implements Disposable {
  readonly root: PosixDirectory;
  readonly #callers: readonly PosixDirectory[];
  readonly #slots: (PosixFile | undefined)[] = Array.from({ length: SLOT_COUNT });

  constructor(root: PosixDirectory) {
    this.root = root;
    root.attributes.chmod("", 0o777);
    this.#callers = [
      root.as({ umask: 0o022 }),
      root.as({ ...ALICE, umask: 0o002 }),
      root.as({ ...BOB, umask: 0 }),
    ];
  }

  /** The result, or the code of the error. Anything but a system error is thrown. */
  run(command: Command): string {
    demandInside(command);
    try {
      const act = ACTIONS[command.op] as (runner: CommandRunner, command: Command) => Result;
      return String(act(this, command) ?? "done");
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined) throw error;
      return code;
    }
  }

  by(who: number): PosixDirectory {
    return this.#callers[who]!;
  }

  openFiles(): ReadonlyMap<number, PosixFile> {
    const files = [...this.#slots.entries()].filter(([, file]) => file !== undefined);
    return new Map(files as [number, PosixFile][]);
  }

  /** What `act` says of the file in the slot. */
  with(slot: number, act: (file: PosixFile) => Result): Result {
    const file = this.#slots[slot];
    return file === undefined ? NO_HANDLE : act(file);
  }

  put(slot: number, file: PosixFile | undefined): void {
    this.#slots[slot]?.close();
    this.#slots[slot] = file;
  }

  [Symbol.dispose](): void {
    for (const file of this.#slots) file?.close();
  }
}

/**
 * The subject may be a directory of the machine, and a link upwards in it would let root's random commands out into
 * everything else. So no path and no target may have a ".." or begin at the root.
 */
function demandInside(command: Command): void {
  const { path, to, target } = command as { path?: unknown; to?: unknown; target?: unknown };
  for (const value of [path, to, target]) {
    if (typeof value !== "string") continue;
    if (value.startsWith("/") || value.split("/").includes("..")) {
      throw new Error(`leads out of the tree: ${JSON.stringify(command)}`);
    }
  }
}

const ACTIONS: Actions = {
  mkdir: (runner, { who, path, mode }) => runner.by(who).mkdir(path, mode),
  mknod: (runner, { who, path, mode }) => runner.by(who).mknod(path, mode),
  symlink: (runner, { who, path, target }) => runner.by(who).symlink(target, path),
  link: (runner, { who, path, to, follow }) => runner.by(who).link(path, to, { follow }),
  rename: (runner, command) => rename(runner, command),
  unlink: (runner, { who, path }) => runner.by(who).unlink(path),
  rmdir: (runner, { who, path }) => runner.by(who).rmdir(path),
  readlink: (runner, { who, path }) => runner.by(who).readlink(path),
  stat: (runner, { who, path }) => statWords(runner.by(who).stat(path)),
  lstat: (runner, { who, path }) => statWords(runner.by(who).lstat(path)),
  list: (runner, { who, path }) => namesOf(runner.by(who), path).join(" "),
  access: (runner, { who, path, mode }) => runner.by(who).access(path, mode),
  chmod: (runner, { who, path, mode }) => runner.by(who).attributes.chmod(path, mode),
  chown: (runner, { who, path, uid, gid, follow }) =>
    runner.by(who).attributes.chown(path, { uid, gid }, { follow }),
  utimens: (runner, { who, path, atime, mtime, follow }) =>
    runner
      .by(who)
      .attributes.utimens(path, { atime: timeOf(atime), mtime: timeOf(mtime) }, { follow }),
  truncate: (runner, { who, path, size }) => runner.by(who).attributes.truncate(path, size),
  setXattr: (runner, { who, path, name, value, flags, follow }) =>
    runner.by(who).xattrs.set(path, name, bytes(value), { flags, follow }),
  getXattr: (runner, { who, path, name, follow }) =>
    `value ${text(runner.by(who).xattrs.get(path, name, { follow }))}`,
  removeXattr: (runner, { who, path, name, follow }) =>
    runner.by(who).xattrs.remove(path, name, { follow }),
  listXattrs: (runner, { who, path, follow }) =>
    runner.by(who).xattrs.list(path, { follow }).sort().join(" "),
  open: (runner, { who, path, slot, flags, mode }) =>
    runner.put(slot, runner.by(who).open(path, flags, mode)),
  close: (runner, { slot }) => runner.put(slot, undefined),
  fstat: (runner, { slot }) => runner.with(slot, (file) => statWords(file.stat())),
  linkAs: (runner, { slot, path }) => runner.with(slot, (file) => file.linkAs(path)),
  write: (runner, { slot, offset, length, seed }) =>
    runner.with(slot, (file) => file.write(offset, pattern(length, seed))),
  read: (runner, { slot, offset, length }) =>
    runner.with(slot, (file) => dataWords(file.read(offset, length))),
  fchmod: (runner, { slot, mode }) => runner.with(slot, (file) => file.chmod(mode)),
  ftruncate: (runner, { slot, size }) => runner.with(slot, (file) => file.truncate(size)),
  allocate: (runner, { slot, mode, offset, length }) =>
    runner.with(slot, (file) => allocate(file, { mode, offset, length })),
  copy: (runner, { slot, target, from, to, length }) =>
    runner.with(slot, (file) =>
      runner.with(target, (sink) => copy(file, sink, { from, to, length })),
    ),
};

/** ext4 stamps the directory before it refuses to put a directory over a full one and leave a whiteout: stamped in both. */
function rename(runner: CommandRunner, { who, path, to, flags }: CommandOf<"rename">): void {
  try {
    runner.by(who).rename(path, to, flags);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOTEMPTY" && flags === RENAME_WHITEOUT) {
      const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
      runner.root.attributes.utimens(parent, { atime: "omit", mtime: LONG_AGO });
    }
    throw error;
  }
}

interface Allocation {
  readonly mode: number;
  readonly offset: number;
  readonly length: number;
}

/** ext4 moves times and drops set-id bits before it refuses, which nobody asks for: a refusal sets both anew. */
function allocate(file: PosixFile, { mode, offset, length }: Allocation): void {
  try {
    file.allocate(mode, offset, length);
  } catch (error) {
    const asRoot = file.as(ROOT);
    asRoot.chmod((file.stat().mode & S_IFMT) === S_IFDIR ? 0o777 : 0o666);
    asRoot.utimens({ atime: LONG_AGO, mtime: LONG_AGO });
    throw error;
  }
}

interface CopyArguments {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** Goes on after a short copy. Whether a copy reads its source as far as atime goes, nobody says: it is set anew. */
function copy(source: PosixFile, target: PosixFile, range: CopyArguments): number {
  let done = 0;
  while (done < range.length) {
    const { from, to, length } = range;
    const rest = { from: from + done, to: to + done, length: length - done };
    const count = source.copyTo(target, rest);
    if (count === 0) break;
    done += count;
  }
  if (done > 0) source.as(ROOT).utimens({ atime: LONG_AGO, mtime: "omit" });
  return done;
}

function timeOf(time: number | "now" | "omit"): bigint | "now" | "omit" {
  return typeof time === "number" ? BigInt(time) : time;
}

/** All but times and numbers that a filesystem may choose. */
export function statWords({
  mode,
  nlink,
  uid,
  gid,
  rdevMajor,
  rdevMinor,
  size,
}: PosixStat): string {
  const isDirectory = (mode & S_IFMT) === S_IFDIR;
  const length = isDirectory ? "" : ` size ${size}`;
  return `${mode.toString(8)} nlink ${nlink} ${uid}:${gid} dev ${rdevMajor}:${rdevMinor}${length}`;
}

export function dataWords(data: Uint8Array): string {
  return `${data.length} bytes, crc ${crc32(data)}`;
}
