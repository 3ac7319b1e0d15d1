/**
 * The program a mount runs: a copy of its own, so that an upgrade or `npm ci` under a live mount neither changes nor
 * removes what restarts after a crash, days later.
 *
 * What always holds: a copy is complete or absent (it is made beside and renamed), it is named for what was copied
 * (every file's path, length, time and inode) and for this boot, so that one which a power cut left half on the disk is
 * never met again, and nobody changes it afterwards but V8, whose compile cache lies inside.
 * Files are copied (reflinked where the file system can), never hard-linked: an editor or a package manager may
 * rewrite a file in place. Node itself is not copied: a mount starts its processes from `/proc/self/exe`, which is the
 * running executable even when its name is gone or another file's.
 *
 *   <run>/<hash>/*.js, package.json    the bundle (program-bundle.ts)
 *   <run>/<hash>/*.node                native modules of the packages in it (native-modules.ts)
 *   <run>/<hash>/compile-cache         V8's
 */
import { createHash } from "node:crypto";
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { FsError } from "../core/fs-error.ts";
import { randomHex } from "../core/hex.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";
import { mountOf } from "../sys/mount-paths.ts";
import { readMountTable } from "../sys/mount-table.ts";
import { bootId } from "../sys/process-identity.ts";
import type { NativeModule } from "./native-modules.ts";
import { COMPILE_CACHE_NAME } from "./program-cache.ts";

/** More is no bundle of ours but a wrong folder. */
const FILE_COUNT_MAX = 200;

export interface ProgramSource {
  /** Holds the bundle's files and nothing else. */
  readonly bundle: string;
  readonly natives: readonly NativeModule[];
}

export interface PrivateCopy {
  readonly root: string;
  /** False: it was there already. */
  readonly isNew: boolean;
}

/** Makes the copy below `run`, or finds the one that is there. Throws an FsError that names what could not be copied. */
export function makePrivateCopy(source: ProgramSource, run: string): PrivateCopy {
  const files = listProgram(source);
  const native = isNoexec(run) ? "link" : "copy";
  const root = join(run, hashOf(files, native));
  if (existsSync(root)) return { root, isNew: false };
  const building = `${root}.${randomHex(8)}`;
  try {
    mkdirSync(join(building, COMPILE_CACHE_NAME), { recursive: true, mode: 0o700 });
    copyFiles(files, building, native);
    renameSync(building, root);
    return { root, isNew: true };
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    // Another start of the same program was faster: its copy is as good.
    if (hasCode(error, "ENOTEMPTY", "EEXIST") && existsSync(root)) return { root, isNew: false };
    throw wrapSystemError(error, `copying the program to ${root}`);
  }
}

interface ProgramFile {
  readonly from: string;
  /** In the copy. */
  readonly name: string;
  readonly stamp: string;
}

function listProgram({ bundle, natives }: ProgramSource): ProgramFile[] {
  const names = readdirSync(bundle);
  if (names.length > FILE_COUNT_MAX)
    throw new FsError("E2BIG", `the program at ${bundle} has more than ${FILE_COUNT_MAX} files`);
  const files = names.map((name) => ({ name, from: join(bundle, name) }));
  for (const { name, path } of natives) files.push({ name, from: realpathSync(path) });
  return files.map((file) => {
    const { size, mtimeNs, ino, dev } = statSync(file.from, { bigint: true });
    return { ...file, stamp: `${size} ${mtimeNs} ${ino} ${dev}` };
  });
}

function hashOf(files: readonly ProgramFile[], native: string): string {
  const hash = createHash("sha256");
  hash.update(`${bootId()} ${process.version} ${process.arch} ${native}\n`);
  for (const line of files.map((file) => `${file.name} ${file.stamp}\n`).sort()) hash.update(line);
  return hash.digest("hex").slice(0, 32);
}

function copyFiles(files: readonly ProgramFile[], root: string, native: "copy" | "link"): void {
  for (const { from, name } of files) {
    const to = join(root, name);
    if (native === "link" && name.endsWith(".node")) symlinkSync(from, to);
    else copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}

/** Native modules cannot be loaded from a noexec mount: there the copy links to where they were installed. */
function isNoexec(path: string): boolean {
  const entry = mountOf(realpathSync(path), readMountTable());
  return entry?.options.split(",").includes("noexec") ?? false;
}
