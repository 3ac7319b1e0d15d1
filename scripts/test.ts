/**
 * `npm test`: everything that is checked and tested; the last line is `N passed, N failed`.
 *
 * The benchmarks run last, at smoke size: each counts as one, and fails only when something does not work.
 *
 * With words (`npm test -- cli journal`) only the test files whose path holds one of them run, without the static
 * checks. As root on Debian it first installs the packages that the tests through a mount need.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { runBenchmarks } from "./bench-run.ts";
import { runStaticChecks } from "./static-checks.ts";
import { runTestFiles, SLICES, UNIT_TESTS } from "./test-run.ts";
import { printTotal } from "./test-total.ts";
import { ROOT } from "./tool.ts";

const words = process.argv.slice(2);
spawnSync("sh", [join(ROOT, "scripts", "test-dependencies.sh")], { stdio: "inherit" });

const parts: { passed: number; failed: number; skipped?: number }[] = [];
if (words.length === 0) parts.push(await runStaticChecks());
for (const group of [UNIT_TESTS, ...SLICES]) parts.push(await runTestFiles(group, words));
if (words.length === 0) parts.push(runBenchmarks([], []));

const skipped = parts.reduce((sum, part) => sum + (part.skipped ?? 0), 0);
console.log(skipped === 0 ? "" : `\n${skipped} skipped, each with its reason above`);
printTotal(parts);
