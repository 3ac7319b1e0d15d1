/** A world for the command line in memory: what was printed, and actions that record their calls. */
import { EventEmitter } from "node:events";
import type { Actions } from "../../src/cli/actions.ts";
import { Interrupts } from "../../src/cli/interrupts.ts";
import { runCommandLine } from "../../src/cli/main.ts";
import type { World } from "../../src/cli/world.ts";

export interface Run {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface FakeWorldOptions {
  /** Those a test expects to be called; any other one fails it. */
  readonly actions?: Partial<Actions>;
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly hasColour?: boolean;
}

export class FakeWorld {
  readonly signals: EventEmitter = new EventEmitter();
  readonly #options: FakeWorldOptions;
  #out = "";
  #err = "";

  constructor(options: FakeWorldOptions = {}) {
    this.#options = options;
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }

  async run(...args: string[]): Promise<Run> {
    const exitCode = await runCommandLine(this.#world(), "/opt/shoal/main.ts", args);
    return { exitCode, out: this.#out, err: this.#err };
  }

  #world(): World {
    const note = (text: string): void => {
      this.#err += text;
    };
    return {
      print: (text) => {
        this.#out += text;
      },
      note,
      hasColour: this.#options.hasColour ?? false,
      workingDirectory: "/here",
      env: this.#options.env ?? { HOME: "/home/ada" },
      uid: this.#options.uid ?? 1000,
      accountHome: this.#options.uid === 0 ? "/root" : "/home/ada",
      self: ["/opt/node", "/opt/shoal/main.ts"],
      interrupts: new Interrupts(this.signals, note),
      loadActions: async () => expected(this.#options.actions ?? {}),
    };
  }
}

function expected(actions: Partial<Actions>): Actions {
  return new Proxy(actions, {
    get(target, name: string) {
      if (name === "then") return undefined;
      const action = target[name as keyof Actions];
      if (action === undefined) throw new Error(`the action ${name} was not to be called`);
      return action;
    },
  }) as Actions;
}
