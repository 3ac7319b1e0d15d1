/** Creating files of every type: modes, umask, flags of open, ownership, device numbers. Source: open(2), mknod(2), mkdir(2). */
import assert from "node:assert/strict";
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFREG,
  S_IFSOCK,
} from "../../support/posix-constants.ts";
import {
  bytes,
  entriesOf,
  exists,
  homeOf,
  permissionsOf,
  put,
  refuses,
  textOf,
  typeOf,
} from "../../support/posix-actions.ts";
import { ALICE, needing, type PosixSuite, posixSuite } from "./posix-suite.ts";

export const createSuite: PosixSuite = posixSuite("create", {
  "makes an empty file of one link for the caller"({ root }) {
    root.open("f", O_CREAT | O_WRONLY, 0o640).close();
    const stat = root.stat("f");
    assert.equal(typeOf(stat), S_IFREG);
    assert.deepEqual(
      [stat.mode & 0o7777, stat.nlink, stat.size, stat.uid, stat.gid, stat.blockCount],
      [0o640, 1, 0, 0, 0, 0],
    );
  },
  "keeps all twelve permission bits"({ root }) {
    for (const mode of [0, 0o777, 0o4711, 0o2755, 0o1644, 0o7777]) {
      const name = mode.toString(8);
      root.open(name, O_CREAT | O_WRONLY, mode).close();
      assert.equal(permissionsOf(root, name), mode);
    }
  },
  "cuts the mode by the umask"({ root }) {
    for (const umask of [0o022, 0o077, 0o777, 0o002]) {
      const masked = root.as({ umask });
      const name = umask.toString(8);
      masked.open(`f${name}`, O_CREAT | O_WRONLY, 0o4777).close();
      masked.mkdir(`d${name}`, 0o1777);
      masked.mknod(`p${name}`, S_IFIFO | 0o666);
      assert.equal(permissionsOf(root, `f${name}`), 0o4777 & ~umask);
      assert.equal(permissionsOf(root, `d${name}`), 0o1777 & ~umask);
      assert.equal(permissionsOf(root, `p${name}`), 0o666 & ~umask);
    }
  },
  "does not apply the umask to a symbolic link"({ root }) {
    root.as({ umask: 0o777 }).symlink("x", "l");
    assert.equal(permissionsOf(root, "l"), 0o777);
  },
  "gives a new file to the caller's user and group": needing("callers", ({ root, alice }) => {
    homeOf(root);
    put(alice, "home/f");
    alice.mkdir("home/d");
    alice.symlink("x", "home/l");
    alice.mknod("home/p", S_IFIFO | 0o600);
    for (const name of ["f", "d", "l", "p"]) {
      const stat = root.lstat(`home/${name}`);
      assert.deepEqual([stat.uid, stat.gid], [ALICE.uid, ALICE.gid], name);
    }
  }),
  "gives the creator the handle that was asked for whatever the mode says": needing(
    "callers",
    ({ root, alice }) => {
      homeOf(root);
      using file = alice.open("home/f", O_CREAT | O_RDWR, 0o000);
      file.write(0, bytes("secret"));
      assert.equal(file.read(0, 10).length, 6);
      refuses("EACCES", () => alice.open("home/f", O_RDONLY));
    },
  ),
  "refuses a name that is taken with EEXIST when exclusive"({ root }) {
    put(root, "f", "kept");
    root.mkdir("d");
    root.symlink("missing", "dangling");
    for (const name of ["f", "d", "dangling"]) {
      refuses("EEXIST", () => root.open(name, O_CREAT | O_EXCL | O_RDWR));
      refuses("EEXIST", () => root.mkdir(name));
      refuses("EEXIST", () => root.mknod(name, S_IFIFO | 0o600));
      refuses("EEXIST", () => root.symlink("x", name));
      refuses("EEXIST", () => root.link("f", name));
    }
    assert.equal(textOf(root, "f"), "kept");
    assert.equal(exists(root, "missing"), false);
  },
  "opens what is there when not exclusive and leaves its mode alone"({ root }) {
    put(root, "f", "kept", 0o600);
    root.open("f", O_CREAT | O_RDWR, 0o777).close();
    assert.equal(permissionsOf(root, "f"), 0o600);
    assert.equal(textOf(root, "f"), "kept");
  },
  "empties a file that is opened to be truncated"({ root }) {
    put(root, "f", "old content");
    using reader = root.open("f", O_RDONLY);
    root.open("f", O_WRONLY | O_TRUNC).close();
    assert.equal(root.stat("f").size, 0);
    assert.equal(reader.read(0, 10).length, 0);
  },
  "creates the target of a dangling link, unless links are not followed"({ root }) {
    root.symlink("target", "l");
    refuses("ELOOP", () => root.open("l", O_CREAT | O_WRONLY | O_NOFOLLOW));
    root.open("l", O_CREAT | O_WRONLY).close();
    assert.equal(typeOf(root.lstat("target")), S_IFREG);
  },
  "refuses to open a link itself with ELOOP"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    refuses("ELOOP", () => root.open("l", O_RDONLY | O_NOFOLLOW));
  },
  "refuses to open a directory for writing with EISDIR"({ root }) {
    root.mkdir("d");
    refuses("EISDIR", () => root.open("d", O_WRONLY));
    refuses("EISDIR", () => root.open("d", O_RDWR));
    refuses("EISDIR", () => root.open("d", O_CREAT | O_RDONLY));
    refuses("EISDIR", () => root.open("d", O_RDONLY | O_TRUNC));
    using directory = root.open("d", O_RDONLY | O_DIRECTORY);
    refuses("EISDIR", () => directory.read(0, 10));
  },
  "refuses a read of what is open for writing, and the other way round, with EBADF"({ root }) {
    put(root, "f", "data");
    using writer = root.open("f", O_WRONLY);
    refuses("EBADF", () => writer.read(0, 1));
    using reader = root.open("f", O_RDONLY);
    refuses("EBADF", () => reader.write(0, bytes("x")));
    refuses("EINVAL", () => reader.truncate(0));
  },
  "makes nodes of every type and keeps device numbers"({ root }) {
    root.mknod("fifo", S_IFIFO | 0o620);
    root.mknod("socket", S_IFSOCK | 0o755);
    root.mknod("file", S_IFREG | 0o604);
    root.mknod("character", S_IFCHR | 0o600, { major: 1, minor: 3 });
    root.mknod("block", S_IFBLK | 0o660, { major: 0xfff, minor: 0xf_ffff });
    root.mknod("zero", S_IFCHR | 0o600, { major: 0, minor: 0 });
    const modeOf = (name: string): number => root.lstat(name).mode;
    assert.equal(modeOf("fifo"), S_IFIFO | 0o620);
    assert.equal(modeOf("socket"), S_IFSOCK | 0o755);
    assert.equal(modeOf("file"), S_IFREG | 0o604);
    assert.equal(modeOf("character"), S_IFCHR | 0o600);
    assert.equal(modeOf("block"), S_IFBLK | 0o660);
    const deviceOf = (name: string): number[] => {
      const { rdevMajor, rdevMinor } = root.lstat(name);
      return [rdevMajor, rdevMinor];
    };
    assert.deepEqual(deviceOf("character"), [1, 3]);
    assert.deepEqual(deviceOf("block"), [0xfff, 0xf_ffff]);
    assert.deepEqual(deviceOf("zero"), [0, 0]);
    assert.deepEqual(deviceOf("fifo"), [0, 0]);
  },
  "tells the type of every entry in its directory"({ root }) {
    root.mknod("fifo", S_IFIFO | 0o600);
    root.mknod("socket", S_IFSOCK | 0o600);
    root.mknod("character", S_IFCHR | 0o600, { major: 1, minor: 3 });
    root.mknod("block", S_IFBLK | 0o600, { major: 7, minor: 0 });
    put(root, "file");
    root.mkdir("directory");
    root.symlink("x", "link");
    for (const entry of entriesOf(root, "")) {
      if (entry.name === "..") continue;
      const stat = root.lstat(entry.name);
      assert.equal(entry.type << 12, typeOf(stat), entry.name);
      assert.equal(entry.ino, stat.ino, entry.name);
    }
  },
  "refuses a directory through mknod with EPERM, and an unknown type with EINVAL"({ root }) {
    refuses("EPERM", () => root.mknod("d", S_IFDIR | 0o755));
    refuses("EINVAL", () => root.mknod("l", 0o120777));
    refuses("EINVAL", () => root.mknod("x", 0o110644));
  },
  "makes a regular file of a mknod without a type"({ root }) {
    root.mknod("f", 0o640);
    assert.equal(root.lstat("f").mode, S_IFREG | 0o640);
  },
  "lets only root make device nodes": needing("callers", ({ root, alice }) => {
    homeOf(root);
    refuses("EPERM", () => alice.mknod("home/c", S_IFCHR | 0o600, { major: 1, minor: 3 }));
    refuses("EPERM", () => alice.mknod("home/b", S_IFBLK | 0o600, { major: 7, minor: 0 }));
    alice.mknod("home/p", S_IFIFO | 0o600);
    alice.mknod("home/s", S_IFSOCK | 0o600);
    alice.mknod("home/f", S_IFREG | 0o600);
  }),
  "needs write and search permission on the directory": needing("callers", ({ root, alice }) => {
    for (const mode of [0o755, 0o754, 0o752, 0o756]) {
      const name = mode.toString(8);
      root.mkdir(name, mode);
      refuses("EACCES", () => alice.open(`${name}/f`, O_CREAT | O_WRONLY));
      refuses("EACCES", () => alice.mkdir(`${name}/d`));
      refuses("EACCES", () => alice.symlink("x", `${name}/l`));
      refuses("EACCES", () => alice.mknod(`${name}/p`, S_IFIFO | 0o600));
    }
    root.mkdir("open", 0o773);
    put(alice, "open/f");
  }),
  "never gives two living files one inode number"({ root }) {
    const numbers = new Set<number>([root.stat("").ino]);
    for (let i = 0; i < 200; i++) {
      put(root, `f${i}`);
      root.mkdir(`d${i}`);
      root.symlink("x", `l${i}`);
      for (const kind of "fdl") numbers.add(root.lstat(`${kind}${i}`).ino);
    }
    assert.equal(numbers.size, 601);
  },
});
