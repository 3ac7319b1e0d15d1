/**
 * State directories that live where nobody would look (`--state-dir`): each mount leaves a link to its own in a
 * directory of the user, `<state root>/.mounts/<uuid>`, when it starts.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { hasCode } from "../core/system-error.ts";
import { temporaryName } from "../core/temporary-name.ts";
import { defaultStateDirectory, stateRoot, type Environment } from "../volume/state-directory.ts";

const FOLDER = ".mounts";

/** Remembers a state directory outside the root, and forgets those that are gone. */
export function rememberStateDirectory(
  environment: Environment,
  volume: string,
  path: string,
): void {
  const folder = join(stateRoot(environment), FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    const target = targetOf(join(folder, name));
    if (target !== undefined && !existsSync(target)) rmSync(join(folder, name), { force: true });
  }
  // In one step: others read the folder meanwhile.
  const temporary = temporaryName(join(folder, volume));
  symlinkSync(path, temporary);
  renameSync(temporary, join(folder, volume));
}

/** Those that still exist. */
export function runningStateDirectories(environment: Environment): string[] {
  const folder = join(stateRoot(environment), FOLDER);
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder).map((name) => targetOf(join(folder, name)));
  return [...new Set(paths)].filter((path) => path !== undefined && existsSync(path)) as string[];
}

/** Where the volume was mounted with last, as far as this user knows; it need not be there. */
export function lastStateDirectory(environment: Environment, volume: string): string {
  const remembered = targetOf(join(stateRoot(environment), FOLDER, volume));
  const isThere = remembered !== undefined && existsSync(remembered);
  return isThere ? remembered : defaultStateDirectory(environment, volume);
}

/** undefined: another mount took the link away meanwhile. */
function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
