/**
 * State directories that live where nobody would look (`--state-dir`): each mount leaves a link to its own in a
 * directory of the user, `<state root>/.mounts/<uuid>`, when it starts.
 */
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { stateRoot, type Environment } from "../volume/state-directory.ts";

const FOLDER = ".mounts";

/** Remembers a state directory outside the root. */
export function rememberStateDirectory(
  environment: Environment,
  volume: string,
  path: string,
): void {
  const folder = join(stateRoot(environment), FOLDER);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const link = join(folder, volume);
  rmSync(link, { force: true });
  symlinkSync(path, link);
}

/** Those that still exist. */
export function runningStateDirectories(environment: Environment): string[] {
  const folder = join(stateRoot(environment), FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => readlinkSync(join(folder, name)))
    .filter((path) => existsSync(path));
}
