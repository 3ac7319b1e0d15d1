/**
 * The `shoal` command: from the arguments to the exit code.
 *
 * What always holds: whatever goes wrong is said on stderr as `shoal: message`, hints below it, and never as a stack
 * trace, unless it is a bug of ours; exit codes are those of exit-code.ts. No top-level await: bin/shoal.cjs requires it.
 */
import { realpathSync } from "node:fs";
import { userInfo } from "node:os";
import { isAbsolute } from "node:path";
import { inspect } from "node:util";
import { CommanderError } from "commander";
import { homeOf } from "./default-volume.ts";
import { ExitCode } from "./exit-code.ts";
import { Interrupts } from "./interrupts.ts";
import { helperCall, MOUNT_HELPER } from "./mount-helper.ts";
import { buildProgram } from "./program.ts";
import { runHelper } from "./run-helper.ts";
import { UsageError } from "./usage-error.ts";
import type { World } from "./world.ts";

/** `startedAs` is the name of the program, `args` what follows it. Never rejects. */
export async function runCommandLine(
  world: World,
  startedAs: string,
  args: readonly string[],
): Promise<number> {
  const helper = helperCall(startedAs, args);
  try {
    if (helper !== undefined) return await runHelper(world, helper);
    let exitCode: number = ExitCode.OK;
    const finish = (code: number): void => {
      exitCode = code;
    };
    await buildProgram({ world, finish }).parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    const code = reportError(world, error, args);
    if (helper?.name !== MOUNT_HELPER) return code;
    return code === ExitCode.USAGE ? ExitCode.HELPER_USAGE : ExitCode.HELPER_FAILURE;
  }
}

/** Runs the process this is: called at the end of this file in a clone, by bin/shoal.cjs when installed. */
export function main(): void {
  // A reader that has gone (`shoal log -f | head`) is no error of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(ExitCode.OK);
    throw error;
  });
  const [, script = "", ...args] = process.argv;
  void runProcess(script, args);
}

async function runProcess(script: string, args: readonly string[]): Promise<void> {
  process.exitCode = await runCommandLine(processWorld(script), script, args);
}

/** Says it on stderr; returns the exit code. */
function reportError(world: World, error: unknown, args: readonly string[]): number {
  if (error instanceof CommanderError) return reportCommanderError(world, error, args);
  if (error instanceof Error && isSaid(error)) {
    sayWithHints(world, error.message);
  } else {
    sayWithHints(world, "a bug: please report what follows");
    world.note(`${inspect(error)}\n`);
  }
  if (error instanceof UsageError) return ExitCode.USAGE;
  return args[0] === "fsck" ? ExitCode.FSCK_UNCHECKED : ExitCode.FAILURE;
}

/** Help and version come as errors too; commander prints them itself. */
function reportCommanderError(
  world: World,
  error: CommanderError,
  args: readonly string[],
): number {
  if (error.exitCode === 0) return ExitCode.OK;
  if (error.code === "commander.help") {
    const [command, topic] = args;
    if (command === "help" && topic !== undefined) {
      sayWithHints(world, `unknown command '${topic}'; the commands are those above`);
    }
    return ExitCode.USAGE;
  }
  const command = args.find((word) => !word.startsWith("-"));
  const isKnown = command !== undefined && error.code !== "commander.unknownCommand";
  const help = isKnown ? `shoal ${command} --help` : "shoal --help";
  sayWithHints(world, `${error.message.replace(/^error: /u, "")}\nSee: ${help}`);
  return ExitCode.USAGE;
}

/** The first line is the message, what follows are hints. */
function sayWithHints(world: World, text: string): void {
  world.note(`shoal: ${text.trim().replaceAll(/\n\s*/gu, "\n       ")}\n`);
}

/** Errors of the system and our own refusals carry a code ("ENOENT"): their message says enough. All else is a bug. */
function isSaid(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return error instanceof UsageError || (typeof code === "string" && /^E[A-Z0-9]+$/u.test(code));
}

function processWorld(script: string): World {
  const home = accountHome();
  return {
    print: (text) => void process.stdout.write(text),
    note: toStderr,
    hasColour: process.stdout.isTTY && process.stdout.hasColors() && !process.env["NO_COLOR"],
    workingDirectory: workingDirectory(),
    env: process.env,
    uid: process.geteuid!(),
    accountHome: home,
    self: [process.execPath, ...process.execArgv, realpathSync(script)],
    interrupts: new Interrupts(process, toStderr),
    loadActions: async () =>
      (await import("./bound-actions.ts")).bindActions({
        env: { ...process.env, HOME: homeOf(process.env, home) },
        uid: process.geteuid!(),
      }),
  };
}

function toStderr(text: string): void {
  process.stderr.write(text);
}

/** Below a mount that died there is none any more, and it is from there that people unmount: the shell knows its name. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    const { PWD } = process.env;
    if (PWD !== undefined && isAbsolute(PWD)) return PWD;
    throw error;
  }
}

/** A user id without an account (a container) has no home but what $HOME says. */
function accountHome(): string {
  try {
    return userInfo().homedir;
  } catch {
    return process.env["HOME"] ?? "/";
  }
}

if (import.meta.main) main();
