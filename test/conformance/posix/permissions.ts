/**
 * Who may read, write, search and execute: every mode, for the owner, the group by first and by supplementary id, others and root.
 * Source: path_resolution(7) "Permissions", access(2).
 */
import assert from "node:assert/strict";
import { O_RDONLY, O_RDWR, O_WRONLY, R_OK, W_OK, X_OK } from "../../support/posix-constants.ts";
import { exists, homeOf, put, refuses } from "../../support/posix-actions.ts";
import type { PosixDirectory } from "./posix-directory.ts";
import { ALICE, type PosixSuite, posixSuite, type PosixWorld } from "./posix-suite.ts";

type Class = "owner" | "group" | "other" | "root";

interface Person {
  readonly name: string;
  readonly kind: Class;
  readonly directory: PosixDirectory;
}

const MODES = Array.from({ length: 0o1000 }, (_, mode) => mode);

export const permissionSuite: PosixSuite = posixSuite(
  "permissions",
  {
    "access to a file follows every mode, for everyone"(world) {
      const { root } = world;
      arrange(root, () => put(root, "f"));
      for (const mode of MODES) {
        root.attributes.chmod("f", mode);
        for (const person of peopleOf(world)) {
          for (const wanted of [R_OK, W_OK, X_OK, R_OK | W_OK, R_OK | W_OK | X_OK]) {
            const allowed = mayDo({ kind: person.kind, mode, wanted, isDirectory: false });
            check(allowed, `${person.name} ${wanted} of ${mode.toString(8)}`, () =>
              person.directory.access("f", wanted),
            );
          }
        }
      }
    },
    "access to a directory follows every mode, for everyone"(world) {
      const { root } = world;
      arrange(root, () => root.mkdir("f"));
      for (const mode of MODES) {
        root.attributes.chmod("f", mode);
        for (const person of peopleOf(world)) {
          for (const wanted of [R_OK, W_OK, X_OK, W_OK | X_OK]) {
            const allowed = mayDo({ kind: person.kind, mode, wanted, isDirectory: true });
            check(allowed, `${person.name} ${wanted} of ${mode.toString(8)}`, () =>
              person.directory.access("f", wanted),
            );
          }
        }
      }
    },
    "opening a file follows the bits of the first class that fits"(world) {
      const { root } = world;
      arrange(root, () => put(root, "f", "data"));
      const openings = [
        [O_RDONLY, R_OK],
        [O_WRONLY, W_OK],
        [O_RDWR, R_OK | W_OK],
      ] as const;
      for (const mode of modesOfOneClass()) {
        root.attributes.chmod("f", mode);
        for (const person of peopleOf(world)) {
          for (const [flags, wanted] of openings) {
            const allowed = mayDo({ kind: person.kind, mode, wanted, isDirectory: false });
            check(allowed, `${person.name} opens ${flags} of ${mode.toString(8)}`, () =>
              person.directory.open("f", flags).close(),
            );
          }
        }
      }
    },
    "search, listing and changing of a directory each need their own bits"(world) {
      const { root } = world;
      arrange(root, () => root.mkdir("f"));
      put(root, "f/inside", "x", 0o666);
      for (const mode of modesOfOneClass()) {
        root.attributes.chmod("f", mode);
        for (const { name, kind, directory } of peopleOf(world)) {
          const may = (wanted: number): boolean => mayDo({ kind, mode, wanted, isDirectory: true });
          const place = `${name} in ${mode.toString(8)}`;
          check(may(X_OK), `${place} stat`, () => directory.stat("f/inside"));
          check(may(X_OK), `${place} open`, () => directory.open("f/inside", O_RDONLY).close());
          check(may(R_OK), `${place} list`, () => directory.openDirectory("f").close());
          check(may(W_OK | X_OK), `${place} create`, () => directory.mkdir("f/new"));
          if (exists(root, "f/new")) {
            check(may(W_OK | X_OK), `${place} remove`, () => directory.rmdir("f/new"));
          }
        }
      }
    },
    "every directory on the way must be searched"({ root, alice }) {
      root.mkdir("a");
      root.mkdir("a/b");
      root.mkdir("a/b/c");
      put(root, "a/b/c/f", "x", 0o666);
      alice.stat("a/b/c/f");
      for (const closed of ["a", "a/b", "a/b/c"]) {
        root.attributes.chmod(closed, 0o754);
        refuses("EACCES", () => alice.stat("a/b/c/f"));
        refuses("EACCES", () => alice.open("a/b/c/f", O_RDONLY));
        refuses("EACCES", () => alice.attributes.chmod("a/b/c/f", 0o600));
        refuses("EACCES", () => alice.xattrs.list("a/b/c/f"));
        refuses("EACCES", () => alice.stat("a/b/c/missing"));
        root.attributes.chmod(closed, 0o755);
      }
    },
    "names cannot be probed in a directory that may not be searched"({ root, alice }) {
      root.mkdir("closed", 0o744);
      put(root, "closed/f");
      refuses("EACCES", () => alice.stat("closed/f"));
      refuses("EACCES", () => alice.stat("closed/missing"));
      refuses("EACCES", () => alice.readlink("closed/missing"));
    },
    "an open handle works on after permission is gone"({ root, alice }) {
      homeOf(root);
      put(alice, "home/f", "data", 0o644);
      using reader = alice.open("home/f", O_RDONLY);
      using writer = alice.open("home/f", O_WRONLY);
      root.attributes.chown("home/f", { uid: 0, gid: 0 });
      root.attributes.chmod("home/f", 0o000);
      root.attributes.chmod("home", 0o000);
      assert.equal(reader.read(0, 4).length, 4);
      assert.equal(writer.write(0, new Uint8Array(1)), 1);
      assert.equal(reader.stat().size, 4);
      refuses("EACCES", () => alice.open("home/f", O_RDONLY));
    },
    "a change of groups counts at once"({ root, carol }) {
      put(root, "f", "", 0o640);
      root.attributes.chown("f", { gid: 3000 });
      refuses("EACCES", () => carol.open("f", O_RDONLY));
      carol
        .as({ groups: [5, 3000, 6] })
        .open("f", O_RDONLY)
        .close();
      carol.as({ gid: 3000 }).open("f", O_RDONLY).close();
    },
    "stat needs no permission on the thing itself"({ root, carol }) {
      put(root, "f", "x", 0o000);
      root.mkdir("d", 0o000);
      assert.equal(carol.stat("f").size, 1);
      assert.equal(carol.stat("d").nlink, 2);
    },
  },
  ["callers"],
);

/** "f" belongs to alice and her group, in a directory anyone may search. */
function arrange(root: PosixDirectory, create: () => void): void {
  create();
  root.attributes.chown("f", { uid: ALICE.uid, gid: ALICE.gid });
}

function peopleOf({ root, alice, bob, carol }: PosixWorld): Person[] {
  return [
    { name: "root", kind: "root", directory: root },
    { name: "the owner", kind: "owner", directory: alice },
    { name: "a member", kind: "group", directory: bob },
    {
      name: "one of the group",
      kind: "group",
      directory: carol.as({ gid: ALICE.gid }),
    },
    { name: "another", kind: "other", directory: carol },
  ];
}

/** The modes that allow one class something, and the rest all or nothing. */
function modesOfOneClass(): number[] {
  const modes: number[] = [];
  for (const shift of [6, 3, 0]) {
    for (let bits = 0; bits < 8; bits++) {
      modes.push(bits << shift, (0o777 & ~(7 << shift)) | (bits << shift));
    }
  }
  return modes;
}

interface Question {
  readonly kind: Class;
  readonly mode: number;
  readonly wanted: number;
  readonly isDirectory: boolean;
}

function mayDo({ kind, mode, wanted, isDirectory }: Question): boolean {
  if (kind === "root") return isDirectory || (wanted & X_OK) === 0 || (mode & 0o111) !== 0;
  const shift = { owner: 6, group: 3, other: 0 }[kind];
  return ((mode >> shift) & wanted) === wanted;
}

function check(allowed: boolean, what: string, act: () => unknown): void {
  let code: string | undefined;
  try {
    act();
  } catch (error) {
    code = (error as { code?: string }).code;
    if (code === undefined) throw error;
  }
  assert.equal(code, allowed ? undefined : "EACCES", what);
}
