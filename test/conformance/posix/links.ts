/** Hard and symbolic links, and unlink. Source: link(2), symlink(2), unlink(2), readlink(2). */
import assert from "node:assert/strict";
import { O_RDWR, O_RDONLY, S_IFLNK } from "../../support/posix-constants.ts";
import {
  bytes,
  homeOf,
  namesOf,
  put,
  readAll,
  refuses,
  text,
  textOf,
  typeOf,
  writeAt,
} from "../../support/posix-actions.ts";
import { needing, type PosixSuite, posixSuite } from "./posix-suite.ts";

const SYMLINK_SIZE_MAX = 4095;

export const linkSuite: PosixSuite = posixSuite("links", {
  "gives one file two names"({ root }) {
    put(root, "a", "one");
    root.mkdir("d");
    root.link("a", "d/b");
    assert.equal(root.stat("d/b").ino, root.stat("a").ino);
    assert.equal(root.stat("a").nlink, 2);
    writeAt(root, "d/b", 3, " file");
    assert.equal(textOf(root, "a"), "one file");
    root.unlink("a");
    assert.equal(root.stat("d/b").nlink, 1);
    assert.equal(textOf(root, "d/b"), "one file");
  },
  "refuses a hard link to a directory with EPERM, for root too"({ root }) {
    root.mkdir("d");
    refuses("EPERM", () => root.link("d", "e"));
    assert.equal(root.stat("d").nlink, 2);
  },
  "refuses a taken name with EEXIST, its own too"({ root }) {
    put(root, "a");
    put(root, "b");
    refuses("EEXIST", () => root.link("a", "b"));
    refuses("EEXIST", () => root.link("a", "a"));
    assert.equal(root.stat("a").nlink, 1);
    refuses("ENOENT", () => root.link("missing", "c"));
    refuses("ENOENT", () => root.link("a", "missing/c"));
  },
  "links a symbolic link itself, or what it points to when asked"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    root.link("l", "l2");
    assert.equal(root.lstat("l2").ino, root.lstat("l").ino);
    assert.equal(root.lstat("l").nlink, 2);
    assert.equal(root.readlink("l2"), "f");
    root.link("l", "f2", { follow: true });
    assert.equal(root.lstat("f2").ino, root.lstat("f").ino);
  },
  "links nodes of every type"({ root }) {
    root.mknod("p", 0o010600);
    root.mknod("c", 0o020600, { major: 1, minor: 3 });
    root.mknod("s", 0o140600);
    for (const name of ["p", "c", "s"]) {
      root.link(name, `${name}2`);
      assert.equal(root.lstat(`${name}2`).ino, root.lstat(name).ino);
      assert.equal(root.lstat(name).nlink, 2);
    }
  },
  "has as many links as the limit allows, and EMLINK after": needing(
    "longRun",
    ({ root, limits }) => {
      put(root, "f");
      root.mkdir("d");
      for (let i = 1; i < limits.linkCountMax; i++) root.link("f", `d/${i}`);
      assert.equal(root.stat("f").nlink, limits.linkCountMax);
      refuses("EMLINK", () => root.link("f", "d/more"));
      root.unlink("d/1");
      root.link("f", "d/more");
      assert.equal(root.stat("f").nlink, limits.linkCountMax);
    },
  ),
  "keeps the target of a symbolic link byte for byte"({ root }) {
    const allBytes = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)).join("");
    const targets = ["x", "/absolute//path/", "../..", allBytes];
    for (const length of [59, 60, 61, 1023, 1024, SYMLINK_SIZE_MAX])
      targets.push("t".repeat(length));
    for (const [index, target] of targets.entries()) {
      root.symlink(target, `l${index}`);
      assert.equal(root.readlink(`l${index}`), target);
      const stat = root.lstat(`l${index}`);
      assert.equal(typeOf(stat), S_IFLNK);
      assert.deepEqual([stat.size, stat.mode & 0o7777, stat.nlink], [target.length, 0o777, 1]);
    }
  },
  "refuses a target of 4,096 bytes with ENAMETOOLONG, and none with ENOENT"({ root }) {
    refuses("ENAMETOOLONG", () => root.symlink("t".repeat(SYMLINK_SIZE_MAX + 1), "l"));
    refuses("ENOENT", () => root.symlink("", "l"));
    assert.deepEqual(namesOf(root, ""), []);
  },
  "refuses readlink of what is no link with EINVAL"({ root }) {
    put(root, "f");
    root.mkdir("d");
    refuses("EINVAL", () => root.readlink("f"));
    refuses("EINVAL", () => root.readlink("d"));
  },
  "reads a link whatever its target's permissions": needing("callers", ({ root, alice }) => {
    root.mkdir("closed", 0o700);
    root.symlink("closed/x", "l");
    assert.equal(alice.readlink("l"), "closed/x");
    refuses("EACCES", () => alice.stat("l"));
  }),
  "unlinks a symbolic link and not its target"({ root }) {
    put(root, "f", "stays");
    root.symlink("f", "l");
    root.unlink("l");
    assert.equal(textOf(root, "f"), "stays");
    root.mkdir("d");
    root.symlink("d", "l");
    root.unlink("l");
    assert.deepEqual(namesOf(root, ""), ["d", "f"]);
  },
  "keeps an unlinked file readable and writable while it is open"({ root }) {
    put(root, "f", "before");
    using file = root.open("f", O_RDWR);
    const { ino } = file.stat();
    root.unlink("f");
    refuses("ENOENT", () => root.stat("f"));
    assert.deepEqual([file.stat().nlink, file.stat().ino], [0, ino]);
    assert.equal(text(readAll(file)), "before");
    file.write(6, bytes(" and after"));
    file.sync("all");
    assert.equal(text(readAll(file)), "before and after");
    file.truncate(3);
    file.chmod(0o600);
    file.utimens({ atime: 1n, mtime: 2n });
    assert.equal(file.stat().size, 3);
    assert.equal(file.stat().mode & 0o7777, 0o600);
    assert.equal(file.stat().mtimeNs, 2n);
  },
  "makes a new file of the same name while the old one is still open"({ root }) {
    put(root, "f", "old");
    using old = root.open("f", O_RDWR);
    root.unlink("f");
    put(root, "f", "new");
    assert.equal(text(readAll(old)), "old");
    assert.equal(textOf(root, "f"), "new");
    assert.notEqual(old.stat().ino, root.stat("f").ino);
  },
  "keeps many unlinked files apart"({ root }) {
    const files = Array.from({ length: 100 }, (_, i) => {
      put(root, "f", `content ${i}`);
      const file = root.open("f", O_RDONLY);
      root.unlink("f");
      return file;
    });
    for (const [i, file] of files.entries()) assert.equal(text(readAll(file)), `content ${i}`);
    for (const file of files) file.close();
  },
  "does not give an unlinked file a name again": needing("mount", ({ root }) => {
    put(root, "f");
    using file = root.open("f", O_RDWR);
    root.unlink("f");
    refuses("ENOENT", () => file.linkAs("g"));
  }),
  "needs write permission on both directories": needing("callers", ({ root, alice }) => {
    homeOf(root);
    root.mkdir("closed");
    put(root, "closed/theirs");
    put(alice, "home/f");
    refuses("EACCES", () => alice.link("home/f", "closed/f"));
    refuses("EACCES", () => alice.unlink("closed/theirs"));
    alice.link("home/f", "home/g");
    assert.equal(alice.stat("home/g").nlink, 2);
  }),
});
