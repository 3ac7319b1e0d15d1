/**
 * All that the command line touches besides its actions, passed in so that a test can be the world.
 */
import type { Actions } from "./actions.ts";
import type { Interrupts } from "./interrupts.ts";

export interface World {
  /** To stdout: what was asked for. `text` ends with its own newline. */
  readonly print: (text: string) => void;
  /** To stderr: what a person should know. */
  readonly note: (text: string) => void;
  /** Colours and bold may be used on stdout. */
  readonly hasColour: boolean;
  readonly workingDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Effective user id. */
  readonly uid: number;
  /** The home of that user's account, whatever $HOME says. */
  readonly accountHome: string;
  /** The command that runs this installation again: the program and its first arguments, absolute paths. */
  readonly self: readonly string[];
  readonly interrupts: Interrupts;
  /** Loaded when a command needs them: `--help` and `version` start without the rest of the program. */
  readonly loadActions: () => Promise<Actions>;
}
