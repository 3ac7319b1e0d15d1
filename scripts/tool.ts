/**
 * Runs a program of node_modules/.bin at the root of the clone, on the pinned Node.js.
 */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = dirname(dirname(fileURLToPath(import.meta.url)));
const BIN = join(ROOT, "node_modules", ".bin");

export interface ToolResult {
  /** 128 when a signal ended it. */
  readonly exitCode: number;
  /** stdout and stderr in the order in which they came. */
  readonly output: string;
}

/** `name` is a program in node_modules/.bin, found before any other of that name. */
export function runTool(name: string, args: readonly string[]): Promise<ToolResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(BIN, name), args, {
      cwd: ROOT,
      env: { ...process.env, PATH: `${BIN}:${process.env["PATH"] ?? ""}` },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ exitCode: code ?? 128, output }));
  });
}
