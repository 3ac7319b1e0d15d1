/**
 * The bundle of what a mount runs: a published package brings it (scripts/build.ts), a clone makes it when it is needed.
 *
 * What always holds: a bundle of a clone is named for the content of what it was made from, so that it is never an old
 * one, and is complete or absent (it is made beside and renamed).
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FsError } from "../core/fs-error.ts";
import { randomHex } from "../core/hex.ts";
import { hasCode, wrapSystemError } from "../core/system-error.ts";

/** In `dist`. */
const BUNDLE_FOLDER = "bundle";
/** Bundles of earlier states of a clone that are older go when another one is made. */
const CACHE_AGE_MAX_MS: number = 24 * 60 * 60 * 1000;
const SOURCE = /(?<!\.test)\.ts$/;

/** A folder whose content does not change. `scratch` takes it when the clone's own cache cannot (it is somebody else's). */
export function findBundle(scratch: string, nowMs: number): string {
  const code = dirname(dirname(fileURLToPath(import.meta.url)));
  if (!import.meta.url.endsWith(".ts")) return join(code, BUNDLE_FOLDER);
  const root = dirname(code);
  const name = hashOfSources(root);
  const cache = join(root, "node_modules", ".cache", "shoal-bundle");
  for (const folder of [join(cache, name), join(scratch, `bundle-${name}`)]) {
    if (existsSync(folder)) return folder;
    if (!makeBundle(root, folder)) continue;
    removeOld(cache, { kept: name, nowMs });
    return folder;
  }
  throw new FsError("EACCES", `a bundle of ${root} can be made neither there nor in ${scratch}`);
}

/** False when its place cannot be written. */
function makeBundle(root: string, folder: string): boolean {
  const building = `${folder}.${randomHex(8)}`;
  try {
    mkdirSync(building, { recursive: true });
    const script = join(root, "scripts", "bundle.ts");
    const { status, stderr, error } = spawnSync(process.execPath, [script, building], {
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (status !== 0)
      throw new FsError("EIO", `bundling ${root} failed: ${stderr.trim() || String(error)}`);
    renameSync(building, folder);
    return true;
  } catch (error) {
    rmSync(building, { recursive: true, force: true });
    if (existsSync(folder)) return true;
    if (error instanceof FsError) throw error;
    if (hasCode(error, "EACCES", "EPERM", "EROFS", "ENOTDIR")) return false;
    throw wrapSystemError(error, `bundling the program to ${folder}`);
  }
}

/** Everything a bundle depends on: our sources, and the packages by their lock. */
function hashOfSources(root: string): string {
  const hash = createHash("sha256");
  const add = (path: string): void => {
    const text = readFileSync(join(root, path));
    hash.update(`${path} ${text.length}\n`).update(text);
  };
  add("package-lock.json");
  add("scripts/bundle.ts");
  const names = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" });
  for (const name of names.filter((path) => SOURCE.test(path)).sort()) add(join("src", name));
  return hash.digest("hex").slice(0, 32);
}

function removeOld(cache: string, { kept, nowMs }: { kept: string; nowMs: number }): void {
  for (const name of existsSync(cache) ? readdirSync(cache) : []) {
    const path = join(cache, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (name === kept || stat === undefined || nowMs - stat.mtimeMs < CACHE_AGE_MAX_MS) continue;
    rmSync(path, { recursive: true, force: true });
  }
}
