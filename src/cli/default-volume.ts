/**
 * The volume that is meant when none is named: a local one of the user who runs the command.
 * Source: XDG Base Directory Specification 0.8 (a relative $XDG_DATA_HOME is ignored).
 */
import { isAbsolute, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { World } from "./world.ts";

const NAME = "shoal/default";

export interface DefaultVolume {
  readonly url: string;
  /** Whose it is, when sudo makes that a question. */
  readonly note: string | undefined;
}

/** $HOME where it is a path; empty or relative it would mean the working directory. */
export function homeOf(env: World["env"], accountHome: string): string {
  const { HOME } = env;
  return HOME !== undefined && isAbsolute(HOME) ? HOME : accountHome;
}

/** Under sudo it is root's, in root's own home, even when sudo kept $HOME of the caller. */
export function defaultVolume(world: Pick<World, "env" | "uid" | "accountHome">): DefaultVolume {
  const { env, uid, accountHome } = world;
  const caller = uid === 0 ? env["SUDO_USER"] : undefined;
  const isSudo = caller !== undefined && caller !== "" && caller !== "root";
  const home = isSudo ? accountHome : homeOf(env, accountHome);
  const dataHome = env["XDG_DATA_HOME"];
  const base =
    dataHome !== undefined && isAbsolute(dataHome) ? dataHome : join(home, ".local", "share");
  const path = join(base, NAME);
  return {
    url: pathToFileURL(path).href,
    note: isSudo
      ? `no volume named: using root's default volume, ${path}, not ${caller}'s`
      : undefined,
  };
}
