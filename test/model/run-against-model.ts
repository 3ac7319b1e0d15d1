/**
 * Runs random commands on a filesystem and on the model, and compares every result and, now and then, everything they hold.
 *
 * A difference is thrown as an error that names the seed (SEED=n) and the commands, shortened by leaving out what is not needed.
 */
import { Prng } from "../../src/core/prng.ts";
import type { PosixTree } from "../conformance/posix/posix-suite.ts";
import { CommandRunner } from "./command-runner.ts";
import { type Command, type CommandOptions, randomCommand } from "./model-commands.ts";
import { createModel } from "./model-directory.ts";
import type { ModelOptions } from "./model-fs.ts";
import { compareTrees, FIRST_COUNTED_NS } from "./tree-comparison.ts";

/** Replays spent on shortening: seconds, on a local filesystem. */
const REPLAY_COUNT_MAX = 300;

export interface ModelRun {
  readonly seed: number;
  readonly commandCount: number;
  /** Commands between comparisons of the whole trees. */
  readonly compareEvery: number;
  /** A fresh, empty tree of the filesystem that is tested. */
  readonly subject: () => PosixTree;
  readonly model: Omit<ModelOptions, "now">;
  readonly commands: CommandOptions;
  /** Whether reads are seen by the subject at once. */
  readonly compareAtime: boolean;
}

/** What a run met, to show that it met something. */
export interface ModelRunReport {
  /** How often each command ended in each way: "rename ENOTEMPTY" and so on. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** Throws at the first difference. */
export function runAgainstModel(run: ModelRun): ModelRunReport {
  const prng = new Prng(run.seed);
  const commands = Array.from({ length: run.commandCount }, () =>
    randomCommand(prng, run.commands),
  );
  const outcomes = new Map<string, number>();
  const difference = replay(run, commands, outcomes);
  if (difference === undefined) return { outcomes };
  const shortest = shorten(run, commands.slice(0, difference.commandCount), difference.kind);
  const final = replay(run, shortest) ?? difference;
  const lines = shortest.map((command) => JSON.stringify(command)).join("\n");
  throw new Error(
    `SEED=${run.seed} differs after ${difference.commandCount} commands: ${difference.message}\n` +
      `shortest replay (${shortest.length} commands): ${final.message}\n${lines}`,
  );
}

interface Difference {
  readonly commandCount: number;
  /** What kind it is: a shorter replay must end in the same. */
  readonly kind: string;
  readonly message: string;
}

/** Runs exactly these commands on fresh trees; undefined when there is no difference. */
export function replay(
  run: ModelRun,
  commands: readonly Command[],
  outcomes: Map<string, number> = new Map(),
): Difference | undefined {
  let now = FIRST_COUNTED_NS;
  using tree = run.subject();
  using subject = new CommandRunner(tree.directory);
  using model = new CommandRunner(createModel({ ...run.model, now: () => now }));
  for (const [index, command] of commands.entries()) {
    now++;
    const commandCount = index + 1;
    const expected = model.run(command);
    const actual = subject.run(command);
    if (actual !== expected) {
      const message = `${JSON.stringify(command)} is ${actual}, in the model ${expected}`;
      const kind = `${command.op} ${wordOf(actual)} ${wordOf(expected)}`;
      return { commandCount, kind, message };
    }
    countOutcome(outcomes, command, expected);
    if (commandCount % run.compareEvery !== 0 && commandCount !== commands.length) continue;
    now++;
    const message = differenceOf(run, model, subject);
    if (message !== undefined) return { commandCount, kind: "trees", message };
  }
  return undefined;
}

function differenceOf(
  { compareAtime }: ModelRun,
  model: CommandRunner,
  subject: CommandRunner,
): string | undefined {
  try {
    compareTrees(model, subject, { compareAtime });
    return undefined;
  } catch (error) {
    return `the trees differ: ${(error as Error).message}`;
  }
}

function countOutcome(outcomes: Map<string, number>, command: Command, outcome: string): void {
  const key = `${command.op} ${wordOf(outcome)}`;
  outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
}

function wordOf(outcome: string): string {
  return /^E[A-Z0-9]+$/.test(outcome) || outcome === "no handle" ? outcome : "ok";
}

/** Leaves out ever smaller stretches as long as a difference remains. */
function shorten(run: ModelRun, commands: readonly Command[], kind: string): readonly Command[] {
  let shortest = commands;
  let replayCount = 0;
  for (let size = Math.ceil(shortest.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < shortest.length && replayCount < REPLAY_COUNT_MAX;) {
      const candidate = [...shortest.slice(0, at), ...shortest.slice(at + size)];
      replayCount++;
      const difference = replay(run, candidate);
      if (difference?.kind !== kind) at += size;
      else shortest = candidate.slice(0, difference.commandCount);
    }
  }
  return shortest;
}
