/**
 * Sequences of system calls whose FUSE requests are counted: what programs do all the time.
 *
 * Each runs in a fresh directory, which the kernel knows already. `prepare` runs before the count.
 */
import type { PosixDirectory } from "../conformance/posix/posix-directory.ts";
import { bytes, contentOf, entriesOf, put } from "./posix-actions.ts";
import { O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } from "./posix-constants.ts";

const PAGE = new Uint8Array(4096).fill(0x61);
const LISTED_COUNT = 20;
const ROW_COUNT = 10;

export interface LedgerSequence {
  readonly prepare?: (directory: PosixDirectory) => void;
  readonly run: (directory: PosixDirectory) => void;
}

export const SEQUENCES: Readonly<Record<string, LedgerSequence>> = {
  "create, write 4 KiB, close": { run: (directory) => put(directory, "f", PAGE) },
  "create, write 4 KiB, close: ten in a row": {
    run: (directory) => {
      for (let index = 0; index < ROW_COUNT; index++) put(directory, `f${index}`, PAGE);
    },
  },
  "mkdir: ten in a row": {
    run: (directory) => {
      for (let index = 0; index < ROW_COUNT; index++) directory.mkdir(`d${index}`);
    },
  },
  "rename: ten in a row": {
    prepare: withFile,
    run: (directory) => {
      directory.rename("f", "f0");
      for (let index = 1; index < ROW_COUNT; index++) {
        directory.rename(`f${index - 1}`, `f${index}`);
      }
    },
  },
  "unlink: ten in a row": {
    prepare: (directory) => {
      for (let index = 0; index < ROW_COUNT; index++) put(directory, `f${index}`, PAGE);
    },
    run: (directory) => {
      for (let index = 0; index < ROW_COUNT; index++) directory.unlink(`f${index}`);
    },
  },
  "create an empty file": { run: (directory) => put(directory, "f") },
  "create, write twice, close": {
    run: (directory) => {
      using file = directory.open("f", O_RDWR | O_CREAT);
      file.write(0, PAGE);
      file.write(4096, PAGE);
    },
  },
  "a file of tar x": {
    run: (directory) => {
      {
        using file = directory.open("f", O_WRONLY | O_CREAT, 0o600);
        file.write(0, PAGE);
        file.utimens({ atime: 1n, mtime: 1n });
        file.chmod(0o644);
      }
      directory.lstat("f");
    },
  },
  mkdir: { run: (directory) => directory.mkdir("d") },
  rmdir: { prepare: (directory) => directory.mkdir("d"), run: (directory) => directory.rmdir("d") },
  unlink: { prepare: withFile, run: (directory) => directory.unlink("f") },
  "rename within a directory": {
    prepare: withFile,
    run: (directory) => directory.rename("f", "g"),
  },
  "rename to another directory": {
    prepare: (directory) => {
      withFile(directory);
      directory.mkdir("d");
    },
    run: (directory) => directory.rename("f", "d/f"),
  },
  link: { prepare: withFile, run: (directory) => directory.link("f", "g") },
  symlink: { run: (directory) => directory.symlink("target", "l") },
  "readlink, twice": {
    prepare: (directory) => directory.symlink("target", "l"),
    run: (directory) => {
      directory.readlink("l");
      directory.readlink("l");
    },
  },
  chmod: {
    prepare: withFile,
    run: (directory) => directory.attributes.chmod("f", 0o600),
  },
  utimens: {
    prepare: withFile,
    run: (directory) => directory.attributes.utimens("f", { atime: 1n, mtime: 1n }),
  },
  "stat of what is known, ten times": {
    prepare: withFile,
    run: (directory) => repeat(10, () => directory.stat("f")),
  },
  "stat of what is missing, ten times": {
    run: (directory) => repeat(10, () => ignore(() => directory.stat("missing"))),
  },
  "open and read what was just written, ten times": {
    prepare: withFile,
    run: (directory) => repeat(10, () => contentOf(directory, "f")),
  },
  "overwrite 4 KiB in an open file, ten times": {
    prepare: withFile,
    run: (directory) => {
      using file = directory.open("f", O_RDWR);
      repeat(10, () => file.write(0, PAGE));
    },
  },
  "open, append, close, three times": {
    prepare: withFile,
    run: (directory) =>
      repeat(3, () => {
        using file = directory.open("f", O_WRONLY | O_APPEND);
        file.write(0, bytes("line\n"));
      }),
  },
  "replace the contents": {
    prepare: withFile,
    run: (directory) => {
      using file = directory.open("f", O_WRONLY | O_TRUNC);
      file.write(0, bytes("new"));
    },
  },
  "write and fdatasync": {
    prepare: withFile,
    run: (directory) => {
      using file = directory.open("f", O_RDWR);
      file.write(0, PAGE);
      file.sync("data");
    },
  },
  "write a new file and rename it over the old": {
    prepare: withFile,
    run: (directory) => {
      put(directory, "f.new", PAGE);
      directory.rename("f.new", "f");
    },
  },
  "list a directory of twenty, twice": {
    prepare: (directory) => {
      for (let index = 0; index < LISTED_COUNT; index++) put(directory, `f${index}`);
    },
    run: (directory) => repeat(2, () => entriesOf(directory, "")),
  },
};

function withFile(directory: PosixDirectory): void {
  put(directory, "f", PAGE);
  using file = directory.open("f", O_RDONLY);
  file.read(0, 1);
  directory.stat("f");
}

function repeat(count: number, act: () => unknown): void {
  for (let left = count; left > 0; left--) act();
}

function ignore(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}
