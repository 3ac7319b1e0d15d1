/** Extended attributes. Source: xattr(7), setxattr(2), getxattr(2), listxattr(2). */
import assert from "node:assert/strict";
import { XATTR_CREATE, XATTR_REPLACE } from "../../support/posix-constants.ts";
import { bytes, homeOf, pattern, put, refuses, text } from "../../support/posix-actions.ts";
import { needing, type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const NAME_SIZE_MAX = 255;
const VALUE_SIZE_MAX = 65_536;

const values: PosixTests = {
  "are kept byte for byte, the empty value too"({ root }) {
    put(root, "f");
    root.mkdir("d");
    for (const path of ["f", "d"]) {
      root.xattrs.set(path, "user.bytes", pattern(256));
      root.xattrs.set(path, "user.empty", new Uint8Array(0));
      assert.deepEqual(root.xattrs.get(path, "user.bytes"), pattern(256));
      assert.equal(root.xattrs.get(path, "user.empty").length, 0);
      assert.deepEqual(root.xattrs.list(path).sort(), ["user.bytes", "user.empty"]);
    }
  },
  "are replaced by longer and shorter values"({ root }) {
    put(root, "f");
    for (const length of [10, 1000, 3, 0, 500, 1]) {
      root.xattrs.set("f", "user.a", pattern(length, length));
      assert.deepEqual(root.xattrs.get("f", "user.a"), pattern(length, length));
    }
    assert.deepEqual(root.xattrs.list("f"), ["user.a"]);
  },
  "are removed, and then are ENODATA"({ root }) {
    put(root, "f");
    root.xattrs.set("f", "user.a", bytes("1"));
    root.xattrs.set("f", "user.b", bytes("2"));
    root.xattrs.remove("f", "user.a");
    refuses("ENODATA", () => root.xattrs.get("f", "user.a"));
    refuses("ENODATA", () => root.xattrs.remove("f", "user.a"));
    assert.equal(text(root.xattrs.get("f", "user.b")), "2");
    assert.deepEqual(root.xattrs.list("f"), ["user.b"]);
  },
  "belong to the file and not to its name"({ root }) {
    put(root, "f");
    root.xattrs.set("f", "user.a", bytes("1"));
    root.link("f", "g");
    root.xattrs.set("g", "user.a", bytes("2"));
    root.rename("f", "h");
    assert.equal(text(root.xattrs.get("h", "user.a")), "2");
    root.unlink("g");
    root.unlink("h");
    put(root, "f");
    assert.deepEqual(root.xattrs.list("f"), []);
  },
  "can be many"({ root }) {
    put(root, "f");
    const names = Array.from({ length: 40 }, (_, i) => `user.name${i}`);
    for (const name of names) root.xattrs.set("f", name, bytes(name));
    assert.deepEqual(root.xattrs.list("f").sort(), [...names].sort());
    for (const name of names) assert.equal(text(root.xattrs.get("f", name)), name);
    for (const name of names.slice(1)) root.xattrs.remove("f", name);
    assert.deepEqual(root.xattrs.list("f"), ["user.name0"]);
  },
  "tell names apart by every byte"({ root }) {
    put(root, "f");
    const names = ["user.a", "user.A", "user.\xe9", "user.a.b", "user. ", "user./"];
    for (const name of names) root.xattrs.set("f", name, bytes(name));
    assert.deepEqual(root.xattrs.list("f").sort(), [...names].sort());
  },
};

const flags: PosixTests = {
  "CREATE refuses a name that is there with EEXIST"({ root }) {
    put(root, "f");
    root.xattrs.set("f", "user.a", bytes("1"), { flags: XATTR_CREATE });
    refuses("EEXIST", () => root.xattrs.set("f", "user.a", bytes("2"), { flags: XATTR_CREATE }));
    assert.equal(text(root.xattrs.get("f", "user.a")), "1");
  },
  "REPLACE refuses a name that is not there with ENODATA"({ root }) {
    put(root, "f");
    refuses("ENODATA", () => root.xattrs.set("f", "user.a", bytes("1"), { flags: XATTR_REPLACE }));
    assert.deepEqual(root.xattrs.list("f"), []);
    root.xattrs.set("f", "user.a", bytes("1"));
    root.xattrs.set("f", "user.a", bytes("2"), { flags: XATTR_REPLACE });
    assert.equal(text(root.xattrs.get("f", "user.a")), "2");
  },
  "both at once can never succeed, and others are EINVAL"({ root }) {
    put(root, "f");
    const both = { flags: XATTR_CREATE | XATTR_REPLACE };
    refuses("ENODATA", () => root.xattrs.set("f", "user.a", bytes("1"), both));
    root.xattrs.set("f", "user.a", bytes("1"));
    refuses("EEXIST", () => root.xattrs.set("f", "user.a", bytes("1"), both));
    refuses("EINVAL", () => root.xattrs.set("f", "user.a", bytes("1"), { flags: 4 }));
  },
};

const limitTests: PosixTests = {
  "a buffer that is too small is ERANGE, and one that just fits will do"({ root }) {
    put(root, "f");
    root.xattrs.set("f", "user.a", bytes("12345"));
    refuses("ERANGE", () => root.xattrs.get("f", "user.a", { bufferSize: 4 }));
    assert.equal(text(root.xattrs.get("f", "user.a", { bufferSize: 5 })), "12345");
    refuses("ERANGE", () => root.xattrs.list("f", { bufferSize: 6 }));
    assert.deepEqual(root.xattrs.list("f", { bufferSize: 7 }), ["user.a"]);
  },
  "a name has at most 255 bytes, and at least one after its namespace"({ root }) {
    put(root, "f");
    const longest = `user.${"n".repeat(NAME_SIZE_MAX - 5)}`;
    root.xattrs.set("f", longest, bytes("x"));
    assert.deepEqual(root.xattrs.list("f"), [longest]);
    refuses("ERANGE", () => root.xattrs.set("f", `${longest}n`, bytes("x")));
    refuses("ERANGE", () => root.xattrs.get("f", `${longest}n`));
    refuses("ERANGE", () => root.xattrs.set("f", "", bytes("x")));
    refuses("EINVAL", () => root.xattrs.set("f", "user.", bytes("x")));
  },
  "a value has at most 65,536 bytes: E2BIG past them"({ root, limits }) {
    put(root, "f");
    const largest = pattern(limits.xattrValueSizeMax);
    root.xattrs.set("f", "user.a", largest);
    assert.deepEqual(root.xattrs.get("f", "user.a"), largest);
    refuses("E2BIG", () => root.xattrs.set("f", "user.a", new Uint8Array(VALUE_SIZE_MAX + 1)));
    assert.deepEqual(root.xattrs.get("f", "user.a"), largest);
  },
  "a name in no known namespace is EOPNOTSUPP"({ root }) {
    put(root, "f");
    for (const name of ["foo", "foo.bar", "userx.a", "system.foo", ".", "User.a"]) {
      refuses("EOPNOTSUPP", () => root.xattrs.set("f", name, bytes("x")));
      refuses("EOPNOTSUPP", () => root.xattrs.get("f", name));
      refuses("EOPNOTSUPP", () => root.xattrs.remove("f", name));
    }
  },
};

const namespaces: PosixTests = {
  "user: only on files and directories": ({ root }) => {
    put(root, "f");
    root.symlink("f", "l");
    root.mknod("p", 0o010666);
    root.mknod("c", 0o020666, { major: 1, minor: 3 });
    root.mknod("s", 0o140666);
    for (const path of ["l", "p", "c", "s"]) {
      const at = { follow: false };
      refuses("EPERM", () => root.xattrs.set(path, "user.a", bytes("x"), at));
      refuses("EPERM", () => root.xattrs.remove(path, "user.a", at));
      refuses("ENODATA", () => root.xattrs.get(path, "user.a", at));
      assert.deepEqual(root.xattrs.list(path, at), []);
    }
    root.xattrs.set("l", "user.a", bytes("followed"));
    assert.equal(text(root.xattrs.get("f", "user.a")), "followed");
  },
  "trusted: on everything, links too"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    root.mknod("p", 0o010600);
    const at = { follow: false };
    for (const path of ["f", "l", "p"]) {
      root.xattrs.set(path, "trusted.a", bytes(path), at);
      assert.equal(text(root.xattrs.get(path, "trusted.a", at)), path);
      assert.deepEqual(root.xattrs.list(path, at), ["trusted.a"]);
    }
  },
  "trusted: hidden from others than root": needing("callers", ({ root, alice }) => {
    homeOf(root);
    put(alice, "home/f");
    root.xattrs.set("home/f", "trusted.a", bytes("secret"));
    alice.xattrs.set("home/f", "user.a", bytes("plain"));
    assert.deepEqual(alice.xattrs.list("home/f"), ["user.a"]);
    assert.deepEqual(root.xattrs.list("home/f").sort(), ["trusted.a", "user.a"]);
    refuses("ENODATA", () => alice.xattrs.get("home/f", "trusted.a"));
    refuses("EPERM", () => alice.xattrs.set("home/f", "trusted.a", bytes("x")));
    refuses("EPERM", () => alice.xattrs.remove("home/f", "trusted.a"));
  }),
  "security: for root to write, for everyone to read": needing("callers", ({ root, alice }) => {
    homeOf(root);
    put(alice, "home/f");
    root.xattrs.set("home/f", "security.a", bytes("label"));
    assert.equal(text(alice.xattrs.get("home/f", "security.a")), "label");
    assert.deepEqual(alice.xattrs.list("home/f"), ["security.a"]);
    refuses("EPERM", () => alice.xattrs.set("home/f", "security.a", bytes("x")));
    refuses("EPERM", () => alice.xattrs.remove("home/f", "security.a"));
    root.xattrs.remove("home/f", "security.a");
  }),
  "user: needs read permission to get and write permission to set": needing(
    "callers",
    ({ root, alice, bob }) => {
      homeOf(root);
      put(alice, "home/f", "", 0o640);
      alice.xattrs.set("home/f", "user.a", bytes("x"));
      assert.equal(text(bob.xattrs.get("home/f", "user.a")), "x");
      refuses("EACCES", () => bob.xattrs.set("home/f", "user.a", bytes("y")));
      refuses("EACCES", () => bob.xattrs.remove("home/f", "user.a"));
      alice.attributes.chmod("home/f", 0o200);
      refuses("EACCES", () => alice.xattrs.get("home/f", "user.a"));
      alice.xattrs.set("home/f", "user.a", bytes("z"));
      assert.deepEqual(bob.xattrs.list("home/f"), ["user.a"]);
    },
  ),
  "user: only the owner sets them on a directory with the sticky bit": needing(
    "callers",
    ({ root, alice, bob }) => {
      homeOf(root, "tmp", 0o1777);
      alice.xattrs.set("tmp", "user.a", bytes("x"));
      refuses("EPERM", () => bob.xattrs.set("tmp", "user.b", bytes("x")));
      assert.equal(text(bob.xattrs.get("tmp", "user.a")), "x");
    },
  ),
};

export const xattrSuite: PosixSuite = posixSuite("extended attributes", {
  ...values,
  ...flags,
  ...limitTests,
  ...namespaces,
});
