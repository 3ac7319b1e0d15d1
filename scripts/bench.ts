/**
 * `npm run bench`: every bench/*.bench.ts in turn, at smoke size; `-- --full` for the real one, `-- word` for those
 * whose name holds the word. Each is a program of its own, which gets `--full` handed on.
 */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { ROOT } from "./tool.ts";

const words = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const files = globSync("bench/**/*.bench.ts", { cwd: ROOT })
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .toSorted();

if (files.length === 0) {
  console.error(`bench: no file of bench/ fits ${words.join(" ")}`);
  process.exitCode = 1;
}
for (const file of files) {
  console.log(`\n${file}`);
  const { status } = spawnSync(process.execPath, [file, ...options], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
