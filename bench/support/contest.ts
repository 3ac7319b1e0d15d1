/**
 * Runs the same work on several directories in turn and prints medians and ratios. Machines are shared and noisy: only
 * ratios within one run count, so contenders alternate round by round.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export interface Contender {
  readonly name: string;
  /** An empty directory of its own. */
  readonly directory: string;
}

export interface Work {
  readonly name: string;
  /** What one unit is: "op" or "MB". */
  readonly unit: string;
  /** Does the work below `directory`, timing only what counts; returns units a second. */
  run(directory: string): number;
}

export interface Row {
  readonly work: string;
  readonly unit: string;
  /** Medians by contender, units a second. */
  readonly medians: Readonly<Record<string, number>>;
  readonly spread: Readonly<Record<string, readonly [number, number]>>;
}

export function contest(
  contenders: readonly Contender[],
  works: readonly Work[],
  roundCount: number,
): Row[] {
  const results = new Map<string, Map<string, number[]>>();
  for (let round = 0; round < roundCount; round++) {
    for (const work of works) {
      for (const contender of round % 2 === 0 ? contenders : contenders.toReversed()) {
        const directory = join(
          contender.directory,
          `r${round}-${work.name.replaceAll(/\W+/g, "-")}`,
        );
        mkdirSync(directory);
        const rate = work.run(directory);
        rmSync(directory, { recursive: true, force: true });
        const byName = results.get(work.name) ?? new Map<string, number[]>();
        results.set(work.name, byName);
        byName.set(contender.name, [...(byName.get(contender.name) ?? []), rate]);
      }
    }
  }
  return works.map((work) => toRow(work, results.get(work.name)!));
}

export function printRows(rows: readonly Row[], baseline: string): void {
  for (const row of rows) {
    const base = row.medians[baseline]!;
    const cells = Object.entries(row.medians).map(([name, median]) => {
      const ratio = name === baseline ? "" : ` (${(median / base).toFixed(2)})`;
      return `${name} ${formatRate(median)} ${row.unit}/s${ratio}`;
    });
    console.log(`${row.work.padEnd(34)} ${cells.join("   ")}`);
  }
}

function toRow(work: Work, byName: ReadonlyMap<string, number[]>): Row {
  const medians: Record<string, number> = {};
  const spread: Record<string, readonly [number, number]> = {};
  for (const [name, rates] of byName) {
    const sorted = rates.toSorted((a, b) => a - b);
    medians[name] = sorted[Math.floor(sorted.length / 2)]!;
    spread[name] = [sorted[0]!, sorted[sorted.length - 1]!];
  }
  return { work: work.name, unit: work.unit, medians, spread };
}

function formatRate(rate: number): string {
  return rate >= 1000 ? Math.round(rate).toLocaleString("en-US") : rate.toFixed(1);
}

/** Units a second of `count` units done by `work`. */
export function rate(count: number, work: () => void): number {
  const startMs = performance.now();
  work();
  return (count * 1000) / (performance.now() - startMs);
}
