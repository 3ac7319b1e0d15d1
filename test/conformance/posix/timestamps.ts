/**
 * Which of atime, mtime and ctime each operation moves, for the thing and for its directory; setting them; relatime; the time of birth.
 * Source: inode(7), utimensat(2), POSIX.1-2024 ("shall mark for update"), and ext4 where POSIX leaves it open.
 */
import assert from "node:assert/strict";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  FS_NOATIME_FL,
  O_CREAT,
  O_NOATIME,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  RENAME_EXCHANGE,
} from "../../support/posix-constants.ts";
import {
  bytes,
  contentOf,
  entriesOf,
  homeOf,
  put,
  refuses,
  waitForTick,
} from "../../support/posix-actions.ts";
import type { PosixDirectory, TimeChange } from "./posix-directory.ts";
import {
  type Capability,
  type ConditionalTest,
  needing,
  type PosixSuite,
  posixSuite,
  type PosixTests,
} from "./posix-suite.ts";

interface TimeCase {
  /** What happens in "p", with "p/f" a file that also is "f2", "p/d" and "q" directories, "p/l" a link, "g" a file. */
  readonly act: (root: PosixDirectory) => void;
  /** For each path as it is called afterwards, the times that move ("m" mtime, "c" ctime); all else stays. */
  readonly moves: Readonly<Record<string, "" | "c" | "mc">>;
  /** Names that another path had before. */
  readonly before?: Readonly<Record<string, string>>;
  readonly needs?: Capability;
}

const SECOND = 1_000_000_000n;
const DAY = 86_400n * SECOND;

function withFile(
  root: PosixDirectory,
  act: (file: ReturnType<PosixDirectory["open"]>) => void,
): void {
  using file = root.open("p/f", O_RDWR);
  act(file);
}

const CASES: Readonly<Record<string, TimeCase>> = {
  "creating a file": {
    act: (root) => root.open("p/new", O_CREAT | O_WRONLY).close(),
    moves: { p: "mc", "": "" },
  },
  "opening a file that exists with O_CREAT": {
    act: (root) => root.open("p/f", O_CREAT | O_RDWR).close(),
    moves: { p: "", "p/f": "" },
  },
  mkdir: { act: (root) => root.mkdir("p/new"), moves: { p: "mc" } },
  symlink: { act: (root) => root.symlink("x", "p/new"), moves: { p: "mc" } },
  mknod: { act: (root) => root.mknod("p/new", 0o010600), moves: { p: "mc" } },
  link: {
    act: (root) => root.link("p/f", "q/new"),
    moves: { p: "", q: "mc", "p/f": "c" },
  },
  "unlink of one of two names": {
    act: (root) => root.unlink("p/f"),
    moves: { p: "mc", f2: "c" },
  },
  rmdir: { act: (root) => root.rmdir("p/d"), moves: { p: "mc" } },
  "rename within a directory": {
    act: (root) => root.rename("p/f", "p/new"),
    moves: { p: "mc", f2: "c" },
  },
  "rename to another directory": {
    act: (root) => root.rename("p/f", "q/new"),
    moves: { p: "mc", q: "mc", f2: "c" },
  },
  "rename over a file": {
    act: (root) => root.rename("g", "p/f"),
    moves: { p: "mc", "": "mc", f2: "c", "p/f": "c" },
    before: { "p/f": "g" },
  },
  "rename of a directory to another parent": {
    act: (root) => root.rename("p/d", "q/d"),
    moves: { p: "mc", q: "mc", "q/d": "c" },
    before: { "q/d": "p/d" },
  },
  "rename that exchanges": {
    act: (root) => root.rename("g", "p/f", RENAME_EXCHANGE),
    moves: { p: "mc", "": "mc", "p/f": "c", g: "c" },
    before: { "p/f": "g", g: "p/f" },
  },
  "rename onto another name of the same file": {
    act: (root) => root.rename("p/f", "f2"),
    moves: { p: "", "": "", f2: "" },
  },
  "a rename that fails": {
    act: (root) => refuses("EISDIR", () => root.rename("p/f", "q")),
    moves: { p: "", "": "", q: "", f2: "" },
  },
  "a creation that fails": {
    act: (root) => refuses("EEXIST", () => root.mkdir("p/f")),
    moves: { p: "", "p/f": "" },
  },
  write: {
    act: (root) => withFile(root, (file) => void file.write(0, bytes("x"))),
    moves: { p: "", "p/f": "mc" },
  },
  "a write of no bytes": {
    act: (root) => withFile(root, (file) => void file.write(0, new Uint8Array(0))),
    moves: { "p/f": "" },
  },
  "truncate to another size": {
    act: (root) => root.attributes.truncate("p/f", 1),
    moves: { p: "", "p/f": "mc" },
  },
  "truncate by path to the same size": {
    act: (root) => root.attributes.truncate("p/f", 4),
    moves: { "p/f": "mc" },
  },
  "truncate by handle to the same size": {
    act: (root) => withFile(root, (file) => file.truncate(4)),
    moves: { "p/f": "mc" },
  },
  "O_TRUNC of an empty file": {
    act: (root) => root.open("g", O_WRONLY | O_TRUNC).close(),
    moves: { g: "mc", "": "" },
  },
  "fallocate that grows": {
    act: (root) => withFile(root, (file) => file.allocate(0, 0, 100)),
    moves: { "p/f": "mc" },
  },
  "fallocate that keeps the size": {
    act: (root) => withFile(root, (file) => file.allocate(FALLOC_FL_KEEP_SIZE, 0, 100_000)),
    moves: { "p/f": "mc" },
  },
  "punching a hole": {
    act: (root) =>
      withFile(root, (file) => file.allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2)),
    moves: { "p/f": "mc" },
  },
  "zeroing a range": {
    act: (root) => withFile(root, (file) => file.allocate(FALLOC_FL_ZERO_RANGE, 0, 2)),
    moves: { "p/f": "mc" },
  },
  "copying a range into it": {
    act: (root) =>
      withFile(root, (file) => {
        using target = root.open("g", O_RDWR);
        file.copyTo(target, { from: 0, to: 0, length: 4 });
      }),
    moves: { g: "mc", "p/f": "" },
    needs: "copyRange",
  },
  chmod: { act: (root) => root.attributes.chmod("p/f", 0o600), moves: { p: "", "p/f": "c" } },
  "chmod to the same mode": {
    act: (root) => root.attributes.chmod("p/f", 0o644),
    moves: { "p/f": "c" },
  },
  chown: { act: (root) => root.attributes.chown("p/f", { uid: 7 }), moves: { p: "", "p/f": "c" } },
  "chown that leaves both ids": {
    act: (root) => root.attributes.chown("p/f", {}),
    moves: { "p/f": "c" },
  },
  "setting an extended attribute": {
    act: (root) => root.xattrs.set("p/f", "user.a", bytes("1")),
    moves: { p: "", "p/f": "c" },
  },
  "removing an extended attribute": {
    act: (root) => root.xattrs.remove("p/d", "user.there"),
    moves: { p: "", "p/d": "c" },
  },
  "removing an extended attribute that is not there": {
    act: (root) => refuses("ENODATA", () => root.xattrs.remove("p/f", "user.missing")),
    moves: { "p/f": "" },
  },
  "setting a file flag": {
    act: (root) => root.attributes.setFlags("p/f", root.attributes.getFlags("p/f") | 0x40),
    moves: { "p/f": "c" },
    needs: "fileFlags",
  },
  "leaving both times as they are": {
    act: (root) => root.attributes.utimens("p/f", { atime: "omit", mtime: "omit" }),
    moves: { "p/f": "" },
  },
  "opening a file without a name": {
    act: (root) => root.open("p", O_TMPFILE | O_RDWR).close(),
    moves: { p: "" },
    needs: "temporaryFiles",
  },
  "looking at things": {
    act: (root) => {
      root.stat("p/f");
      root.access("p/f", 4);
      root.xattrs.list("p/f");
      root.xattrs.get("p/d", "user.there");
      root.open("p/f", O_RDONLY).close();
      root.openDirectory("p").close();
      root.statfs("p");
    },
    moves: { p: "", "p/f": "", "p/d": "", "p/l": "" },
  },
};

const setting: PosixTests = {
  "a new thing is born with three equal times"({ root }) {
    put(root, "f");
    root.mkdir("d");
    root.symlink("x", "l");
    root.mknod("p", 0o010600);
    for (const name of ["d", "l", "p"]) {
      const stat = root.lstat(name);
      assert.equal(stat.atimeNs, stat.mtimeNs, name);
      assert.equal(stat.mtimeNs, stat.ctimeNs, name);
    }
  },
  "times are kept to the nanosecond, before 1970 too"({ root }) {
    put(root, "f");
    const times = [0n, 1n, 999_999_999n, 1_234_567_890_123_456_789n, -1n, -1_500_000_000n];
    for (const time of times) {
      root.attributes.utimens("f", { atime: time, mtime: time + 1n });
      const stat = root.stat("f");
      assert.equal(stat.atimeNs, time);
      assert.equal(stat.mtimeNs, time + 1n);
    }
  },
  "times after 2038 and up to 2446 are kept"({ root }) {
    put(root, "f");
    const late = 15_000_000_000n * SECOND + 5n;
    root.attributes.utimens("f", { atime: late, mtime: (1n << 32n) * SECOND });
    assert.equal(root.stat("f").atimeNs, late);
    assert.equal(root.stat("f").mtimeNs, (1n << 32n) * SECOND);
  },
  "setting times moves ctime, and what is left out stays"({ root }) {
    put(root, "f");
    const before = root.stat("f");
    waitForTick();
    root.attributes.utimens("f", { atime: 5n, mtime: "omit" });
    const first = root.stat("f");
    assert.deepEqual([first.atimeNs, first.mtimeNs], [5n, before.mtimeNs]);
    assert.ok(first.ctimeNs > before.ctimeNs);
    root.attributes.utimens("f", { atime: "omit", mtime: 6n });
    assert.deepEqual([root.stat("f").atimeNs, root.stat("f").mtimeNs], [5n, 6n]);
  },
  "the present is set for one or both"({ root }) {
    put(root, "f");
    root.attributes.utimens("f", { atime: 5n, mtime: 6n });
    root.attributes.utimens("f", { atime: "now", mtime: "omit" });
    const stat = root.stat("f");
    assert.ok(stat.atimeNs > DAY);
    assert.equal(stat.mtimeNs, 6n);
    root.attributes.utimens("f", { atime: "omit", mtime: "now" });
    assert.ok(root.stat("f").mtimeNs >= stat.atimeNs);
  },
  "a link's own times are set when it is not followed"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    root.attributes.utimens("f", { atime: 1n, mtime: 2n });
    root.attributes.utimens("l", { atime: 3n, mtime: 4n }, { follow: false });
    assert.deepEqual([root.lstat("l").atimeNs, root.lstat("l").mtimeNs], [3n, 4n]);
    assert.deepEqual([root.lstat("f").atimeNs, root.lstat("f").mtimeNs], [1n, 2n]);
    root.attributes.utimens("l", { atime: 7n, mtime: 8n });
    assert.equal(root.lstat("f").mtimeNs, 8n);
  },
  "a directory's and a node's times can be set"({ root }) {
    root.mkdir("d");
    root.mknod("p", 0o010600);
    for (const name of ["d", "p"]) {
      root.attributes.utimens(name, { atime: 1n, mtime: 2n });
      assert.deepEqual([root.lstat(name).atimeNs, root.lstat(name).mtimeNs], [1n, 2n]);
    }
  },
  "only the owner sets a time; a writer sets the present": needing(
    "callers",
    ({ root, alice, bob, carol }) => {
      homeOf(root);
      put(alice, "home/f", "", 0o664);
      set(alice, 1n, 2n);
      set(bob, "now", "now");
      set(bob, "omit", "omit");
      set(carol, "omit", "omit");
      refuses("EPERM", () => set(bob, 1n, 2n));
      refuses("EPERM", () => set(bob, "now", 2n));
      refuses("EPERM", () => set(bob, "now", "omit"));
      refuses("EPERM", () => set(bob, "omit", "now"));
      refuses("EACCES", () => set(carol, "now", "now"));
      refuses("EPERM", () => set(carol, 1n, 1n));
      alice.attributes.chmod("home/f", 0o000);
      set(alice, "now", "now");
      set(alice, 3n, 4n);
      assert.equal(root.stat("home/f").mtimeNs, 4n);
    },
  ),
  "mtime and ctime never lag behind an earlier change elsewhere"({ root }) {
    let last = 0n;
    for (let i = 0; i < 50; i++) {
      put(root, `f${i}`, "x");
      const { mtimeNs, ctimeNs } = root.stat(`f${i}`);
      assert.ok(ctimeNs >= last && mtimeNs >= last);
      last = ctimeNs;
    }
  },
};

const reading: PosixTests = {
  "reading moves atime when it is not later than mtime": needing("relatime", ({ root }) => {
    put(root, "f", "data");
    root.attributes.utimens("f", { atime: 5n, mtime: 5n });
    const before = root.stat("f");
    waitForTick();
    contentOf(root, "f");
    const after = root.stat("f");
    assert.ok(after.atimeNs > before.ctimeNs);
    assert.deepEqual([after.mtimeNs, after.ctimeNs], [before.mtimeNs, before.ctimeNs]);
  }),
  "reading leaves atime alone while it is later than mtime and ctime": needing(
    "relatime",
    ({ root }) => {
      put(root, "f", "data");
      waitForTick();
      contentOf(root, "f");
      const { atimeNs } = root.stat("f");
      waitForTick();
      contentOf(root, "f");
      assert.equal(root.stat("f").atimeNs, atimeNs);
      waitForTick();
      root.attributes.chmod("f", 0o600);
      contentOf(root, "f");
      assert.ok(root.stat("f").atimeNs > atimeNs);
    },
  ),
  "reading moves an atime that is a day old": needing("relatime", ({ root }) => {
    put(root, "f", "data");
    const { ctimeNs } = root.stat("f");
    root.attributes.utimens("f", { atime: ctimeNs - DAY - SECOND, mtime: 0n });
    contentOf(root, "f");
    assert.ok(root.stat("f").atimeNs >= ctimeNs);
  }),
  "reading a directory or a link moves its atime": needing("relatime", ({ root }) => {
    root.mkdir("d");
    root.symlink("d", "l");
    const [directory, link] = [root.stat("d").atimeNs, root.lstat("l").atimeNs];
    waitForTick();
    entriesOf(root, "d");
    root.readlink("l");
    assert.ok(root.stat("d").atimeNs > directory);
    assert.ok(root.lstat("l").atimeNs > link);
  }),
  "a handle opened with O_NOATIME leaves it alone": needing(["relatime", "mount"], ({ root }) => {
    put(root, "f", "data");
    const { atimeNs } = root.stat("f");
    waitForTick();
    using file = root.open("f", O_RDONLY | O_NOATIME);
    file.read(0, 4);
    assert.equal(root.stat("f").atimeNs, atimeNs);
  }),
  "a file flagged noatime keeps its atime": needing(["relatime", "fileFlags"], ({ root }) => {
    put(root, "f", "data");
    root.attributes.setFlags("f", root.attributes.getFlags("f") | FS_NOATIME_FL);
    const { atimeNs } = root.stat("f");
    waitForTick();
    contentOf(root, "f");
    assert.equal(root.stat("f").atimeNs, atimeNs);
  }),
  "the time of birth never changes": needing("birthtime", ({ root }) => {
    put(root, "f", "data");
    const birth = root.stat("f").birthtimeNs;
    assert.ok(birth !== undefined && birth <= root.stat("f").ctimeNs);
    waitForTick();
    put(root, "f", "more");
    root.attributes.chmod("f", 0o600);
    root.attributes.utimens("f", { atime: 1n, mtime: 2n });
    root.rename("f", "g");
    root.link("g", "h");
    assert.equal(root.stat("h").birthtimeNs, birth);
  }),
};

export const timestampSuite: PosixSuite = posixSuite("timestamps", {
  ...Object.fromEntries(
    Object.entries(CASES).map(([act, timeCase]) => [sentence(act, timeCase), asTest(timeCase)]),
  ),
  ...setting,
  ...reading,
});

function sentence(act: string, { moves }: TimeCase): string {
  const all = Object.values(moves).join("");
  if (all === "") return `${act} moves no time`;
  return all.includes("m") ? `${act} moves mtime and ctime` : `${act} moves ctime alone`;
}

function asTest({ act, moves, before = {}, needs }: TimeCase): ConditionalTest {
  return needing(needs ?? [], ({ root }) => {
    arrange(root);
    const earlier = new Map(
      Object.keys(moves).map((path) => [path, root.lstat(before[path] ?? path)]),
    );
    waitForTick();
    act(root);
    for (const [path, moved] of Object.entries(moves)) {
      const then = earlier.get(path)!;
      const now = root.lstat(path);
      const place = path === "" ? "the root" : path;
      assert.equal(now.ino, then.ino, `${place} is another thing now`);
      assert.equal(now.mtimeNs > then.mtimeNs, moved.includes("m"), `mtime of ${place}`);
      assert.equal(now.ctimeNs > then.ctimeNs, moved.includes("c"), `ctime of ${place}`);
      if (!moved.includes("m")) assert.equal(now.mtimeNs, then.mtimeNs, `mtime of ${place}`);
      if (!moved.includes("c")) assert.equal(now.ctimeNs, then.ctimeNs, `ctime of ${place}`);
    }
  });
}

function set(who: PosixDirectory, atime: TimeChange, mtime: TimeChange): void {
  who.attributes.utimens("home/f", { atime, mtime });
}

function arrange(root: PosixDirectory): void {
  root.mkdir("p");
  root.mkdir("q");
  root.mkdir("p/d");
  put(root, "p/f", "data");
  root.link("p/f", "f2");
  put(root, "g");
  root.symlink("f", "p/l");
  root.xattrs.set("p/d", "user.there", bytes("x"));
}
