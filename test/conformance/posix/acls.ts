/** POSIX ACLs. Source: acl(5), POSIX.1e draft 17 sections 23.1 and 23.3; fs/posix_acl.c. */
import assert from "node:assert/strict";
import { ACCESS_ACL, acl, aclText, DEFAULT_ACL } from "../../support/posix-acl.ts";
import { O_CREAT, O_RDONLY, O_WRONLY, R_OK, W_OK, X_OK } from "../../support/posix-constants.ts";
import { homeOf, permissionsOf, put, refuses } from "../../support/posix-actions.ts";
import type { PosixDirectory } from "./posix-directory.ts";
import { ALICE, type PosixSuite, posixSuite, type PosixTests } from "./posix-suite.ts";

const form: PosixTests = {
  "an ACL is kept, and its mask becomes the group's bits of the mode"({ root }) {
    put(root, "f", "", 0o640);
    const entries = "u::rw- user:1001:rwx g::r-- group:2002:-w- m::rw- o::--x";
    root.xattrs.set("f", ACCESS_ACL, acl(entries));
    assert.equal(aclOf(root, "f"), entries);
    assert.equal(permissionsOf(root, "f"), 0o661);
    assert.deepEqual(root.xattrs.list("f"), [ACCESS_ACL]);
  },
  "an ACL that says no more than a mode becomes the mode alone"({ root }) {
    put(root, "f", "", 0o640);
    root.xattrs.set("f", ACCESS_ACL, acl("u::rwx g::r-x o::r--"));
    assert.equal(permissionsOf(root, "f"), 0o754);
    refuses("ENODATA", () => root.xattrs.get("f", ACCESS_ACL));
    assert.deepEqual(root.xattrs.list("f"), []);
  },
  "an ACL with a mask and no named entry is kept"({ root }) {
    put(root, "f");
    root.xattrs.set("f", ACCESS_ACL, acl("u::rw- g::rwx m::r-- o::---"));
    assert.equal(aclOf(root, "f"), "u::rw- g::rwx m::r-- o::---");
    assert.equal(permissionsOf(root, "f"), 0o640);
  },
  "there is none at first"({ root }) {
    put(root, "f");
    root.mkdir("d");
    for (const path of ["f", "d"]) {
      refuses("ENODATA", () => root.xattrs.get(path, ACCESS_ACL));
      refuses("ENODATA", () => root.xattrs.get(path, DEFAULT_ACL));
    }
  },
  "removing the ACL leaves the mode as the mask made it"({ root }) {
    put(root, "f");
    root.xattrs.set("f", ACCESS_ACL, acl("u::rw- user:1001:rwx g::--- m::rwx o::---"));
    root.xattrs.remove("f", ACCESS_ACL);
    assert.equal(permissionsOf(root, "f"), 0o670);
    refuses("ENODATA", () => root.xattrs.get("f", ACCESS_ACL));
  },
  "malformed ACLs are EINVAL and change nothing"({ root }) {
    put(root, "f", "", 0o640);
    const wrong = [
      "u::rw- g::r--",
      "g::r-- o::r--",
      "u::rw- o::r--",
      "u::rw- u::rw- g::r-- o::r--",
      "u::rw- user:1001:rw- g::r-- o::r--",
      "u::rw- g::r-- group:5:r-- o::r--",
      "u::rw- g::r-- m::r-- m::r-- o::r--",
      "g::r-- u::rw- o::r--",
      "u::rw- g::r-- o::r-- m::r-- user:1001:r--",
    ];
    for (const entries of wrong) {
      refuses("EINVAL", () => root.xattrs.set("f", ACCESS_ACL, acl(entries)));
    }
    const whole = acl("u::rw- user:1001:r-- g::r-- m::r-- o::---");
    refuses("EINVAL", () => root.xattrs.set("f", ACCESS_ACL, whole.subarray(0, 3)));
    refuses("EINVAL", () => root.xattrs.set("f", ACCESS_ACL, whole.subarray(0, 9)));
    const badBits = whole.slice();
    badBits[6] = 0xff;
    refuses("EINVAL", () => root.xattrs.set("f", ACCESS_ACL, badBits));
    const badTag = whole.slice();
    badTag[4] = 0x40;
    refuses("EINVAL", () => root.xattrs.set("f", ACCESS_ACL, badTag));
    const badVersion = whole.slice();
    badVersion[0] = 3;
    refuses("EOPNOTSUPP", () => root.xattrs.set("f", ACCESS_ACL, badVersion));
    assert.equal(permissionsOf(root, "f"), 0o640);
    assert.deepEqual(root.xattrs.list("f"), []);
  },
  "an empty value takes the ACL away"({ root }) {
    put(root, "f");
    root.mkdir("d");
    const entries = acl("u::rw- user:1001:r-- g::r-- m::r-- o::---");
    root.xattrs.set("f", ACCESS_ACL, entries);
    root.xattrs.set("d", DEFAULT_ACL, entries);
    root.xattrs.set("f", ACCESS_ACL, acl(""));
    root.xattrs.set("d", DEFAULT_ACL, acl(""));
    refuses("ENODATA", () => root.xattrs.get("f", ACCESS_ACL));
    refuses("ENODATA", () => root.xattrs.get("d", DEFAULT_ACL));
  },
  "a default ACL is for directories: EACCES elsewhere; a link has none: EOPNOTSUPP"({ root }) {
    put(root, "f");
    root.symlink("f", "l");
    const entries = acl("u::rw- g::r-- o::---");
    refuses("EACCES", () => root.xattrs.set("f", DEFAULT_ACL, entries));
    const at = { follow: false };
    refuses("EOPNOTSUPP", () => root.xattrs.set("l", ACCESS_ACL, entries, at));
    refuses("EOPNOTSUPP", () => root.xattrs.get("l", ACCESS_ACL, at));
  },
  "only the owner and root set it"({ root, alice, bob }) {
    homeOf(root);
    put(alice, "home/f", "", 0o666);
    const entries = acl("u::rw- user:1002:rw- g::r-- m::rw- o::---");
    refuses("EPERM", () => bob.xattrs.set("home/f", ACCESS_ACL, entries));
    alice.xattrs.set("home/f", ACCESS_ACL, entries);
    refuses("EPERM", () => bob.xattrs.remove("home/f", ACCESS_ACL));
    assert.equal(aclText(bob.xattrs.get("home/f", ACCESS_ACL)), aclOf(root, "home/f"));
  },
  "setting one drops set-group-id when the owner is not in the group"({ root, alice }) {
    homeOf(root);
    put(root, "home/f");
    root.attributes.chown("home/f", { uid: ALICE.uid, gid: 3000 });
    root.attributes.chmod("home/f", 0o2755);
    alice.xattrs.set("home/f", ACCESS_ACL, acl("u::rwx user:1002:rwx g::r-x m::rwx o::r-x"));
    assert.equal(permissionsOf(root, "home/f"), 0o775);
  },
  "keeps set-id and sticky bits otherwise"({ root }) {
    put(root, "f");
    root.attributes.chmod("f", 0o7711);
    root.xattrs.set("f", ACCESS_ACL, acl("u::rw- user:1002:rwx g::r-x m::rwx o::r--"));
    assert.equal(permissionsOf(root, "f"), 0o7674);
  },
};

const chmodAndMask: PosixTests = {
  "chmod changes owner, mask and others, and leaves the group entry"({ root }) {
    put(root, "f");
    root.xattrs.set("f", ACCESS_ACL, acl("u::rw- user:1001:rwx g::r-x m::rwx o::r--"));
    root.attributes.chmod("f", 0o541);
    assert.equal(aclOf(root, "f"), "u::r-x user:1001:rwx g::r-x m::r-- o::--x");
    assert.equal(permissionsOf(root, "f"), 0o541);
  },
  "chmod leaves a default ACL alone"({ root }) {
    root.mkdir("d");
    root.xattrs.set("d", DEFAULT_ACL, acl("u::rwx g::rwx o::---"));
    root.attributes.chmod("d", 0o700);
    assert.equal(aclText(root.xattrs.get("d", DEFAULT_ACL)), "u::rwx g::rwx o::---");
  },
};

const inheritance: PosixTests = {
  "a default ACL becomes the access ACL of a new file, cut by its mode and not by the umask"({
    root,
  }) {
    root.mkdir("d");
    root.xattrs.set("d", DEFAULT_ACL, acl("u::rwx user:1001:rwx g::r-x m::rwx o::r-x"));
    const masked = root.as({ umask: 0o077 });
    masked.open("d/f", O_CREAT | O_WRONLY, 0o664).close();
    assert.equal(aclOf(root, "d/f"), "u::rw- user:1001:rwx g::r-x m::rw- o::r--");
    assert.equal(permissionsOf(root, "d/f"), 0o664);
    masked.mknod("d/p", 0o010600);
    assert.equal(aclOf(root, "d/p"), "u::rw- user:1001:rwx g::r-x m::--- o::---");
  },
  "a new directory gets it as access and as default ACL"({ root }) {
    root.mkdir("d");
    const entries = "u::rwx user:1001:rwx g::r-x m::rwx o::r-x";
    root.xattrs.set("d", DEFAULT_ACL, acl(entries));
    root.as({ umask: 0o077 }).mkdir("d/e", 0o751);
    assert.equal(aclOf(root, "d/e"), "u::rwx user:1001:rwx g::r-x m::r-x o::--x");
    assert.equal(aclText(root.xattrs.get("d/e", DEFAULT_ACL)), entries);
    put(root, "d/e/f");
    assert.equal(aclOf(root, "d/e/f"), "u::rw- user:1001:rwx g::r-x m::r-- o::r--");
  },
  "a minimal default ACL gives a mode alone, and still no umask"({ root }) {
    root.mkdir("d");
    root.xattrs.set("d", DEFAULT_ACL, acl("u::rwx g::r-x o::---"));
    root
      .as({ umask: 0o777 })
      .open("d/f", O_CREAT | O_WRONLY, 0o666)
      .close();
    assert.equal(permissionsOf(root, "d/f"), 0o640);
    refuses("ENODATA", () => root.xattrs.get("d/f", ACCESS_ACL));
    root.as({ umask: 0o777 }).mkdir("d/e", 0o777);
    assert.equal(permissionsOf(root, "d/e"), 0o750);
    assert.equal(aclText(root.xattrs.get("d/e", DEFAULT_ACL)), "u::rwx g::r-x o::---");
  },
  "links and renamed files do not inherit"({ root }) {
    root.mkdir("d");
    root.xattrs.set("d", DEFAULT_ACL, acl("u::rwx user:1001:rwx g::r-x m::rwx o::---"));
    put(root, "f", "", 0o600);
    root.rename("f", "d/f");
    root.symlink("f", "d/l");
    assert.deepEqual(root.xattrs.list("d/f"), []);
    assert.deepEqual(root.xattrs.list("d/l", { follow: false }), []);
    assert.equal(permissionsOf(root, "d/f"), 0o600);
  },
  "set-group-id directories inherit both group and ACL"({ root }) {
    root.mkdir("d");
    root.attributes.chown("d", { gid: 3000 });
    root.attributes.chmod("d", 0o2775);
    root.xattrs.set("d", DEFAULT_ACL, acl("u::rwx user:1001:rwx g::r-x m::rwx o::---"));
    root.mkdir("d/e", 0o777);
    assert.equal(root.stat("d/e").gid, 3000);
    assert.equal(permissionsOf(root, "d/e"), 0o2770);
  },
};

const decisions: PosixTests = {
  "a named user has what the mask leaves"({ root, alice, bob }) {
    fileWith(root, "u::rw- user:1001:rw- g::--- m::r-- o::---");
    alice.open("f", O_RDONLY).close();
    refuses("EACCES", () => alice.open("f", O_WRONLY));
    refuses("EACCES", () => bob.open("f", O_RDONLY));
    root.attributes.chmod("f", 0o660);
    alice.open("f", O_WRONLY).close();
  },
  "the owner is not cut by the mask"({ root, alice }) {
    fileWith(root, "u::rw- user:1002:rw- g::--- m::--- o::---");
    root.attributes.chown("f", { uid: ALICE.uid });
    alice.open("f", O_WRONLY).close();
    alice.open("f", O_RDONLY).close();
  },
  "a named user that is denied does not fall through to group or others"({ root, bob }) {
    fileWith(root, "u::rw- user:1002:--- g::rw- group:2001:rw- m::rw- o::rw-");
    refuses("EACCES", () => bob.open("f", O_RDONLY));
  },
  "any group that matches and allows is enough"({ root, bob, alice }) {
    fileWith(root, "u::rw- g::--- group:2001:r-- group:2002:-w- m::rw- o::---");
    bob.open("f", O_RDONLY).close();
    bob.open("f", O_WRONLY).close();
    refuses("EACCES", () => bob.open("f", 2));
    alice.open("f", O_RDONLY).close();
    refuses("EACCES", () => alice.open("f", O_WRONLY));
  },
  "a group that matches and denies does not fall through to others"({ root, alice, carol }) {
    fileWith(root, "u::rw- g::--- group:2001:--- m::rw- o::rw-");
    refuses("EACCES", () => alice.open("f", O_RDONLY));
    carol.open("f", O_RDONLY).close();
  },
  "the file's group is cut by the mask"({ root, alice }) {
    fileWith(root, "u::rw- g::rw- m::r-- o::---");
    root.attributes.chown("f", { gid: ALICE.gid });
    alice.open("f", O_RDONLY).close();
    refuses("EACCES", () => alice.open("f", O_WRONLY));
  },
  "search in a directory follows its ACL"({ root, alice, bob }) {
    root.mkdir("d", 0o700);
    put(root, "d/f");
    root.xattrs.set("d", ACCESS_ACL, acl("u::rwx user:1001:--x g::--- m::--x o::---"));
    alice.stat("d/f");
    refuses("EACCES", () => alice.openDirectory("d"));
    refuses("EACCES", () => bob.stat("d/f"));
    refuses("EACCES", () => alice.mkdir("d/x"));
  },
  "root passes every ACL, and executes only what someone may"({ root }) {
    fileWith(root, "u::--- user:1001:--x g::--- m::--- o::---");
    root.access("f", R_OK | W_OK);
    refuses("EACCES", () => root.access("f", X_OK));
    root.attributes.chmod("f", 0o010);
    root.access("f", X_OK);
  },
};

export const aclSuite: PosixSuite = posixSuite(
  "ACLs",
  { ...form, ...chmodAndMask, ...inheritance, ...decisions },
  ["acl", "callers"],
);

function aclOf(root: PosixDirectory, path: string): string {
  return aclText(root.xattrs.get(path, ACCESS_ACL));
}

/** A file "f" of root and group 0 with this ACL. */
function fileWith(root: PosixDirectory, entries: string): void {
  put(root, "f");
  root.xattrs.set("f", ACCESS_ACL, acl(entries));
}
