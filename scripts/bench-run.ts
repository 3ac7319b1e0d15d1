/** Runs benchmarks one after the other, each a program of its own: it fails when something does not work, never on time. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { ROOT } from "./tool.ts";

/** `words` narrow the files to those whose path holds one of them; none means all. `options` go to each. */
export function runBenchmarks(
  words: readonly string[],
  options: readonly string[],
): { readonly passed: number; readonly failed: number } {
  const files = globSync("bench/**/*.bench.ts", { cwd: ROOT })
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .toSorted();
  let failed = 0;
  for (const file of files) {
    console.log(`\n${file}`);
    const { status } = spawnSync(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", file, ...options],
      { cwd: ROOT, stdio: "inherit" },
    );
    if (status !== 0) failed++;
  }
  return { passed: files.length - failed, failed };
}
