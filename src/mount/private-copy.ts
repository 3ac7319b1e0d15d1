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
 *   <run>/<hash>/package.json           so that the code is ES modules
 *   <run>/<hash>/src or dist            the code, without tests; from a clone with its types stripped already, for the
 *                                       stripper costs a process 40 MiB and a restart its time
 *   <run>/<hash>/node_modules/<name>    what it depends on, resolved as Node does, optional packages that are there included
 *   <run>/<hash>/compile-cache          V8's
 */
import { createHash } from "node:crypto";
import {
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { FsError } from "../core/fs-error.ts";
import { randomHex } from "../core/hex.ts";
import { readMountTable } from "../sys/mount-table.ts";
import { mountOf } from "../sys/mount-paths.ts";
import { bootId } from "../sys/process-identity.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";

/** More is no package of ours but a wrong root. */
const FILE_COUNT_MAX = 20_000;
const PACKAGE_COUNT_MAX = 200;
/** What no program loads. */
const SKIPPED = /(?:\.test\.[cm]?[jt]s|\.d\.[cm]?ts|\.map|\.md|\.markdown)$/;
const TYPESCRIPT = /\.ts$/;
/** `from "./x.ts"`, `import("./x.ts")`, `import "./x.ts"` and `new URL("./x.ts"`. */
const RELATIVE_IMPORT =
  /(\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)(["'])(\.{1,2}\/[^"'\n]+)\.ts\2/g;
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set([
  "node_modules",
  ".git",
  "doc",
  "docs",
  "test",
]);

export interface ProgramSource {
  /** Holds package.json. */
  readonly root: string;
  /** Where the code lies below the root: "dist", or "src" in a clone. */
  readonly folders: readonly string[];
}

export interface PrivateCopy {
  readonly root: string;
  readonly compileCache: string;
  /** False: it was there already. */
  readonly isNew: boolean;
  /** Where a module of the source lies in the copy. */
  readonly modulePath: (source: string) => string;
}

/** The program that this module belongs to. */
export function ownProgram(): ProgramSource {
  const code = dirname(dirname(fileURLToPath(import.meta.url)));
  return { root: dirname(code), folders: [relative(dirname(code), code)] };
}

/** Makes the copy below `run`, or finds the one that is there. Throws an FsError that names what could not be copied. */
export function makePrivateCopy(source: ProgramSource, run: string): PrivateCopy {
  const files = listProgram(source);
  const native = isNoexec(run) ? "link" : "copy";
  const root = join(run, hashOf(files, native));
  const copy = (isNew: boolean): PrivateCopy => ({
    root,
    compileCache: join(root, "compile-cache"),
    isNew,
    modulePath: (path) =>
      join(root, strippedName(relative(realpathSync(source.root), realpathSync(path)))),
  });
  if (existsSync(root)) return copy(false);
  const building = `${root}.${randomHex(8)}`;
  try {
    mkdirSync(join(building, "compile-cache"), { recursive: true, mode: 0o700 });
    const cache = join(source.root, "node_modules", ".cache", "shoal-stripped");
    copyFiles({ files, root: building, native, cache });
    renameSync(building, root);
    return copy(true);
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    // Another start of the same program was faster: its copy is as good.
    if (hasCode(error, "ENOTEMPTY", "EEXIST") && existsSync(root)) return copy(false);
    throw wrapSystemError(error, `copying the program to ${root}`);
  }
}

interface ProgramFile {
  readonly from: string;
  /** Below the copy's root. */
  readonly to: string;
  readonly stamp: string;
}

function listProgram(source: ProgramSource): ProgramFile[] {
  const root = realpathSync(source.root);
  const files: ProgramFile[] = [];
  add(files, join(root, "package.json"), "package.json");
  for (const folder of source.folders) addFolder(files, join(root, folder), folder);
  addPackages(files, root);
  return files;
}

/** Every package that ours depends on, at the place in the copy where Node finds it from wherever it found it before. */
function addPackages(files: ProgramFile[], root: string): void {
  const placed = new Map<string, string>();
  const queue: { from: string; at: string }[] = [{ from: root, at: "" }];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    for (const { name, isOptional } of dependenciesOf(join(next.from, "package.json"))) {
      const found = findPackage(next.from, name);
      if (found === undefined) {
        if (isOptional) continue;
        throw new FsError(
          "ENOENT",
          `the package ${name}, which ${next.from} needs, is not installed`,
        );
      }
      // Flat where it can be; a second version of a name goes below the package that wants it.
      let at = join("node_modules", name);
      if (placed.has(at) && placed.get(at) !== found) at = join(next.at, "node_modules", name);
      if (placed.get(at) === found) continue;
      if (placed.size >= PACKAGE_COUNT_MAX)
        throw new FsError("E2BIG", `the program needs more than ${PACKAGE_COUNT_MAX} packages`);
      placed.set(at, found);
      addFolder(files, found, at);
      queue.push({ from: found, at });
    }
  }
}

function dependenciesOf(path: string): { name: string; isOptional: boolean }[] {
  const manifest = JSON.parse(readFileSync(path, "utf8")) as {
    dependencies?: Record<string, string>;
    optionalDependencies?: Record<string, string>;
  };
  const optional = Object.keys(manifest.optionalDependencies ?? {});
  const needed = Object.keys(manifest.dependencies ?? {}).filter(
    (name) => !optional.includes(name),
  );
  return [
    ...needed.map((name) => ({ name, isOptional: false })),
    ...optional.map((name) => ({ name, isOptional: true })),
  ];
}

/** As Node does: in node_modules of the folder and of each above it. */
function findPackage(from: string, name: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, "node_modules", name);
    if (existsSync(join(path, "package.json"))) return realpathSync(path);
    if (folder === dirname(folder)) return undefined;
  }
}

function addFolder(files: ProgramFile[], from: string, to: string): void {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const path = join(from, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED_FOLDERS.has(entry.name)) addFolder(files, path, join(to, entry.name));
    } else if (!SKIPPED.test(entry.name)) {
      add(files, path, join(to, entry.name));
    }
  }
}

function add(files: ProgramFile[], from: string, to: string): void {
  if (files.length >= FILE_COUNT_MAX)
    throw new FsError(
      "E2BIG",
      `the program at ${dirname(from)} has more than ${FILE_COUNT_MAX} files`,
    );
  const stat = lstatSync(realpathSync(from), { bigint: true });
  files.push({ from, to, stamp: `${stat.size} ${stat.mtimeNs} ${stat.ino} ${stat.dev}` });
}

function hashOf(files: readonly ProgramFile[], native: string): string {
  const hash = createHash("sha256");
  hash.update(`${bootId()} ${process.version} ${process.arch} ${native}\n`);
  const lines = files.map((file) => `${file.to.split(sep).join("/")} ${file.stamp}\n`).sort();
  for (const line of lines) hash.update(line);
  return hash.digest("hex").slice(0, 32);
}

interface CopyPlan {
  readonly files: readonly ProgramFile[];
  readonly root: string;
  readonly native: "copy" | "link";
  /** Where stripped code is kept. */
  readonly cache: string;
}

function copyFiles({ files, root, native, cache }: CopyPlan): void {
  const made = new Set<string>();
  for (const file of files) {
    const to = join(root, file.to);
    const folder = dirname(to);
    if (!made.has(folder)) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      made.add(folder);
    }
    if (native === "link" && file.to.endsWith(".node")) symlinkSync(realpathSync(file.from), to);
    else if (TYPESCRIPT.test(file.to)) writeFileSync(strippedName(to), stripped(file.from, cache));
    else copyFileSync(file.from, to, constants.COPYFILE_FICLONE);
  }
}

/**
 * Packages come as JavaScript, so this is our own code, in which every relative import says `.ts`. Stripping takes
 * milliseconds a file; what was stripped once is kept where tools keep such things, under the hash of its source.
 */
function stripped(path: string, cache: string): string {
  const source = readFileSync(path, "utf8");
  const kept = join(
    cache,
    `${createHash("sha256").update(process.version).update(source).digest("hex")}.js`,
  );
  try {
    return readFileSync(kept, "utf8");
  } catch (error) {
    if (!hasCode(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
  }
  const code = stripTypeScriptTypes(source).replace(RELATIVE_IMPORT, "$1$2$3.js$2");
  try {
    mkdirSync(cache, { recursive: true });
    const temporary = `${kept}.${randomHex(8)}`;
    writeFileSync(temporary, code);
    renameSync(temporary, kept);
  } catch (error) {
    // Somebody else's clone: it is stripped again next time.
    if (!hasCode(error, "EACCES", "EPERM", "EROFS", "ENOSPC", "ENOTDIR")) throw error;
  }
  return code;
}

function strippedName(path: string): string {
  return path.replace(TYPESCRIPT, ".js");
}

/** Native modules cannot be loaded from a noexec mount: there the copy links to where they were installed. */
function isNoexec(path: string): boolean {
  const entry = mountOf(realpathSync(path), readMountTable());
  return entry?.options.split(",").includes("noexec") ?? false;
}
