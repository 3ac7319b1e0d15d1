/**
 * What prove(1), the runner of suites that speak TAP, says at its end:
 *
 *    tests/rename/00.t (Wstat: 0 Tests: 150 Failed: 2)
 *      Failed tests:  49, 53-54
 *    Files=238, Tests=8827, 90 wallclock secs ( …
 *
 * Files that passed have no line in the summary.
 */
import type { SuiteReport } from "./outside-suite.ts";

export interface ProveReport extends SuiteReport {
  readonly fileCount: number;
}

/** A failure is "FILE NUMBER", as "rename/00.t 49"; a file that ended badly is one too. `root` is taken off. */
export function readProve(lines: readonly string[], root = ""): ProveReport {
  const failures: string[] = [];
  let file = "";
  let failed = 0;
  for (const line of lines) {
    const summary = /^(\S+)\s+\(Wstat: (\d+).*Tests: \d+ Failed: (\d+)\)$/u.exec(line);
    if (summary !== null) {
      file = summary[1]!.startsWith(root) ? summary[1]!.slice(root.length) : summary[1]!;
      if (summary[3] === "0" && summary[2] !== "0") failures.push(`${file} ended badly`);
      failed += Number(summary[3]);
    }
    const numbers = /^\s+Failed tests?:\s+(.*)$/u.exec(line);
    if (numbers !== null) failures.push(...expand(numbers[1]!).map((one) => `${file} ${one}`));
    if (/^\s+Parse errors:/u.test(line)) failures.push(`${file}:${line.trim()}`);
  }
  const total = lines.map((line) => /^Files=(\d+), Tests=(\d+)/u.exec(line)).find(Boolean);
  const tests = Number(total?.[2] ?? 0);
  return { fileCount: Number(total?.[1] ?? 0), passed: tests - failed, failed, failures };
}

/** "49, 53-54" */
function expand(numbers: string): number[] {
  return numbers.split(",").flatMap((part) => {
    const [first, last] = part.split("-").map(Number);
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, index) => first! + index);
  });
}
