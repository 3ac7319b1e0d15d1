/** rename(2) and renameat2(2) with every flag. */
import assert from "node:assert/strict";
import {
  O_RDWR,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFCHR,
  S_IFDIR,
  S_IFREG,
} from "../../support/posix-constants.ts";
import {
  exists,
  homeOf,
  namesOf,
  put,
  readAll,
  refuses,
  text,
  textOf,
  typeOf,
} from "../../support/posix-actions.ts";
import type { PosixDirectory } from "./posix-directory.ts";
import { needing, type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const DEPTH = 64;

const plain: PosixTests = {
  "gives a file another name and keeps what it is"({ root }) {
    put(root, "a", "data", 0o640);
    const before = root.stat("a");
    root.mkdir("d");
    root.rename("a", "d/b");
    const after = root.stat("d/b");
    assert.deepEqual([after.ino, after.mode, after.size], [before.ino, before.mode, before.size]);
    assert.equal(exists(root, "a"), false);
    assert.equal(textOf(root, "d/b"), "data");
  },
  "replaces a file, whose open handles keep the old content"({ root }) {
    put(root, "a", "new");
    put(root, "b", "old");
    using old = root.open("b", O_RDWR);
    root.rename("a", "b");
    assert.equal(textOf(root, "b"), "new");
    assert.equal(text(readAll(old)), "old");
    assert.equal(old.stat().nlink, 0);
    assert.deepEqual(namesOf(root, ""), ["b"]);
  },
  "takes one link away from a replaced file that has more"({ root }) {
    put(root, "a", "new");
    put(root, "b", "old");
    root.link("b", "c");
    root.rename("a", "b");
    assert.equal(root.stat("c").nlink, 1);
    assert.equal(textOf(root, "c"), "old");
  },
  "replaces an empty directory"({ root }) {
    root.mkdir("a");
    put(root, "a/f", "inside");
    root.mkdir("b");
    const links = root.stat("").nlink;
    root.rename("a", "b");
    assert.equal(textOf(root, "b/f"), "inside");
    assert.equal(root.stat("").nlink, links - 1);
  },
  "refuses to replace a directory that is not empty with ENOTEMPTY"({ root }) {
    root.mkdir("a");
    root.mkdir("b");
    put(root, "b/f");
    refuses("ENOTEMPTY", () => root.rename("a", "b"));
    assert.deepEqual(namesOf(root, ""), ["a", "b"]);
  },
  "refuses a directory over a file with ENOTDIR and a file over a directory with EISDIR"({ root }) {
    root.mkdir("d");
    put(root, "f");
    root.symlink("d", "l");
    refuses("ENOTDIR", () => root.rename("d", "f"));
    refuses("ENOTDIR", () => root.rename("d", "l"));
    refuses("EISDIR", () => root.rename("f", "d"));
    refuses("EISDIR", () => root.rename("l", "d"));
  },
  "refuses a directory into itself at any depth with EINVAL"({ root }) {
    root.mkdir("d");
    refuses("EINVAL", () => root.rename("d", "d/x"));
    let path = "d";
    for (let i = 0; i < DEPTH; i++) {
      path += "/s";
      root.mkdir(path);
      refuses("EINVAL", () => root.rename("d", `${path}/x`));
      refuses("EINVAL", () => root.rename("d", path));
    }
    assert.equal(root.stat(path).nlink, 2);
  },
  "refuses a child over its own ancestor with ENOTEMPTY"({ root }) {
    root.mkdir("a");
    root.mkdir("a/b");
    root.mkdir("a/b/c");
    put(root, "a/b/f");
    refuses("ENOTEMPTY", () => root.rename("a/b/c", "a/b"));
    refuses("ENOTEMPTY", () => root.rename("a/b/c", "a"));
    refuses("ENOTEMPTY", () => root.rename("a/b/f", "a"));
  },
  "does nothing when both names are the same file"({ root }) {
    put(root, "a", "x");
    root.link("a", "b");
    root.rename("a", "b");
    assert.deepEqual(namesOf(root, ""), ["a", "b"]);
    assert.equal(root.stat("a").nlink, 2);
    root.rename("a", "a");
    assert.deepEqual(namesOf(root, ""), ["a", "b"]);
    root.mkdir("d");
    root.rename("d", "d");
    assert.equal(root.stat("d").nlink, 2);
  },
  "moves a directory's link from the old parent to the new"({ root }) {
    root.mkdir("a");
    root.mkdir("b");
    root.mkdir("a/d");
    put(root, "a/d/f", "moved along");
    root.rename("a/d", "b/e");
    assert.deepEqual([root.stat("a").nlink, root.stat("b").nlink], [2, 3]);
    assert.equal(textOf(root, "b/e/f"), "moved along");
    assert.equal(root.stat("b/e").nlink, 2);
  },
  "lets dot-dot of a moved directory lead to the new parent": needing("paths", ({ root }) => {
    root.mkdir("a");
    root.mkdir("b");
    root.mkdir("a/d");
    root.rename("a/d", "b/d");
    assert.equal(root.stat("b/d/..").ino, root.stat("b").ino);
    root.rmdir("a");
  }),
  "counts parents rightly when a moved directory replaces another"({ root }) {
    root.mkdir("a");
    root.mkdir("b");
    root.mkdir("a/d");
    root.mkdir("b/d");
    root.rename("a/d", "b/d");
    assert.deepEqual([root.stat("a").nlink, root.stat("b").nlink], [2, 3]);
  },
  "renames a symbolic link itself, also over another"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    root.symlink("g", "m");
    root.rename("l", "m");
    assert.equal(root.readlink("m"), "f");
    assert.deepEqual(namesOf(root, ""), ["f", "m"]);
  },
  "refuses missing names with ENOENT"({ root }) {
    put(root, "f");
    refuses("ENOENT", () => root.rename("missing", "x"));
    refuses("ENOENT", () => root.rename("missing", "f"));
    refuses("ENOENT", () => root.rename("f", "missing/x"));
    refuses("ENOENT", () => root.rename("missing/f", "x"));
    assert.deepEqual(namesOf(root, ""), ["f"]);
  },
  "refuses dot and dot-dot with EBUSY": needing("paths", ({ root }) => {
    root.mkdir("d");
    root.mkdir("e");
    refuses("EBUSY", () => root.rename("d/.", "x"));
    refuses("EBUSY", () => root.rename("d/..", "x"));
    refuses("EBUSY", () => root.rename("d", "e/."));
    refuses("EBUSY", () => root.rename("d", "e/.."));
  }),
};

const flagged: PosixTests = {
  "NOREPLACE refuses a taken name with EEXIST, its own too"({ root }) {
    put(root, "a", "a");
    put(root, "b", "b");
    root.mkdir("d");
    root.link("a", "c");
    refuses("EEXIST", () => root.rename("a", "b", RENAME_NOREPLACE));
    refuses("EEXIST", () => root.rename("a", "d", RENAME_NOREPLACE));
    refuses("EEXIST", () => root.rename("a", "c", RENAME_NOREPLACE));
    refuses("EEXIST", () => root.rename("a", "a", RENAME_NOREPLACE));
    refuses("ENOENT", () => root.rename("missing", "b", RENAME_NOREPLACE));
    root.rename("a", "new", RENAME_NOREPLACE);
    assert.equal(textOf(root, "new"), "a");
    assert.equal(textOf(root, "b"), "b");
  },
  "EXCHANGE swaps two files"({ root }) {
    root.mkdir("d");
    put(root, "a", "a");
    put(root, "d/b", "b");
    const [first, second] = [root.stat("a").ino, root.stat("d/b").ino];
    root.rename("a", "d/b", RENAME_EXCHANGE);
    assert.deepEqual([root.stat("a").ino, root.stat("d/b").ino], [second, first]);
    assert.equal(textOf(root, "a"), "b");
    assert.equal(textOf(root, "d/b"), "a");
  },
  "EXCHANGE swaps a file and a directory, and the parents' counts follow"({ root }) {
    root.mkdir("p");
    root.mkdir("q");
    root.mkdir("p/d");
    put(root, "p/d/inside", "x");
    put(root, "q/f", "file");
    root.rename("p/d", "q/f", RENAME_EXCHANGE);
    assert.equal(typeOf(root.stat("p/d")), S_IFREG);
    assert.equal(typeOf(root.stat("q/f")), S_IFDIR);
    assert.equal(textOf(root, "q/f/inside"), "x");
    assert.deepEqual([root.stat("p").nlink, root.stat("q").nlink], [2, 3]);
  },
  "EXCHANGE swaps directories that are not empty"({ root }) {
    root.mkdir("a");
    root.mkdir("b");
    put(root, "a/x");
    put(root, "b/y");
    root.rename("a", "b", RENAME_EXCHANGE);
    assert.deepEqual([namesOf(root, "a"), namesOf(root, "b")], [["y"], ["x"]]);
  },
  "EXCHANGE needs both names, and refuses a directory with what is in it with EINVAL"({ root }) {
    root.mkdir("a");
    root.mkdir("a/b");
    root.mkdir("a/b/c");
    put(root, "f");
    refuses("ENOENT", () => root.rename("f", "missing", RENAME_EXCHANGE));
    refuses("ENOENT", () => root.rename("missing", "f", RENAME_EXCHANGE));
    refuses("EINVAL", () => root.rename("a", "a/b", RENAME_EXCHANGE));
    refuses("EINVAL", () => root.rename("a/b", "a", RENAME_EXCHANGE));
    refuses("EINVAL", () => root.rename("a/b/c", "a", RENAME_EXCHANGE));
  },
  "EXCHANGE of one file's two names changes nothing"({ root }) {
    put(root, "a", "x");
    root.link("a", "b");
    root.rename("a", "b", RENAME_EXCHANGE);
    assert.deepEqual(namesOf(root, ""), ["a", "b"]);
    assert.equal(root.stat("a").nlink, 2);
  },
  "WHITEOUT leaves a character device 0, 0 in the old place": needing("whiteout", ({ root }) => {
    put(root, "a", "x");
    put(root, "b", "victim");
    root.rename("a", "b", RENAME_WHITEOUT);
    assertWhiteout(root, "a");
    assert.equal(textOf(root, "b"), "x");
    root.mkdir("d");
    root.rename("d", "e", RENAME_WHITEOUT | RENAME_NOREPLACE);
    assertWhiteout(root, "d");
    assert.equal(typeOf(root.stat("e")), S_IFDIR);
  }),
  "refuses contradicting and unknown flags with EINVAL"({ root }) {
    put(root, "a");
    put(root, "b");
    refuses("EINVAL", () => root.rename("a", "b", RENAME_NOREPLACE | RENAME_EXCHANGE));
    refuses("EINVAL", () => root.rename("a", "b", RENAME_WHITEOUT | RENAME_EXCHANGE));
    refuses("EINVAL", () => root.rename("a", "c", 8));
  },
};

const permitted: PosixTests = {
  "needs write permission on both directories": needing("callers", ({ root, alice }) => {
    homeOf(root);
    root.mkdir("closed");
    put(root, "closed/f");
    put(alice, "home/f");
    refuses("EACCES", () => alice.rename("home/f", "closed/g"));
    refuses("EACCES", () => alice.rename("closed/f", "home/g"));
    refuses("EACCES", () => alice.rename("closed/f", "home/f", RENAME_EXCHANGE));
  }),
  "needs write permission on a directory that moves to another parent": needing(
    "callers",
    ({ root, alice }) => {
      root.mkdir("open", 0o777);
      root.mkdir("open/to", 0o777);
      root.mkdir("open/d", 0o755);
      refuses("EACCES", () => alice.rename("open/d", "open/to/d"));
      alice.rename("open/d", "open/e");
    },
  ),
  "needs no permission on a file it moves": needing("callers", ({ root, alice }) => {
    root.mkdir("open", 0o777);
    put(root, "open/f", "secret", 0o600);
    alice.rename("open/f", "open/g");
    assert.deepEqual(namesOf(root, "open"), ["g"]);
  }),
  "looks at what is there before it looks at permissions": needing("callers", ({ root, alice }) => {
    root.mkdir("closed");
    refuses("ENOENT", () => alice.rename("closed/missing", "closed/x"));
  }),
};

export const renameSuite: PosixSuite = posixSuite("rename", { ...plain, ...flagged, ...permitted });

function assertWhiteout(root: PosixDirectory, path: string): void {
  const stat = root.lstat(path);
  assert.equal(typeOf(stat), S_IFCHR);
  assert.deepEqual([stat.rdevMajor, stat.rdevMinor], [0, 0]);
}
