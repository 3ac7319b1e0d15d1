/**
 * Operations on names and attributes. Each thread has its own directory; what one needs, those before it in the order
 * of the metadata benchmark have made: files f0…, empty files e0…, directories d0….
 */
import * as call from "../support/system-call.ts";
import type { Operation, OperationSpec, Task } from "./operation.ts";

const PAGE_SIZE = 4096;
const O_NEW: number = call.O_CREAT | call.O_EXCL | call.O_WRONLY;
const DENTS_SIZE = 32 * 1024;
/** struct linux_dirent64: u64 ino, u64 off, u16 reclen, u8 type, name */
const RECLEN_AT = 16;
const NAME_AT = 19;

function paths({ directory, count }: OperationSpec, prefix: string): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => call.cPath(`${directory}/${prefix}${i}`));
}

/** `each` on the paths that begin with `prefix`. */
function overPaths(
  prefix: string,
  each: (path: Uint8Array) => void,
  options: { readonly isRepeatable?: boolean } = {},
): Operation {
  return (spec) => {
    const all = paths(spec, prefix);
    return { ...options, step: (i) => each(all[i]!) };
  };
}

/** `each` on two paths that differ in their beginning. */
function overPairs(
  from: string,
  to: string,
  each: (from: Uint8Array, to: Uint8Array) => void,
): Operation {
  return (spec) => {
    const sources = paths(spec, from);
    const targets = paths(spec, to);
    return { step: (i) => each(sources[i]!, targets[i]!) };
  };
}

const page: Uint8Array = new Uint8Array(PAGE_SIZE).fill(120);
const into: Uint8Array = new Uint8Array(PAGE_SIZE);
const attributes: Uint8Array = new Uint8Array(call.STATX_SIZE);
const xattrName: Uint8Array = call.cPath("user.bench");
const xattrValue: Uint8Array = new Uint8Array(32).fill(118);

function stat(path: Uint8Array): void {
  const { AT_FDCWD, STATX_BASIC_STATS } = call;
  call.must(call.statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, attributes), "stat");
}

function statMissing(path: Uint8Array): void {
  const { AT_FDCWD, STATX_BASIC_STATS } = call;
  if (call.statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, attributes) !== -1) {
    throw new Error("a file that nobody made is there");
  }
}

function createWithPage(path: Uint8Array): void {
  const fd = call.must(call.open(path, O_NEW, 0o644), "open");
  call.must(call.write(fd, page, PAGE_SIZE), "write");
  call.must(call.close(fd), "close");
}

function createEmpty(path: Uint8Array): void {
  call.must(call.close(call.must(call.open(path, O_NEW, 0o644), "open")), "close");
}

function readPage(path: Uint8Array): void {
  const fd = call.must(call.open(path, call.O_RDONLY, 0), "open");
  if (call.must(call.read(fd, into, PAGE_SIZE), "read") !== PAGE_SIZE) {
    throw new Error("a file of 4 KiB is shorter");
  }
  call.must(call.close(fd), "close");
}

/** A file from beginning to end. */
function churn(path: Uint8Array): void {
  createWithPage(path);
  call.must(call.unlink(path), "unlink");
}

function statChmod(path: Uint8Array): void {
  stat(path);
  call.must(call.chmod(path, 0o600), "chmod");
}

const repeatable = { isRepeatable: true };

/** Alternates between two modes, so that every pass changes something. */
function chmod(spec: OperationSpec): Task {
  const all = paths(spec, "f");
  let mode = 0o600;
  return {
    isRepeatable: true,
    step(i) {
      if (i === 0) mode ^= 0o044;
      call.must(call.chmod(all[i]!, mode), "chmod");
    },
  };
}

/** Every entry of the thread's directory, once a step, with lstat of each when asked. */
function list(spec: OperationSpec, withAttributes: boolean): Task {
  const directory = call.cPath(spec.directory);
  const buffer = new Uint8Array(DENTS_SIZE);
  const view = new DataView(buffer.buffer);
  const flags = call.AT_SYMLINK_NOFOLLOW;
  return {
    isRepeatable: true,
    unitsPerStep: spec.size!,
    step() {
      const fd = call.must(call.open(directory, call.O_RDONLY | call.O_DIRECTORY, 0), "open");
      let seen = 0;
      for (;;) {
        const size = call.must(call.getdents64(fd, buffer, DENTS_SIZE), "getdents64");
        if (size === 0) break;
        for (let at = 0; at < size; at += view.getUint16(at + RECLEN_AT, true)) {
          seen++;
          if (!withAttributes) continue;
          const name = buffer.subarray(at + NAME_AT);
          call.must(call.statx(fd, name, flags, call.STATX_BASIC_STATS, attributes), "lstat");
        }
      }
      call.must(call.close(fd), "close");
      // Besides "." and "..".
      if (seen !== spec.size! + 2) throw new Error(`${seen - 2} entries of ${spec.size!}`);
    },
  };
}

const SMALL_SIZE = 64;
const FILES_PER_DIRECTORY = 1000;

/** Files of 64 bytes whose names have 20, a thousand in a directory, all from the thread's directory down. */
function populate(spec: OperationSpec): Task {
  return {
    step(i) {
      const directory = `${spec.directory}/directory-${Math.floor(i / FILES_PER_DIRECTORY)}`;
      if (i % FILES_PER_DIRECTORY === 0) {
        call.must(call.mkdir(call.cPath(directory), 0o755), "mkdir");
      }
      const path = call.cPath(`${directory}/file-${String(i).padStart(15, "0")}`);
      const fd = call.must(call.open(path, O_NEW, 0o644), "open");
      call.must(call.write(fd, page, SMALL_SIZE), "write");
      call.must(call.close(fd), "close");
    },
  };
}

export const METADATA_OPERATIONS: Readonly<Record<string, Operation>> = {
  create: overPaths("f", createWithPage),
  createEmpty: overPaths("e", createEmpty),
  stat: overPaths("f", stat, repeatable),
  statOnce: overPaths("f", stat),
  statMissing: overPaths("m", statMissing, repeatable),
  openReadOnce: overPaths("f", readPage),
  openRead: overPaths("f", readPage, repeatable),
  chmod,
  setxattr: overPaths("f", (path) =>
    call.must(call.setxattr(path, xattrName, xattrValue, xattrValue.length, 0), "setxattr"),
  ),
  getxattr: overPaths(
    "f",
    (path) => call.must(call.getxattr(path, xattrName, into, PAGE_SIZE), "getxattr"),
    repeatable,
  ),
  rename: overPairs("f", "r", (from, to) => call.must(call.rename(from, to), "rename")),
  /** What `rename` left, into the directory `other`, under the names that the rest expects. */
  renameAcross: overPairs("r", "other/f", (from, to) => call.must(call.rename(from, to), "rename")),
  renameBack: overPairs("other/f", "f", (from, to) => call.must(call.rename(from, to), "rename")),
  link: overPairs("f", "l", (from, to) => call.must(call.link(from, to), "link")),
  unlinkLinks: overPaths("l", (path) => call.must(call.unlink(path), "unlink")),
  unlinkEmpty: overPaths("e", (path) => call.must(call.unlink(path), "unlink")),
  unlink: overPaths("f", (path) => call.must(call.unlink(path), "unlink")),
  mkdir: overPaths("d", (path) => call.must(call.mkdir(path, 0o755), "mkdir")),
  rmdir: overPaths("d", (path) => call.must(call.rmdir(path), "rmdir")),
  churn: overPaths("c", churn, repeatable),
  populate,
  statChmod: overPaths("f", statChmod),
  readdir: (spec) => list(spec, false),
  readdirStat: (spec) => list(spec, true),
};
