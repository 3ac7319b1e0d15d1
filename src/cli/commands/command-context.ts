/** What every command file gets: the world, and a way to say what the process ends with. */
import type { World } from "../world.ts";

export interface CommandContext {
  readonly world: World;
  /** Called once by a command that ran to its end. */
  readonly finish: (exitCode: number) => void;
}
