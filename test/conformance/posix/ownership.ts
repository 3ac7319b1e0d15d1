/**
 * chmod and chown: who may; and what becomes of set-id bits and capabilities when contents or owners change.
 * Source: chmod(2), chown(2), inode(7), capabilities(7); fs/attr.c setattr_should_drop_suidgid.
 */
import assert from "node:assert/strict";
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "../../support/posix-constants.ts";
import { bytes, homeOf, permissionsOf, put, refuses } from "../../support/posix-actions.ts";
import type { PosixDirectory } from "./posix-directory.ts";
import {
  ALICE,
  BOB,
  needing,
  type PosixSuite,
  posixSuite,
  type PosixTests,
} from "./posix-suite.ts";

const PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
/** struct vfs_cap_data, revision 2: effective, CAP_NET_BIND_SERVICE permitted. */
const CAPABILITY = Uint8Array.of(1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

const chmod: PosixTests = {
  "keeps all twelve bits, by path and by handle"({ root }) {
    put(root, "f");
    root.mkdir("d");
    for (const mode of [0, 0o7777, 0o4755, 0o2750, 0o1777, 0o644]) {
      for (const name of ["f", "d"]) {
        root.attributes.chmod(name, mode);
        assert.equal(permissionsOf(root, name), mode);
      }
    }
    using file = root.open("f", O_RDONLY);
    file.chmod(0o4711);
    assert.equal(permissionsOf(root, "f"), 0o4711);
    root.attributes.chmod("f", 0o100600);
    assert.equal(permissionsOf(root, "f"), 0o600);
  },
  "follows links"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    root.attributes.chmod("l", 0o600);
    assert.equal(permissionsOf(root, "f"), 0o600);
    assert.equal(permissionsOf(root, "l"), 0o777);
  },
  "is for the owner and root": needing("callers", ({ root, alice, bob, carol }) => {
    homeOf(root);
    put(alice, "home/f", "", 0o666);
    alice.attributes.chmod("home/f", 0o664);
    root.attributes.chmod("home/f", 0o660);
    refuses("EPERM", () => bob.attributes.chmod("home/f", 0o777));
    refuses("EPERM", () => carol.attributes.chmod("home/f", 0o660));
    assert.equal(permissionsOf(root, "home/f"), 0o660);
  }),
  "drops set-group-id when the owner is not in the file's group": needing(
    "callers",
    ({ root, alice, bob }) => {
      homeOf(root);
      put(root, "home/f");
      root.mkdir("home/d");
      for (const name of ["home/f", "home/d"]) {
        root.attributes.chown(name, { uid: ALICE.uid, gid: 3000 });
        alice.attributes.chmod(name, 0o6755);
        assert.equal(permissionsOf(root, name), 0o4755, name);
        root.attributes.chmod(name, 0o6755);
        assert.equal(permissionsOf(root, name), 0o6755, name);
        root.attributes.chown(name, { uid: BOB.uid, gid: ALICE.gid });
        bob.attributes.chmod(name, 0o2755);
        assert.equal(permissionsOf(root, name), 0o2755, "a supplementary group counts");
      }
    },
  ),
};

const chown: PosixTests = {
  "root gives away anything, and what is left out stays"({ root }) {
    put(root, "f");
    root.attributes.chown("f", { uid: 5, gid: 6 });
    assert.deepEqual(idsOf(root, "f"), [5, 6]);
    root.attributes.chown("f", { uid: 7 });
    assert.deepEqual(idsOf(root, "f"), [7, 6]);
    root.attributes.chown("f", { gid: 8 });
    assert.deepEqual(idsOf(root, "f"), [7, 8]);
    root.attributes.chown("f", {});
    assert.deepEqual(idsOf(root, "f"), [7, 8]);
    root.attributes.chown("f", { uid: 0xffff_fffe, gid: 0x8000_0000 });
    assert.deepEqual(idsOf(root, "f"), [0xffff_fffe, 0x8000_0000]);
  },
  "changes a link itself when it is not followed"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    root.attributes.chown("l", { uid: 5, gid: 6 }, { follow: false });
    assert.deepEqual(idsOf(root, "l"), [5, 6]);
    assert.deepEqual(idsOf(root, "f"), [0, 0]);
    root.attributes.chown("l", { uid: 9 });
    assert.deepEqual(idsOf(root, "f"), [9, 0]);
  },
  "the owner changes only the group, and only to one of their own": needing(
    "callers",
    ({ root, alice, bob, carol }) => {
      homeOf(root, "home", 0o777);
      put(bob, "home/f");
      bob.attributes.chown("home/f", { gid: ALICE.gid });
      bob.attributes.chown("home/f", { uid: BOB.uid, gid: BOB.gid });
      bob.attributes.chown("home/f", { uid: BOB.uid });
      refuses("EPERM", () => bob.attributes.chown("home/f", { gid: 3000 }));
      refuses("EPERM", () => bob.attributes.chown("home/f", { uid: ALICE.uid }));
      refuses("EPERM", () => bob.attributes.chown("home/f", { uid: 0 }));
      refuses("EPERM", () => alice.attributes.chown("home/f", { gid: ALICE.gid }));
      refuses("EPERM", () => carol.attributes.chown("home/f", { uid: 1003 }));
      assert.deepEqual(idsOf(root, "home/f"), [BOB.uid, BOB.gid]);
    },
  ),
  "the owner may keep a group they are not in": needing("callers", ({ root, alice }) => {
    homeOf(root);
    put(alice, "home/f");
    root.attributes.chown("home/f", { gid: 3000 });
    alice.attributes.chown("home/f", { uid: ALICE.uid });
    alice.attributes.chown("home/f", { gid: 3000 });
    assert.deepEqual(idsOf(root, "home/f"), [ALICE.uid, 3000]);
  }),
  "drops set-id bits of a file, for root too, and keeps a directory's"({ root }) {
    put(root, "f");
    root.mkdir("d");
    root.attributes.chmod("f", 0o6755);
    root.attributes.chmod("d", 0o6755);
    root.attributes.chown("f", { uid: 5 });
    root.attributes.chown("d", { uid: 5 });
    assert.equal(permissionsOf(root, "f"), 0o755);
    assert.equal(permissionsOf(root, "d"), 0o6755);
    root.attributes.chmod("f", 0o6755);
    root.attributes.chown("f", { gid: 5 });
    assert.equal(permissionsOf(root, "f"), 0o755);
    root.attributes.chmod("f", 0o6755);
    root.attributes.chown("f", {});
    assert.equal(permissionsOf(root, "f"), 0o755);
  },
  "keeps set-group-id of a file its group cannot execute when root changes it"({ root }) {
    put(root, "f");
    root.attributes.chmod("f", 0o6644);
    root.attributes.chown("f", { uid: 5 });
    assert.equal(permissionsOf(root, "f"), 0o2644);
  },
  "drops set-id bits when the owner changes the group": needing("callers", ({ root, bob }) => {
    homeOf(root, "home", 0o777);
    put(bob, "home/f");
    bob.attributes.chmod("home/f", 0o6755);
    bob.attributes.chown("home/f", { gid: ALICE.gid });
    assert.equal(permissionsOf(root, "home/f"), 0o755);
  }),
};

/** Ways to change a file's contents, by a handle that was opened before the bits were set. */
const CHANGES: Readonly<Record<string, (directory: PosixDirectory) => void>> = {
  "a write": (directory) => withFile(directory, (file) => void file.write(0, bytes("x"))),
  "an append": (directory) => withFile(directory, (file) => void file.write(100, bytes("x"))),
  "truncate by handle": (directory) => withFile(directory, (file) => file.truncate(1)),
  "truncate by path": (directory) => directory.attributes.truncate("open/f", 2),
  O_TRUNC: (directory) => directory.open("open/f", O_WRONLY | O_TRUNC).close(),
  fallocate: (directory) => withFile(directory, (file) => file.allocate(0, 0, 100)),
  "punching a hole": (directory) => withFile(directory, (file) => file.allocate(PUNCH, 0, 2)),
};

const contents: PosixTests = Object.fromEntries(
  Object.entries(CHANGES).map(([change, act]) => [
    `${change} by others than root drops set-id bits, by root it keeps them`,
    needing("callers", ({ root, carol }) => {
      root.mkdir("open", 0o777);
      for (const [mode, left] of [
        [0o6777, 0o777],
        [0o4777, 0o777],
        [0o2777, 0o777],
        [0o2767, 0o767],
        [0o1777, 0o1777],
      ] as const) {
        put(root, "open/f", "data");
        root.attributes.chmod("open/f", mode);
        act(root);
        assert.equal(permissionsOf(root, "open/f"), mode, `root, ${mode.toString(8)}`);
        act(carol);
        assert.equal(permissionsOf(root, "open/f"), left, `another, ${mode.toString(8)}`);
      }
    }),
  ]),
);

const kept: PosixTests = {
  "a group member's write keeps set-group-id of what the group cannot execute": needing(
    "callers",
    ({ root, alice }) => {
      homeOf(root);
      put(alice, "home/f", "data");
      alice.attributes.chmod("home/f", 0o2664);
      using file = alice.open("home/f", O_WRONLY);
      file.write(0, bytes("x"));
      assert.equal(permissionsOf(root, "home/f"), 0o2664);
    },
  ),
  "a write of no bytes keeps set-id bits": needing("callers", ({ root, alice }) => {
    homeOf(root);
    put(alice, "home/f", "data");
    alice.attributes.chmod("home/f", 0o4755);
    using file = alice.open("home/f", O_WRONLY);
    file.write(0, new Uint8Array(0));
    assert.equal(permissionsOf(root, "home/f"), 0o4755);
  }),
  "copying a range into a file drops set-id bits": needing(
    ["callers", "copyRange"],
    ({ root, alice }) => {
      homeOf(root);
      put(alice, "home/a", "data");
      put(alice, "home/f");
      alice.attributes.chmod("home/f", 0o6755);
      using source = alice.open("home/a", O_RDONLY);
      using target = alice.open("home/f", O_WRONLY);
      source.copyTo(target, { from: 0, to: 0, length: 4 });
      assert.equal(permissionsOf(root, "home/f"), 0o755);
    },
  ),
  "root who writes through another's handle keeps the bits": needing(
    "callers",
    ({ root, alice }) => {
      homeOf(root);
      put(alice, "home/f", "data");
      using file = alice.open("home/f", O_WRONLY);
      alice.attributes.chmod("home/f", 0o4755);
      file.as({ uid: 0, gid: 0, groups: [] }).write(0, bytes("x"));
      assert.equal(permissionsOf(root, "home/f"), 0o4755);
      file.write(0, bytes("x"));
      assert.equal(permissionsOf(root, "home/f"), 0o755);
    },
  ),
  "a change of contents or owner takes a file's capabilities away, by root too"({ root }) {
    const acts: ((directory: PosixDirectory) => void)[] = [
      (directory) => writeByte(directory),
      (directory) => directory.attributes.truncate("f", 1),
      (directory) => directory.attributes.chown("f", { uid: 5 }),
    ];
    for (const act of acts) {
      put(root, "f", "data");
      root.xattrs.set("f", "security.capability", CAPABILITY);
      root.attributes.chmod("f", 0o711);
      root.attributes.utimens("f", { atime: 1n, mtime: 1n });
      root.xattrs.set("f", "user.other", bytes("stays"));
      assert.deepEqual(root.xattrs.get("f", "security.capability"), CAPABILITY);
      act(root);
      refuses("ENODATA", () => root.xattrs.get("f", "security.capability"));
      assert.deepEqual(root.xattrs.get("f", "user.other"), bytes("stays"));
    }
  },
};

export const ownershipSuite: PosixSuite = posixSuite("ownership", {
  ...prefixed("chmod", chmod),
  ...prefixed("chown", chown),
  ...contents,
  ...kept,
});

function prefixed(word: string, tests: PosixTests): PosixTests {
  return Object.fromEntries(
    Object.entries(tests).map(([name, test]) => [`${word}: ${name}`, test]),
  );
}

function idsOf(root: PosixDirectory, path: string): number[] {
  const { uid, gid } = root.lstat(path);
  return [uid, gid];
}

function withFile(
  directory: PosixDirectory,
  act: (file: ReturnType<PosixDirectory["open"]>) => void,
): void {
  using file = directory.open("open/f", O_RDWR);
  act(file);
}

function writeByte(directory: PosixDirectory): void {
  using file = directory.open("f", O_WRONLY);
  file.write(0, bytes("x"));
}
