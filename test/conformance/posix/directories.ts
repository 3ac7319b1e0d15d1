/** Directories: link counts, removal, inheritance of the group, the sticky bit. Source: mkdir(2), rmdir(2), inode(7). */
import assert from "node:assert/strict";
import { O_CREAT, O_WRONLY, S_IFDIR, S_IFIFO } from "../../support/posix-constants.ts";
import {
  homeOf,
  namesOf,
  permissionsOf,
  put,
  refuses,
  typeOf,
} from "../../support/posix-actions.ts";
import { ALICE, BOB, needing, type PosixSuite, posixSuite } from "./posix-suite.ts";

export const directorySuite: PosixSuite = posixSuite("directories", {
  "begins with two links and adds one for every subdirectory"({ root }) {
    const before = root.stat("").nlink;
    root.mkdir("d", 0o750);
    assert.equal(typeOf(root.stat("d")), S_IFDIR);
    assert.equal(permissionsOf(root, "d"), 0o750);
    assert.equal(root.stat("d").nlink, 2);
    assert.equal(root.stat("").nlink, before + 1);
    root.mkdir("d/a");
    root.mkdir("d/b");
    assert.equal(root.stat("d").nlink, 4);
    put(root, "d/f");
    root.symlink("a", "d/l");
    assert.equal(root.stat("d").nlink, 4);
    root.rmdir("d/a");
    assert.equal(root.stat("d").nlink, 3);
  },
  "leaves the count alone when making a directory fails"({ root }) {
    root.mkdir("d");
    refuses("EEXIST", () => root.mkdir("d"));
    assert.equal(root.stat("d").nlink, 2);
  },
  "is removed when empty, and only then"({ root }) {
    root.mkdir("d");
    put(root, "d/f");
    refuses("ENOTEMPTY", () => root.rmdir("d"));
    root.unlink("d/f");
    root.symlink("missing", "d/l");
    refuses("ENOTEMPTY", () => root.rmdir("d"));
    root.unlink("d/l");
    root.rmdir("d");
    refuses("ENOENT", () => root.stat("d"));
    root.mkdir("d");
    assert.deepEqual(namesOf(root, "d"), []);
  },
  "refuses rmdir of what is no directory with ENOTDIR"({ root }) {
    put(root, "f");
    root.mkdir("d");
    root.symlink("d", "l");
    root.mknod("p", S_IFIFO | 0o600);
    for (const name of ["f", "l", "p"]) refuses("ENOTDIR", () => root.rmdir(name));
  },
  "refuses unlink of a directory with EISDIR"({ root }) {
    root.mkdir("d");
    refuses("EISDIR", () => root.unlink("d"));
    assert.equal(typeOf(root.stat("d")), S_IFDIR);
  },
  "refuses unlink of a directory to others than root with EISDIR too": needing(
    "callers",
    ({ root, alice }) => {
      homeOf(root);
      alice.mkdir("home/d");
      refuses("EISDIR", () => alice.unlink("home/d"));
    },
  ),
  "refuses rmdir of dot with EINVAL and of dot-dot with ENOTEMPTY": needing("paths", ({ root }) => {
    root.mkdir("d");
    root.mkdir("d/e");
    refuses("EINVAL", () => root.rmdir("d/."));
    refuses("ENOTEMPTY", () => root.rmdir("d/e/.."));
    refuses("EISDIR", () => root.unlink("d/."));
    refuses("EEXIST", () => root.mkdir("d/."));
    refuses("EEXIST", () => root.mkdir("d/.."));
  }),
  "stays open after it was removed, with ENOENT for its entries"({ root }) {
    root.mkdir("d");
    using stream = root.openDirectory("d");
    root.rmdir("d");
    refuses("ENOENT", () => stream.read(4096));
  },
  "hands its group to what is made in it when set-group-id": needing("callers", ({ root, bob }) => {
    root.mkdir("shared");
    root.attributes.chown("shared", { uid: 0, gid: 3000 });
    root.attributes.chmod("shared", 0o2777);
    put(bob, "shared/f");
    bob.mkdir("shared/d", 0o755);
    bob.symlink("x", "shared/l");
    bob.mknod("shared/p", S_IFIFO | 0o600);
    for (const name of ["f", "d", "l", "p"]) {
      const stat = root.lstat(`shared/${name}`);
      assert.deepEqual([stat.uid, stat.gid], [BOB.uid, 3000], name);
    }
    assert.equal(permissionsOf(root, "shared/d"), 0o2755);
    assert.equal(permissionsOf(root, "shared/f"), 0o644);
    bob.mkdir("shared/d/e", 0o700);
    assert.equal(permissionsOf(root, "shared/d/e"), 0o2700);
    assert.equal(root.lstat("shared/d/e").gid, 3000);
  }),
  "drops set-group-id of a new executable whose group the caller is not in": needing(
    "callers",
    ({ root, alice, bob }) => {
      root.mkdir("shared");
      root.attributes.chown("shared", { gid: ALICE.gid });
      root.attributes.chmod("shared", 0o2777);
      root
        .as({ uid: 1003, gid: 2003 })
        .open("shared/foreign", O_CREAT | O_WRONLY, 0o2755)
        .close();
      alice.open("shared/own", O_CREAT | O_WRONLY, 0o2755).close();
      bob.open("shared/member", O_CREAT | O_WRONLY, 0o2755).close();
      root.open("shared/root", O_CREAT | O_WRONLY, 0o2755).close();
      assert.equal(permissionsOf(root, "shared/foreign"), 0o755);
      assert.equal(permissionsOf(root, "shared/own"), 0o2755);
      assert.equal(permissionsOf(root, "shared/member"), 0o2755);
      assert.equal(permissionsOf(root, "shared/root"), 0o2755);
    },
  ),
  "keeps set-group-id on a new file that is not executable by its group": needing(
    "callers",
    ({ root, carol }) => {
      root.mkdir("shared");
      root.attributes.chown("shared", { gid: ALICE.gid });
      root.attributes.chmod("shared", 0o2777);
      carol.open("shared/f", O_CREAT | O_WRONLY, 0o2644).close();
      assert.equal(permissionsOf(root, "shared/f"), 0o2644);
    },
  ),
  "with the sticky bit lets only owners remove and rename": needing(
    "callers",
    ({ root, alice, bob }) => {
      root.mkdir("tmp");
      root.attributes.chmod("tmp", 0o1777);
      put(alice, "tmp/f", "", 0o666);
      alice.mkdir("tmp/d", 0o777);
      put(bob, "tmp/mine");
      refuses("EPERM", () => bob.unlink("tmp/f"));
      refuses("EPERM", () => bob.rmdir("tmp/d"));
      refuses("EPERM", () => bob.rename("tmp/f", "tmp/g"));
      refuses("EPERM", () => bob.rename("tmp/mine", "tmp/f"));
      refuses("EPERM", () => bob.rename("tmp/mine", "tmp/f", 2));
      alice.rename("tmp/f", "tmp/g");
      alice.unlink("tmp/g");
      alice.rmdir("tmp/d");
      root.unlink("tmp/mine");
    },
  ),
  "with the sticky bit lets the directory's owner remove everything": needing(
    "callers",
    ({ root, alice, bob }) => {
      homeOf(root, "tmp", 0o1777);
      put(bob, "tmp/f");
      alice.rename("tmp/f", "tmp/g");
      alice.unlink("tmp/g");
    },
  ),
  "without the sticky bit lets every writer remove what is not theirs": needing(
    "callers",
    ({ root, alice, bob }) => {
      root.mkdir("open", 0o777);
      put(alice, "open/f", "", 0o600);
      bob.unlink("open/f");
      assert.deepEqual(namesOf(root, "open"), []);
    },
  ),
  "needs permission on the parent to be removed, not on itself": needing(
    "callers",
    ({ root, alice, bob }) => {
      homeOf(root);
      alice.mkdir("home/d", 0o000);
      refuses("EACCES", () => bob.rmdir("home/d"));
      alice.rmdir("home/d");
    },
  ),
});
