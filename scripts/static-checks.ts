/**
 * The checks that run no code of ours: format, lint, types. All run whatever the others find.
 */
import { runTool } from "./tool.ts";

const CHECKS: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: "format", command: ["oxfmt", "--check"] },
  { name: "lint", command: ["oxlint", "--type-aware", "--deny-warnings"] },
  { name: "types", command: ["tsc", "-p", "."] },
];

/** Prints one line a check, and the whole output of one that fails. */
export async function runStaticChecks(): Promise<{ passed: number; failed: number }> {
  let failed = 0;
  for (const { name, command } of CHECKS) {
    const [tool, ...args] = command;
    const { exitCode, output } = await runTool(tool!, args);
    console.log(`${exitCode === 0 ? "ok  " : "FAIL"} ${name}: ${command.join(" ")}`);
    if (exitCode !== 0) {
      failed++;
      console.log(output.trimEnd());
    }
  }
  return { passed: CHECKS.length - failed, failed };
}
