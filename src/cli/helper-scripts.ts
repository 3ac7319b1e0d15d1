/**
 * The two small programs by which mount(8), umount(8) and /etc/fstab find this installation.
 *
 * What always holds: only files that carry our mark are replaced or removed, and a file is replaced whole.
 */
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FsError } from "../core/fs-error.ts";
import { MOUNT_HELPER, UMOUNT_HELPER } from "./mount-helper.ts";

const MARK = "# Written by `shoal install-helpers`, removed by `shoal install-helpers --remove`.";
const NAMES: readonly string[] = [MOUNT_HELPER, UMOUNT_HELPER];

/** Writes both below `prefix` (mount(8) looks in /sbin) and returns their paths. `self` starts this installation. */
export function installHelpers(prefix: string, self: readonly string[]): string[] {
  const directory = join(prefix, "sbin");
  const paths = NAMES.map((name) => join(directory, name));
  for (const path of paths) refuseForeign(path);
  attempt(directory, () => makeDirectory(directory));
  for (const [index, path] of paths.entries()) {
    const temporary = `${path}.shoal-new`;
    attempt(path, () => {
      rmSync(temporary, { force: true });
      writeFileSync(temporary, scriptOf(NAMES[index]!, self), { mode: 0o755, flag: "wx" });
      renameSync(temporary, path);
    });
  }
  return paths;
}

/** Returns the paths of what was there and is removed. */
export function removeHelpers(prefix: string): string[] {
  const paths = NAMES.map((name) => join(prefix, "sbin", name));
  const removed = paths.filter((path) => refuseForeign(path));
  for (const path of removed) attempt(path, () => rmSync(path));
  return removed;
}

/** True when our file is there; throws EEXIST when somebody else's is. */
function refuseForeign(path: string): boolean {
  const stat = attempt(path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (stat === undefined) return false;
  if (stat.isFile() && attempt(path, () => readFileSync(path, "utf8")).includes(MARK)) return true;
  throw new FsError("EEXIST", `${path} is not ours: it is left as it is`);
}

/** Not with those above it: a prefix that is not there is a slip. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "ENOENT") throw error;
    throw new FsError("ENOENT", `${dirname(path)} does not exist`, { cause: error });
  }
}

function scriptOf(name: string, self: readonly string[]): string {
  const command = self.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  return `#!/bin/sh\n${MARK}\nexec ${command} ${name} "$@"\n`;
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM" && code !== "EROFS") throw error;
    throw new FsError(
      code,
      `cannot write ${path}\nThe helpers belong to the system: run this as root, or choose another place with --prefix`,
      { cause: error },
    );
  }
}
