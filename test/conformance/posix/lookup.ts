/** How paths are resolved, and what is said when they are not. Source: path_resolution(7), POSIX.1-2024 section 4.16. */
import assert from "node:assert/strict";
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_WRONLY, O_PATH } from "../../support/posix-constants.ts";
import { contentOf, namesOf, put, refuses, textOf } from "../../support/posix-actions.ts";
import { needing, type PosixSuite, posixSuite } from "./posix-suite.ts";

const NAME_SIZE_MAX = 255;
const PATH_MAX = 4096;
const LINKS_FOLLOWED_MAX = 40;
const DEPTH = 2000;

export const lookupSuite: PosixSuite = posixSuite("lookup", {
  "says ENOENT for a name that is not there"({ root }) {
    refuses("ENOENT", () => root.stat("missing"));
    refuses("ENOENT", () => root.open("missing", O_RDONLY));
    refuses("ENOENT", () => root.unlink("missing"));
    refuses("ENOENT", () => root.rmdir("missing"));
    refuses("ENOENT", () => root.readlink("missing"));
    refuses("ENOENT", () => root.attributes.chmod("missing", 0o600));
    refuses("ENOENT", () => root.xattrs.list("missing"));
  },
  "says ENOENT for a missing directory on the way"({ root }) {
    refuses("ENOENT", () => root.stat("missing/f"));
    refuses("ENOENT", () => root.mkdir("missing/d"));
    refuses("ENOENT", () => root.open("missing/f", O_CREAT | O_WRONLY));
    refuses("ENOENT", () => root.symlink("x", "missing/l"));
    refuses("ENOENT", () => root.mknod("missing/n", 0o100644));
  },
  "says ENOTDIR when a file stands where a directory must"({ root }) {
    put(root, "f");
    refuses("ENOTDIR", () => root.stat("f/x"));
    refuses("ENOTDIR", () => root.mkdir("f/x"));
    refuses("ENOTDIR", () => root.unlink("f/x"));
    refuses("ENOTDIR", () => root.rmdir("f"));
    refuses("ENOTDIR", () => root.openDirectory("f"));
    refuses("ENOTDIR", () => root.open("f", O_RDONLY | O_DIRECTORY));
    refuses("ENOTDIR", () => root.rename("f/x", "g"));
    refuses("ENOTDIR", () => root.link("f/x", "g"));
  },
  "takes a name of 255 bytes and refuses one of 256 with ENAMETOOLONG"({ root }) {
    const longest = "n".repeat(NAME_SIZE_MAX);
    put(root, longest, "x");
    assert.equal(textOf(root, longest), "x");
    root.mkdir("d");
    root.rename(longest, `d/${longest}`);
    assert.deepEqual(namesOf(root, "d"), [longest]);
    const tooLong = `${longest}n`;
    refuses("ENAMETOOLONG", () => root.stat(tooLong));
    refuses("ENAMETOOLONG", () => root.mkdir(tooLong));
    refuses("ENAMETOOLONG", () => root.open(tooLong, O_CREAT | O_WRONLY));
    refuses("ENAMETOOLONG", () => root.mknod(tooLong, 0o100644));
    refuses("ENAMETOOLONG", () => root.symlink("x", tooLong));
    refuses("ENAMETOOLONG", () => root.link(`d/${longest}`, tooLong));
    refuses("ENAMETOOLONG", () => root.rename("d", tooLong));
    refuses("ENAMETOOLONG", () => root.unlink(tooLong));
    refuses("ENAMETOOLONG", () => root.rmdir(tooLong));
  },
  "counts a name's bytes and not its characters"({ root }) {
    const euro = "\xe2\x82\xac";
    root.mkdir(euro.repeat(85));
    refuses("ENAMETOOLONG", () => root.mkdir(`${euro.repeat(85)}x`));
  },
  "keeps every byte of a name but the slash and NUL"({ root }) {
    const names: string[] = [];
    for (let byte = 1; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      if (character === "/") continue;
      names.push(character === "." ? "a." : character, `x${character}y`);
    }
    for (const name of names) put(root, name, `is ${name.charCodeAt(0)}`);
    assert.deepEqual(namesOf(root, ""), [...names].sort());
    for (const name of names) assert.equal(textOf(root, name), `is ${name.charCodeAt(0)}`);
    for (const name of names) root.unlink(name);
    assert.deepEqual(namesOf(root, ""), []);
  },
  "treats names that look special as plain names"({ root }) {
    const names = ["...", "-", "-rf", " ", "a b", "~", "*", "%00", "nul", "CON", "\n", "\\", ". "];
    for (const name of names) root.mkdir(name);
    assert.deepEqual(namesOf(root, ""), [...names].sort());
  },
  "tells upper from lower case and composed from decomposed letters"({ root }) {
    const names = ["a", "A", "\xc3\xa9", "e\xcc\x81"];
    for (const name of names) put(root, name, name);
    for (const name of names) assert.equal(textOf(root, name), name);
  },
  "follows links on the way and at the end"({ root }) {
    root.mkdir("d");
    put(root, "d/f", "here");
    root.symlink("d", "toDirectory");
    root.symlink("toDirectory/f", "toFile");
    assert.equal(textOf(root, "toDirectory/f"), "here");
    assert.equal(textOf(root, "toFile"), "here");
    assert.equal(root.stat("toFile").ino, root.stat("d/f").ino);
    assert.notEqual(root.lstat("toFile").ino, root.stat("d/f").ino);
  },
  "resolves a link's target from the directory that holds the link"({ root }) {
    for (const name of ["t", "t/a", "t/b"]) root.mkdir(name);
    put(root, "t/b/f", "from b");
    root.symlink("../b/f", "t/a/l");
    assert.equal(textOf(root, "t/a/l"), "from b");
    root.rename("t/a/l", "t/l");
    refuses("ENOENT", () => contentOf(root, "t/l"));
  },
  "says ELOOP for a link to itself and for a ring of links"({ root }) {
    root.symlink("self", "self");
    root.symlink("b", "a");
    root.symlink("a", "b");
    refuses("ELOOP", () => root.stat("self"));
    refuses("ELOOP", () => root.stat("a"));
    refuses("ELOOP", () => root.stat("a/x"));
    refuses("ELOOP", () => root.open("b", O_CREAT | O_WRONLY));
  },
  "follows 40 links and refuses 41 with ELOOP": needing("paths", ({ root }) => {
    put(root, "0", "end");
    for (let i = 1; i <= LINKS_FOLLOWED_MAX + 1; i++) root.symlink(String(i - 1), String(i));
    assert.equal(textOf(root, String(LINKS_FOLLOWED_MAX)), "end");
    refuses("ELOOP", () => root.stat(String(LINKS_FOLLOWED_MAX + 1)));
  }),
  "refuses a path of 4,096 bytes with ENAMETOOLONG": needing("paths", ({ root }) => {
    put(root, "f", "found");
    const fitting = `${"./".repeat((PATH_MAX - 2) / 2)}f`;
    assert.equal(fitting.length, PATH_MAX - 1);
    assert.equal(textOf(root, fitting), "found");
    refuses("ENAMETOOLONG", () => root.stat(`./${fitting}`));
    refuses("ENAMETOOLONG", () => root.mkdir(`.${fitting}`));
  }),
  "takes a trailing slash only after a directory": needing("paths", ({ root }) => {
    root.mkdir("d");
    put(root, "f");
    root.symlink("f", "l");
    root.symlink("d", "ld");
    assert.equal(root.lstat("ld/").ino, root.stat("d").ino);
    root.mkdir("new/");
    refuses("ENOTDIR", () => root.stat("f/"));
    refuses("ENOTDIR", () => root.stat("l/"));
    refuses("ENOTDIR", () => root.unlink("f/"));
    refuses("EISDIR", () => root.open("missing/", O_CREAT | O_WRONLY));
    refuses("ENOENT", () => root.mknod("missing/", 0o100644));
    refuses("ENOENT", () => root.symlink("x", "missing/"));
    refuses("ENOTDIR", () => root.rename("f", "g/"));
    refuses("ENOTDIR", () => root.rmdir("ld/"));
  }),
  "resolves dot, dot-dot and repeated slashes": needing("paths", ({ root }) => {
    root.mkdir("a");
    root.mkdir("a/b");
    put(root, "f", "top");
    assert.equal(textOf(root, "a/b/../../f"), "top");
    assert.equal(textOf(root, ".//a/.///../f"), "top");
    assert.equal(root.stat("a/b/..").ino, root.stat("a").ino);
    refuses("ENOTDIR", () => root.stat("f/.."));
    refuses("ENOENT", () => root.stat("missing/.."));
  }),
  "refuses an empty link target's follower and a dangling link with ENOENT"({ root }) {
    root.symlink("missing", "dangling");
    refuses("ENOENT", () => root.stat("dangling"));
    refuses("ENOENT", () => root.stat("dangling/x"));
    assert.equal(root.lstat("dangling").size, "missing".length);
    refuses("ENOENT", () => root.symlink("", "empty"));
  },
  "opens a path for its place alone, whatever it is": needing("paths", ({ root }) => {
    put(root, "f", "data", 0o000);
    using place = root.open("f", O_PATH);
    assert.equal(place.stat().ino, root.stat("f").ino);
    refuses("EBADF", () => place.read(0, 1));
  }),
  "goes down 2,000 directories and comes back"({ root }) {
    for (let depth = 1; depth <= DEPTH; depth++) root.mkdir(pathOfDepth(depth));
    assert.equal(root.stat(pathOfDepth(DEPTH)).nlink, 2);
    assert.equal(root.stat(pathOfDepth(DEPTH - 1)).nlink, 3);
    refuses("ENOTEMPTY", () => root.rmdir(pathOfDepth(DEPTH - 1)));
    refuses("EINVAL", () => root.rename("d", `${pathOfDepth(DEPTH)}/d`));
    for (let depth = DEPTH; depth > 0; depth--) root.rmdir(pathOfDepth(depth));
    assert.deepEqual(namesOf(root, ""), []);
  },
});

function pathOfDepth(depth: number): string {
  return Array.from({ length: depth }, () => "d").join("/");
}
