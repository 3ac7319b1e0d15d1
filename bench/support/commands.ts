/** Programs that the application benchmarks run, bound to the contender's CPU, with the clock round them. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type Contender, cpuOf } from "../contenders/contender.ts";
import type { Work } from "./contest.ts";

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Seconds that `command` takes; throws with what it said when it fails. */
export async function timeCommand(
  contender: Contender,
  command: readonly string[],
  options: CommandOptions = {},
): Promise<number> {
  const startMs = performance.now();
  await runCommand(contender, command, options);
  return (performance.now() - startMs) / 1000;
}

/** What it printed; bound to the contender's CPU. Asynchronous, so that nobody who serves it waits for this process. */
export async function runCommand(
  contender: Contender,
  command: readonly string[],
  { cwd = "/", env = {} }: CommandOptions = {},
): Promise<string> {
  const cpu = cpuOf(contender);
  const bound = cpu === undefined ? command : ["taskset", "-c", String(cpu), ...command];
  const child = spawn(bound[0]!, bound.slice(1), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return output;
  throw new Error(`${command.join(" ")}: exit ${code}: ${complaint.trim().slice(-400)}`);
}

export function hasProgram(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}

/** `works` when `program` is there; none, and a line that says so, when it is not. */
export function whenInstalled(program: string, works: () => readonly Work[]): readonly Work[] {
  if (hasProgram(program)) return works();
  console.log(`skipped: ${program} is not installed`);
  return [];
}
