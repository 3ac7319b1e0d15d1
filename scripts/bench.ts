/**
 * `npm run bench`: every bench/*.bench.ts in turn, at smoke size; `-- --full` for the real one, `-- word` for those
 * whose name holds the word. Each is a program of its own, which gets the options handed on.
 * `npm run bench -- --report` writes the figures that full runs kept into docs/performance.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fillReport } from "../bench/support/report.ts";
import { readResults } from "../bench/support/results.ts";
import { runBenchmarks } from "./bench-run.ts";
import { ROOT } from "./tool.ts";

const words = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
if (options.includes("--report")) {
  const path = join(ROOT, "docs", "performance.md");
  writeFileSync(path, fillReport(readFileSync(path, "utf8"), readResults()));
} else {
  const { passed, failed } = runBenchmarks(words, options);
  if (passed + failed === 0) console.error(`bench: no file of bench/ fits ${words.join(" ")}`);
  if (passed === 0 || failed > 0) process.exitCode = 1;
}
