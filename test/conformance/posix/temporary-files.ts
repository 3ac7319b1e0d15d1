/** O_TMPFILE and linkat(2) of what it makes. */
import assert from "node:assert/strict";
import {
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
  S_IFREG,
} from "../../support/posix-constants.ts";
import {
  bytes,
  homeOf,
  namesOf,
  put,
  readAll,
  refuses,
  text,
  textOf,
} from "../../support/posix-actions.ts";
import { ALICE, needing, type PosixSuite, posixSuite } from "./posix-suite.ts";

export const temporaryFileSuite: PosixSuite = posixSuite(
  "temporary files",
  {
    "have no name and no link"({ root }) {
      root.mkdir("d");
      using file = root.open("d", O_TMPFILE | O_RDWR, 0o640);
      file.write(0, bytes("hidden"));
      assert.equal(text(readAll(file)), "hidden");
      const stat = file.stat();
      assert.deepEqual([stat.nlink, stat.mode, stat.size], [0, S_IFREG | 0o640, 6]);
      assert.deepEqual(namesOf(root, "d"), []);
      root.rmdir("d");
      file.write(6, bytes("!"));
      assert.equal(text(readAll(file)), "hidden!");
    },
    "can be given a name, once or more"({ root }) {
      root.mkdir("d");
      using file = root.open("", O_TMPFILE | O_RDWR, 0o600);
      file.write(0, bytes("now you see it"));
      file.linkAs("d/f");
      assert.equal(file.stat().nlink, 1);
      assert.equal(textOf(root, "d/f"), "now you see it");
      assert.equal(root.stat("d/f").ino, file.stat().ino);
      file.linkAs("g");
      assert.equal(root.stat("g").nlink, 2);
      refuses("EEXIST", () => file.linkAs("g"));
      file.close();
      assert.equal(textOf(root, "g"), "now you see it");
    },
    "can never be named when opened exclusively"({ root }) {
      using file = root.open("", O_TMPFILE | O_EXCL | O_RDWR, 0o600);
      refuses("ENOENT", () => file.linkAs("f"));
      assert.deepEqual(namesOf(root, ""), []);
    },
    "need a directory, and write access"({ root }) {
      put(root, "f");
      refuses("ENOTDIR", () => root.open("f", O_TMPFILE | O_RDWR));
      refuses("ENOENT", () => root.open("missing", O_TMPFILE | O_RDWR));
      refuses("EINVAL", () => root.open("", O_TMPFILE | O_RDONLY));
      root.open("", O_TMPFILE | O_WRONLY).close();
    },
    "obey the umask, the caller's ids and the directory's group": needing(
      "callers",
      ({ root, alice }) => {
        homeOf(root);
        using file = alice.as({ umask: 0o027 }).open("home", O_TMPFILE | O_RDWR, 0o666);
        const stat = file.stat();
        assert.deepEqual([stat.mode & 0o7777, stat.uid, stat.gid], [0o640, ALICE.uid, ALICE.gid]);
        file.linkAs("home/f");
        assert.equal(alice.stat("home/f").mode & 0o7777, 0o640);
        root.attributes.chown("home", { gid: 3000 });
        root.attributes.chmod("home", 0o2755);
        using inherited = alice.open("home", O_TMPFILE | O_RDWR);
        assert.equal(inherited.stat().gid, 3000);
        refuses("EACCES", () => alice.open("", O_TMPFILE | O_RDWR));
      },
    ),
    "vanish without a trace when closed"({ root }) {
      const before = root.statfs("").fileFreeCount;
      for (let i = 0; i < 50; i++) {
        using file = root.open("", O_TMPFILE | O_RDWR);
        file.write(0, bytes("x"));
      }
      assert.deepEqual(namesOf(root, ""), []);
      assert.ok(Math.abs(root.statfs("").fileFreeCount - before) < 50);
    },
  },
  ["temporaryFiles"],
);
