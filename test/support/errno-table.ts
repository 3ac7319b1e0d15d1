/**
 * What every call answers for every kind of object, by every caller: thousands of cells, each in a small tree of its own,
 * so that two filesystems can be held against each other.
 *
 * A cell is named "caller call kind" and holds "ok" or the name of the errno.
 */
import type { PosixDirectory } from "../conformance/posix/posix-directory.ts";
import { bytes, put } from "./posix-actions.ts";
import * as c from "./posix-constants.ts";

export type ErrnoTable = ReadonlyMap<string, string>;

/** Whose tree it is, and somebody else. */
const OWNER = { uid: 1000, gid: 1000, groups: [] };
const CALLERS = {
  root: { uid: 0, gid: 0, groups: [] },
  owner: OWNER,
  other: { uid: 2000, gid: 2000, groups: [] },
} as const;

const LONG_NAME: string = "n".repeat(256);
const LONG_PATH: string = "p/".repeat(2048);
const EXTENDED = "user.kept";

/** Makes the object and gives the path under which it is called. */
type Make = (directory: PosixDirectory) => string;

/** Each is made by its owner in the empty tree of the cell, whose root is the owner's, mode 0755. */
const KINDS: Readonly<Record<string, Make>> = {
  missing: () => "x",
  "below the missing": () => "x/y",
  "the tree itself": () => "",
  dot: () => ".",
  "two dots": (at) => (at.mkdir("d"), "d/.."),
  "a name too long": () => LONG_NAME,
  "a path too long": () => LONG_PATH,
  "a file": (at) => (put(at, "x"), "x"),
  "a file with a slash": (at) => (put(at, "x"), "x/"),
  "below a file": (at) => (put(at, "x"), "x/y"),
  "a file of mode 0": (at) => (put(at, "x"), at.attributes.chmod("x", 0), "x"),
  "a file of mode 0444": (at) => (put(at, "x"), at.attributes.chmod("x", 0o444), "x"),
  "a file of mode 0666": (at) => (put(at, "x"), at.attributes.chmod("x", 0o666), "x"),
  "a set-id file": (at) => (put(at, "x"), at.attributes.chmod("x", 0o6755), "x"),
  "an immutable file": (at) => (put(at, "x"), flag(at, "x", c.FS_IMMUTABLE_FL), "x"),
  "an append-only file": (at) => (put(at, "x"), flag(at, "x", c.FS_APPEND_FL), "x"),
  "a directory": (at) => (at.mkdir("x"), "x"),
  "a directory with a slash": (at) => (at.mkdir("x"), "x/"),
  "a dot in a directory": (at) => (at.mkdir("x"), "x/."),
  "a full directory": (at) => (at.mkdir("x"), put(at, "x/y"), "x"),
  "a file in a closed directory": (at) => (
    at.mkdir("d"),
    put(at, "d/x"),
    at.attributes.chmod("d", 0o700),
    "d/x"
  ),
  "a file in a directory not to be searched": (at) => (
    at.mkdir("d"),
    put(at, "d/x"),
    at.attributes.chmod("d", 0o744),
    "d/x"
  ),
  "a file in an open directory": (at) => (
    at.mkdir("d"),
    at.attributes.chmod("d", 0o777),
    put(at, "d/x"),
    "d/x"
  ),
  "a file in a sticky directory": (at) => (
    at.mkdir("d"),
    at.attributes.chmod("d", 0o1777),
    put(at, "d/x"),
    "d/x"
  ),
  "a file in an immutable directory": (at) => (
    at.mkdir("d"),
    put(at, "d/x"),
    flag(at, "d", c.FS_IMMUTABLE_FL),
    "d/x"
  ),
  "missing in an immutable directory": (at) => (
    at.mkdir("d"),
    flag(at, "d", c.FS_IMMUTABLE_FL),
    "d/x"
  ),
  "a file in an append-only directory": (at) => (
    at.mkdir("d"),
    put(at, "d/x"),
    flag(at, "d", c.FS_APPEND_FL),
    "d/x"
  ),
  "a removed directory": (at) => (at.mkdir("d"), at.mkdir("d/x"), at.rmdir("d/x"), "d/x/y"),
  "a link to a file": (at) => (put(at, "y"), at.symlink("y", "x"), "x"),
  "a link to a file with a slash": (at) => (put(at, "y"), at.symlink("y", "x"), "x/"),
  "a link to a directory": (at) => (at.mkdir("y"), at.symlink("y", "x"), "x"),
  "a link to a directory with a slash": (at) => (at.mkdir("y"), at.symlink("y", "x"), "x/"),
  "a link to nothing": (at) => (at.symlink("y", "x"), "x"),
  "a link to itself": (at) => (at.symlink("x", "x"), "x"),
  "below a link to itself": (at) => (at.symlink("x", "x"), "x/y"),
  "a pipe": (at) => (at.mknod("x", c.S_IFIFO | 0o666), "x"),
  "a socket": (at) => (at.mknod("x", c.S_IFSOCK | 0o666), "x"),
};

/** Kinds that a rename is tried from and onto. */
const RENAMED: readonly string[] = [
  "missing",
  "below the missing",
  "the tree itself",
  "dot",
  "a name too long",
  "a file",
  "a file with a slash",
  "below a file",
  "an immutable file",
  "a directory",
  "a directory with a slash",
  "a full directory",
  "a dot in a directory",
  "a file in a closed directory",
  "a file in a sticky directory",
  "a file in an immutable directory",
  "a link to a directory",
  "a link to a directory with a slash",
  "a link to nothing",
  "a pipe",
];
const RENAME_FLAGS: readonly number[] = [
  0,
  c.RENAME_NOREPLACE,
  c.RENAME_EXCHANGE,
  c.RENAME_WHITEOUT,
  c.RENAME_EXCHANGE | c.RENAME_NOREPLACE,
  8,
];

type Call = (directory: PosixDirectory, path: string) => unknown;

const CALLS: Readonly<Record<string, Call>> = {
  "open to read": opening(c.O_RDONLY),
  "open to write": opening(c.O_WRONLY),
  "open to truncate": opening(c.O_WRONLY | c.O_TRUNC),
  "open to append": opening(c.O_WRONLY | c.O_APPEND),
  "open to create": opening(c.O_RDWR | c.O_CREAT),
  "open to create alone": opening(c.O_RDWR | c.O_CREAT | c.O_EXCL),
  "open to create, no link": opening(c.O_RDWR | c.O_CREAT | c.O_NOFOLLOW),
  "open as a directory": opening(c.O_RDONLY | c.O_DIRECTORY),
  "open no link": opening(c.O_RDONLY | c.O_NOFOLLOW),
  "open by path": opening(c.O_PATH),
  "open a temporary": opening(c.O_RDWR | c.O_TMPFILE),
  "open without atime": opening(c.O_RDONLY | c.O_NOATIME),
  write: (at, path) => writing(at, path, (file) => file.write(0, bytes("w"))),
  append: (at, path) => {
    using file = at.open(path, c.O_WRONLY | c.O_APPEND | c.O_NONBLOCK);
    file.write(0, bytes("w"));
  },
  ftruncate: (at, path) => writing(at, path, (file) => file.truncate(3)),
  allocate: (at, path) => writing(at, path, (file) => file.allocate(0, 0, 4096)),
  "allocate nothing": (at, path) => writing(at, path, (file) => file.allocate(0, 0, 0)),
  punch: (at, path) =>
    writing(at, path, (file) =>
      file.allocate(c.FALLOC_FL_PUNCH_HOLE | c.FALLOC_FL_KEEP_SIZE, 0, 4096),
    ),
  "punch without keeping": (at, path) =>
    writing(at, path, (file) => file.allocate(c.FALLOC_FL_PUNCH_HOLE, 0, 4096)),
  "seek data": (at, path) => reading(at, path, (file) => file.seek("data", 0)),
  "seek past the end": (at, path) => reading(at, path, (file) => file.seek("hole", 1 << 20)),
  "write to a reader": (at, path) => reading(at, path, (file) => file.write(0, bytes("w"))),
  "truncate a reader": (at, path) => reading(at, path, (file) => file.truncate(0)),
  fsync: (at, path) => reading(at, path, (file) => file.sync("all")),
  mkdir: (at, path) => at.mkdir(path),
  rmdir: (at, path) => at.rmdir(path),
  unlink: (at, path) => at.unlink(path),
  "mknod of a pipe": (at, path) => at.mknod(path, c.S_IFIFO | 0o644),
  "mknod of a device": (at, path) => at.mknod(path, c.S_IFCHR | 0o644, { major: 1, minor: 3 }),
  "mknod of a whiteout": (at, path) => at.mknod(path, c.S_IFCHR, { major: 0, minor: 0 }),
  symlink: (at, path) => at.symlink("target", path),
  "symlink to nothing at all": (at, path) => at.symlink("", path),
  "symlink too long": (at, path) => at.symlink("t".repeat(4096), path),
  "link from": (at, path) => at.link(path, "new"),
  "link from what it points to": (at, path) => at.link(path, "new", { follow: true }),
  "link to": (at, path) => at.link("other", path),
  readlink: (at, path) => at.readlink(path),
  list: (at, path) => at.openDirectory(path).close(),
  stat: (at, path) => at.stat(path),
  lstat: (at, path) => at.lstat(path),
  "access to read": (at, path) => at.access(path, c.R_OK),
  "access to write": (at, path) => at.access(path, c.W_OK),
  "access to execute": (at, path) => at.access(path, c.X_OK),
  statfs: (at, path) => at.statfs(path),
  chmod: (at, path) => at.attributes.chmod(path, 0o755),
  chown: (at, path) => at.attributes.chown(path, { uid: 3000 }),
  "chown to itself": (at, path) => at.attributes.chown(path, { uid: 1000 }),
  chgrp: (at, path) => at.attributes.chown(path, { gid: 3000 }),
  "chown the link": (at, path) => at.attributes.chown(path, { uid: 3000 }, { follow: false }),
  touch: (at, path) => at.attributes.utimens(path, { atime: "now", mtime: "now" }),
  "set times": (at, path) => at.attributes.utimens(path, { atime: 1n, mtime: 1n }),
  "set times of the link": (at, path) =>
    at.attributes.utimens(path, { atime: 1n, mtime: 1n }, { follow: false }),
  truncate: (at, path) => at.attributes.truncate(path, 5),
  "truncate below nothing": (at, path) => at.attributes.truncate(path, -1),
  "get flags": (at, path) => at.attributes.getFlags(path),
  "set flags": (at, path) => at.attributes.setFlags(path, c.FS_NODUMP_FL),
  "set the immutable flag": (at, path) => at.attributes.setFlags(path, c.FS_IMMUTABLE_FL),
  "list xattrs": (at, path) => at.xattrs.list(path),
  ...xattrCalls("user.new"),
  ...xattrCalls("trusted.new"),
  ...xattrCalls("security.new"),
  ...xattrCalls("nowhere.new"),
  "set xattr over nothing": (at, path) =>
    at.xattrs.set(path, "user.new", bytes("v"), { flags: c.XATTR_REPLACE }),
  "set xattr anew": (at, path) => {
    at.xattrs.set(path, EXTENDED, bytes("v"));
    at.xattrs.set(path, EXTENDED, bytes("v"), { flags: c.XATTR_CREATE });
  },
  "set xattr too large": (at, path) => at.xattrs.set(path, "user.new", new Uint8Array(65_537)),
  "set xattr of a long name": (at, path) =>
    at.xattrs.set(path, `user.${"n".repeat(251)}`, bytes("v")),
  "set xattr without a name": (at, path) => at.xattrs.set(path, "user.", bytes("v")),
  "name to handle": (at, path) => at.handles.encode(path),
};

function xattrCalls(name: string): Record<string, Call> {
  return {
    [`set ${name}`]: (at, path) => at.xattrs.set(path, name, bytes("v")),
    [`set ${name} of the link`]: (at, path) =>
      at.xattrs.set(path, name, bytes("v"), { follow: false }),
    [`get ${name}`]: (at, path) => at.xattrs.get(path, name),
    [`remove ${name}`]: (at, path) => at.xattrs.remove(path, name),
  };
}

function opening(flags: number): Call {
  return (at, path) => at.open(path, flags | c.O_NONBLOCK, 0o644).close();
}

function reading(
  at: PosixDirectory,
  path: string,
  act: (file: ReturnType<PosixDirectory["open"]>) => unknown,
): void {
  using file = at.open(path, c.O_RDONLY | c.O_NONBLOCK);
  act(file);
}

function writing(
  at: PosixDirectory,
  path: string,
  act: (file: ReturnType<PosixDirectory["open"]>) => unknown,
): void {
  using file = at.open(path, c.O_RDWR | c.O_NONBLOCK);
  act(file);
}

/** Files are made by their owner; only root may set these flags. */
function flag(at: PosixDirectory, path: string, flags: number): void {
  at.as(CALLERS.root).attributes.setFlags(path, flags);
}

/** A fresh tree, and its end. */
export interface Trees {
  make(): { readonly directory: PosixDirectory } & Disposable;
}

/** `share` of the cells, by their number: 1 is all. */
export function errnoTable(trees: Trees, share: number = 1): ErrnoTable {
  const table = new Map<string, string>();
  let count = 0;
  for (const { name, kinds, call } of cells()) {
    if (count++ % share !== 0) continue;
    using tree = trees.make();
    table.set(name, answerOf(tree.directory, kinds, call));
  }
  return table;
}

interface Cell {
  readonly name: string;
  /** Made in this order, the second in a folder of its own. */
  readonly kinds: readonly string[];
  readonly call: (root: PosixDirectory, paths: readonly string[]) => unknown;
}

function* cells(): Generator<Cell> {
  for (const [who, caller] of Object.entries(CALLERS)) {
    for (const kind of Object.keys(KINDS)) {
      for (const [what, call] of Object.entries(CALLS)) {
        yield {
          name: `${who}: ${what}: ${kind}`,
          kinds: [kind],
          call: (root, [path]) => call(root.as(caller), path!),
        };
      }
      for (const other of RENAMED.includes(kind) ? RENAMED : []) {
        for (const flags of RENAME_FLAGS) {
          yield {
            name: `${who}: rename with ${flags}: ${kind} onto ${other}`,
            kinds: [kind, other],
            call: (root, [from, to]) => root.as(caller).rename(from!, to!, flags),
          };
        }
      }
    }
  }
}

/** Root makes the tree and gives it away, so that the owner makes what is in it. */
function answerOf(root: PosixDirectory, kinds: readonly string[], call: Cell["call"]): string {
  root.attributes.chown("", { uid: OWNER.uid, gid: OWNER.gid });
  const owner = root.as(OWNER);
  put(owner, "other");
  const paths = kinds.map((kind, index) => {
    const folder = index === 0 ? "" : "second/";
    if (index > 0) owner.mkdir("second");
    const path = KINDS[kind]!(below(owner, folder));
    return path === "" ? folder.slice(0, -1) : folder + path;
  });
  try {
    call(root, paths);
    return "ok";
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

/** The same tree with every path below `folder`: as much of it as KINDS use. */
function below(directory: PosixDirectory, folder: string): PosixDirectory {
  if (folder === "") return directory;
  const at = (path: string): string => folder + path;
  const { attributes } = directory;
  return {
    as: (caller) => below(directory.as(caller), folder),
    mkdir: (path, mode) => directory.mkdir(at(path), mode),
    mknod: (path, mode, device) => directory.mknod(at(path), mode, device),
    open: (path, flags, mode) => directory.open(at(path), flags, mode),
    symlink: (target, path) => directory.symlink(target, at(path)),
    rmdir: (path) => directory.rmdir(at(path)),
    attributes: {
      chmod: (path, mode) => attributes.chmod(at(path), mode),
      setFlags: (path, flags) => attributes.setFlags(at(path), flags),
    },
  } as PosixDirectory;
}
