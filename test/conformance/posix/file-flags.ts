/** Immutable and append-only files, and the other flags of chattr(1). Source: ioctl_iflags(2), FS_IOC_FSGETXATTR in linux/fs.h. */
import assert from "node:assert/strict";
import {
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_NOATIME_FL,
  FS_NODUMP_FL,
  FS_SYNC_FL,
  FS_XFLAG_APPEND,
  FS_XFLAG_IMMUTABLE,
  FS_XFLAG_NOATIME,
  FS_XFLAG_NODUMP,
  FS_XFLAG_SYNC,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
} from "../../support/posix-constants.ts";
import { bytes, homeOf, namesOf, put, refuses, textOf } from "../../support/posix-actions.ts";
import type { PosixDirectory } from "./posix-directory.ts";
import { needing, type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const SETTABLE = FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL;

const keeping: PosixTests = {
  "are kept one by one on files and directories"({ root }) {
    put(root, "f");
    root.mkdir("d");
    for (const path of ["f", "d"]) {
      assert.equal(flagsOf(root, path), 0);
      for (const flag of [FS_SYNC_FL, FS_NODUMP_FL, FS_NOATIME_FL]) {
        setFlags(root, path, flag);
        assert.equal(flagsOf(root, path), flag);
      }
      setFlags(root, path, 0);
    }
  },
  "say the same through both interfaces"({ root }) {
    put(root, "f");
    const pairs = [
      [FS_SYNC_FL, FS_XFLAG_SYNC],
      [FS_NODUMP_FL, FS_XFLAG_NODUMP],
      [FS_NOATIME_FL, FS_XFLAG_NOATIME],
      [FS_APPEND_FL, FS_XFLAG_APPEND],
      [FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE],
    ] as const;
    for (const [flag, extended] of pairs) {
      setFlags(root, "f", flag);
      assert.equal(root.attributes.getExtended("f").xflags & allExtended(), extended);
      setFlags(root, "f", 0);
      root.attributes.setExtended("f", { xflags: extended });
      assert.equal(flagsOf(root, "f"), flag);
      root.attributes.setExtended("f", { xflags: 0 });
    }
    assert.equal(flagsOf(root, "f"), 0);
  },
  "are for the owner to set, but immutable and append-only for root": needing(
    "callers",
    ({ root, alice, bob }) => {
      homeOf(root);
      put(alice, "home/f", "", 0o666);
      setFlags(alice, "home/f", FS_NODUMP_FL);
      refuses("EPERM", () => setFlags(alice, "home/f", FS_IMMUTABLE_FL));
      refuses("EPERM", () => setFlags(alice, "home/f", FS_APPEND_FL));
      refuses("EPERM", () => setFlags(bob, "home/f", FS_NOATIME_FL));
      setFlags(root, "home/f", FS_IMMUTABLE_FL | FS_NODUMP_FL);
      refuses("EPERM", () => setFlags(alice, "home/f", 0));
      setFlags(root, "home/f", 0);
    },
  ),
};

const immutable: PosixTests = {
  "an immutable file keeps its contents": (world) => {
    const { root, capabilities } = world;
    put(root, "f", "data");
    setFlags(root, "f", FS_IMMUTABLE_FL);
    if (capabilities.immutableRefusesOpen === true) {
      refuses("EPERM", () => root.open("f", O_WRONLY));
      refuses("EPERM", () => root.open("f", O_RDWR));
      refuses("EPERM", () => root.open("f", O_WRONLY | O_APPEND));
    } else {
      using file = root.open("f", O_RDWR);
      refuses("EPERM", () => file.write(0, bytes("x")));
      refuses("EPERM", () => file.truncate(0));
    }
    refuses("EPERM", () => root.open("f", O_WRONLY | O_TRUNC));
    refuses("EPERM", () => root.attributes.truncate("f", 0));
    assert.equal(textOf(root, "f"), "data");
    setFlags(root, "f", 0);
    put(root, "f", "changed");
  },
  "a file that becomes immutable while it is open cannot be written any more"({ root }) {
    put(root, "f", "data");
    using file = root.open("f", O_RDWR);
    setFlags(root, "f", FS_IMMUTABLE_FL);
    refuses("EPERM", () => file.write(0, bytes("x")));
    refuses("EPERM", () => file.truncate(0));
    refuses("EPERM", () => file.allocate(0, 0, 100));
    refuses("EPERM", () => file.chmod(0o600));
    assert.equal(file.read(0, 4).length, 4);
    setFlags(root, "f", 0);
    file.write(0, bytes("x"));
  },
  "an immutable file keeps its names and attributes"({ root }) {
    put(root, "f", "data");
    put(root, "g");
    setFlags(root, "f", FS_IMMUTABLE_FL);
    refuses("EPERM", () => root.unlink("f"));
    refuses("EPERM", () => root.rename("f", "h"));
    refuses("EPERM", () => root.rename("g", "f"));
    refuses("EPERM", () => root.link("f", "h"));
    refuses("EPERM", () => root.attributes.chmod("f", 0o600));
    refuses("EPERM", () => root.attributes.chown("f", { uid: 5 }));
    refuses("EPERM", () => root.attributes.utimens("f", { atime: 1n, mtime: 1n }));
    refuses("EPERM", () => root.attributes.utimens("f", { atime: "now", mtime: "now" }));
    refuses("EPERM", () => root.xattrs.set("f", "user.a", bytes("x")));
    refuses("EPERM", () => root.xattrs.set("f", "trusted.a", bytes("x")));
    refuses("EPERM", () => root.xattrs.remove("f", "user.a"));
    assert.deepEqual(namesOf(root, ""), ["f", "g"]);
    setFlags(root, "f", 0);
    root.unlink("f");
  },
  "an immutable directory keeps its entries, and what is in them may change"({ root }) {
    root.mkdir("d");
    put(root, "d/f", "data");
    setFlags(root, "d", FS_IMMUTABLE_FL);
    refuses("EPERM", () => root.open("d/new", O_CREAT | O_WRONLY));
    refuses("EPERM", () => root.mkdir("d/new"));
    refuses("EPERM", () => root.symlink("x", "d/new"));
    refuses("EPERM", () => root.unlink("d/f"));
    refuses("EPERM", () => root.rename("d/f", "d/g"));
    refuses("EPERM", () => root.rename("d/f", "g"));
    refuses("EPERM", () => root.rmdir("d"));
    put(root, "d/f", "changed");
    assert.equal(textOf(root, "d/f"), "changed");
    setFlags(root, "d", 0);
  },
};

const appendOnly: PosixTests = {
  "an append-only file only grows"(world) {
    const { root, capabilities } = world;
    put(root, "f", "one");
    setFlags(root, "f", FS_APPEND_FL);
    if (capabilities.immutableRefusesOpen === true) {
      refuses("EPERM", () => root.open("f", O_WRONLY));
    } else {
      using file = root.open("f", O_WRONLY);
      refuses("EPERM", () => file.write(0, bytes("x")));
    }
    refuses("EPERM", () => root.open("f", O_WRONLY | O_APPEND | O_TRUNC));
    refuses("EPERM", () => root.attributes.truncate("f", 0));
    using log = root.open("f", O_WRONLY | O_APPEND);
    log.write(0, bytes("two"));
    assert.equal(textOf(root, "f"), "onetwo");
    refuses("EPERM", () => log.truncate(0));
    refuses("EPERM", () => log.allocate(0x03, 0, 1));
    setFlags(root, "f", 0);
  },
  "an append-only file keeps its names and attributes"({ root }) {
    put(root, "f", "data");
    setFlags(root, "f", FS_APPEND_FL);
    refuses("EPERM", () => root.unlink("f"));
    refuses("EPERM", () => root.rename("f", "h"));
    refuses("EPERM", () => root.link("f", "h"));
    refuses("EPERM", () => root.attributes.chmod("f", 0o600));
    refuses("EPERM", () => root.attributes.chown("f", { uid: 5 }));
    refuses("EPERM", () => root.attributes.utimens("f", { atime: 1n, mtime: 1n }));
    refuses("EPERM", () => root.xattrs.set("f", "user.a", bytes("x")));
    root.attributes.utimens("f", { atime: "now", mtime: "now" });
    using reader = root.open("f", O_RDONLY);
    assert.equal(reader.read(0, 4).length, 4);
    setFlags(root, "f", 0);
  },
  "an append-only directory takes new entries and loses none"({ root }) {
    root.mkdir("d");
    put(root, "d/f");
    setFlags(root, "d", FS_APPEND_FL);
    put(root, "d/g", "new");
    root.mkdir("d/e");
    refuses("EPERM", () => root.unlink("d/f"));
    refuses("EPERM", () => root.rmdir("d/e"));
    refuses("EPERM", () => root.rename("d/f", "d/h"));
    assert.deepEqual(namesOf(root, "d"), ["e", "f", "g"]);
    setFlags(root, "d", 0);
  },
};

export const fileFlagSuite: PosixSuite = posixSuite(
  "file flags",
  { ...keeping, ...immutable, ...appendOnly },
  ["fileFlags"],
);

/** The flags a caller can set: filesystems report others of their own beside them. */
function flagsOf(root: PosixDirectory, path: string): number {
  return root.attributes.getFlags(path) & SETTABLE;
}

function setFlags(directory: PosixDirectory, path: string, flags: number): void {
  directory.attributes.setFlags(path, (directory.attributes.getFlags(path) & ~SETTABLE) | flags);
}

function allExtended(): number {
  return FS_XFLAG_SYNC | FS_XFLAG_NODUMP | FS_XFLAG_NOATIME | FS_XFLAG_APPEND | FS_XFLAG_IMMUTABLE;
}
